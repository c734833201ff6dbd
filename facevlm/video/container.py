"""Open a file safely and read what its container states: the video stream, rate, duration, damaged packets skipped."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from facevlm.errors import VideoError

MAX_SIDE = 16384  # pixels; more is a damaged header, not a picture
MAX_PIXELS = 100_000_000  # 8K is 33 million
READ_TIMEOUT_S = 60.0  # of one read; only a dead network drive takes so long
MAX_READ_ERRORS = 50  # in a row, without one packet between them
ATTACHED_PICTURE = 0x400  # FFmpeg's AV_DISPOSITION_ATTACHED_PIC: cover art of a sound file
# Demuxers that make pictures of text or follow the links in it.
NO_VIDEO_FORMATS = frozenset({"tty", "bin", "xbin", "adf", "idf", "hls", "dash", "concat", "lavfi"})
# Decoders that make pictures of text.
NO_VIDEO_CODECS = frozenset({"ansi", "xbin", "bintext", "idf"})


def open_container(path: str | Path) -> InputContainer:
    """Opens a video file for reading, with no access to anything but this file's protocol.

    Raises:
        VideoError: if the file is missing, is a directory, is empty, cannot be read, or is no video container.
    """
    _check_file(Path(path))
    try:
        # "file:" keeps a name such as "a:b.mp4" or "http:x" from being read as a protocol.
        container = av.open(
            f"file:{path}",
            mode="r",
            metadata_errors="replace",
            container_options={"protocol_whitelist": "file", "pattern_type": "none"},
            timeout=READ_TIMEOUT_S,
        )
    except (av.FFmpegError, ValueError, MemoryError) as error:
        raise VideoError(
            f"is no video file, or is damaged beyond reading ({_reason(error)})",
            where=path,
            mend="try to play it; if it plays, convert it with ffmpeg -i FILE fixed.mp4",
        ) from error
    if set(container.format.name.split(",")) & NO_VIDEO_FORMATS:
        name = container.format.name
        container.close()
        raise VideoError(f"is text ({name}), not a video file", where=path, mend="give a video file")
    return container


def video_stream(container: InputContainer, path: str | Path) -> VideoStream:
    """Returns the video stream to decode: the first that is no cover art, else an error that says what there is.

    Raises:
        VideoError: if no stream holds pictures, no decoder knows them, or the stated size is absurd.
    """
    streams = [s for s in container.streams.video if not s.disposition.value & ATTACHED_PICTURE]
    if not streams:
        what = "holds sound but no picture" if container.streams.audio else "holds no picture"
        raise VideoError(what, where=path, mend="give a file with a video track")
    stream = streams[0]
    # A stream without a decoder has no codec context, and asking it for one raises.
    if stream.codec_context is None or stream.codec_context.name in NO_VIDEO_CODECS:
        raise VideoError(
            "is in a codec that this FFmpeg cannot decode", where=path, mend="convert it with ffmpeg -i FILE fixed.mp4"
        )
    check_size(stream.codec_context.width, stream.codec_context.height, path)
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}  # else a damaged header may ask for gigabytes
    return stream


def check_size(width: int, height: int, path: str | Path) -> None:
    """Raises VideoError if a picture of this size cannot be meant seriously."""
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise VideoError(
            f"states a picture of {width}x{height} pixels; read are at most {MAX_SIDE} a side, {MAX_PIXELS:,} in all",
            where=path,
            mend="scale it down with ffmpeg -i FILE -vf scale=1920:-2 smaller.mp4",
        )


def seconds_per_tick(stream: VideoStream) -> Fraction:
    """Returns the unit of the stream's time stamps; the microsecond where it states none."""
    return Fraction(stream.time_base) if stream.time_base else Fraction(1, av.time_base)


def stated_rate(stream: VideoStream) -> Fraction | None:
    """Returns the exact average rate in frames per second that the container states, None where it states none."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate is not None and 0 < rate <= 100_000:
            return Fraction(rate)
    return None


def stated_end(container: InputContainer, stream: VideoStream) -> tuple[Fraction | None, bool]:
    """Returns (time in seconds on the PTS axis at which the stream ends, whether the video stream itself states it).

    Where only the whole file states a duration, sound may last longer than the picture.
    """
    if stream.duration is not None and stream.duration > 0:
        return ((stream.start_time or 0) + stream.duration) * seconds_per_tick(stream), True
    tag = next((_clock_tag(v) for k, v in stream.metadata.items() if k.upper().startswith("DURATION")), None)
    if tag is not None:  # Matroska
        return tag, True
    if container.duration is not None and container.duration > 0:
        return Fraction((container.start_time or 0) + container.duration, av.time_base), False
    return None, False


def decoded(
    container: InputContainer, stream: VideoStream, on_damage: Callable[[str], None]
) -> Iterator[av.VideoFrame]:
    """Yields the decoded frames in presentation order; a packet that cannot be read or decoded is skipped.

    Args:
        container: The open file.
        stream: Its stream to decode.
        on_damage: Called with the reason for each packet that was skipped.
    """
    for packet in _packets(container, stream, on_damage):
        try:
            frames = stream.codec_context.decode(packet)
        except EOFError:
            return
        except (av.FFmpegError, ValueError, MemoryError) as error:
            on_damage(_reason(error))
            continue
        yield from frames


def _packets(
    container: InputContainer, stream: VideoStream, on_damage: Callable[[str], None]
) -> Iterator[av.Packet | None]:
    """Yields the packets of the stream and at last None, which flushes the decoder."""
    errors = 0
    while errors < MAX_READ_ERRORS:
        try:
            for packet in container.demux(stream):
                errors = 0
                if packet.size:  # the empty packet at the end would flush too early when reading goes on after an error
                    yield packet
            break
        except IndexError:  # PyAV at the end of a file in which a stream appeared midway: that one cannot be flushed
            break
        except (av.FFmpegError, MemoryError) as error:
            errors += 1
            on_damage(_reason(error))
    yield None


def _check_file(path: Path) -> None:
    """Raises VideoError if the path does not lead to a readable regular file with something in it."""
    try:
        if path.is_dir():
            raise VideoError("is a folder, not a video file", where=path, mend="name the video files in it")
        if path.is_symlink() and not path.exists():
            raise VideoError("is a link that leads nowhere", where=path, mend="give the file itself")
        if not path.exists():
            raise VideoError("no such file", where=path, mend="check the path")
        if not path.is_file():
            raise VideoError("is no regular file", where=path, mend="save the video to a file first")
        if path.stat().st_size == 0:
            raise VideoError("is empty (0 bytes)", where=path, mend="copy or download it again")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise VideoError(f"cannot be read ({reason})", where=path, mend="check the path and its permissions") from error


def _reason(error: Exception) -> str:
    """FFmpeg's own words, without the path that PyAV adds."""
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _clock_tag(text: str) -> Fraction | None:
    """Reads Matroska's "00:01:02.5" as seconds."""
    try:
        hours, minutes, seconds = text.replace("\x00", "").strip().split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except (ValueError, ZeroDivisionError):
        return None
