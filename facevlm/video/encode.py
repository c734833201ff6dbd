"""Write frames with their times as a video file: whole or not at all."""

import errno
import secrets
import weakref
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from facevlm.errors import OutputError, UsageError

# Encoders by codec, in order of choice. PyAV's wheels hold libx264; an FFmpeg built without it may have OpenH264, and
# every FFmpeg has MPEG-4 part 2, which players know but browsers do not.
ENCODERS: dict[str, tuple[str, ...]] = {
    "h264": ("libx264", "libopenh264", "mpeg4"),
    "hevc": ("libx265",),
    "vp9": ("libvpx-vp9",),
    "mpeg4": ("mpeg4",),
    "ffv1": ("ffv1",),  # lossless
}
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
TICKS = 120_000  # a second; whole numbers of them make 16, 24, 25, 30, 60 fps, their 1000/1001 kin, and milliseconds
MPEG4_TICKS = 60_000  # its header has 16 bits for them
BT709 = 1  # FFmpeg's number of the matrix, primaries and transfer of BT.709
LIMITED_RANGE = 1


@dataclass(frozen=True)
class EncodeOptions:
    """How to encode.

    Attributes:
        crf: Constant quality of H.264, HEVC and VP9 (lower is better and larger).
        preset: Speed of x264 and x265.
        rate: Nominal frames per second, for encoders that plan with it; times are exact whatever it is.
        rotation: Degrees counter-clockwise by which players turn the picture: 0, 90, 180 or 270. Needs PyAV 18.
        more: Further options of the encoder, by FFmpeg's names.
    """

    crf: int = 20
    preset: str = "veryfast"
    rate: Fraction = Fraction(30)
    rotation: int = 0
    more: tuple[tuple[str, str], ...] = ()


class VideoWriter:
    """Writes RGB frames at given times.

        with VideoWriter("out.mp4", 640, 360) as writer:
            writer.write(image, 0.0)

    The file appears under its name when the block ends well; on any error, Ctrl-C included, nothing is left behind. An
    odd width or height is made even by repeating the last column or row, except with the lossless codec. Times are
    stored to 1/120000 s (Matroska and WebM: 1 ms).

    Args:
        path: File to write; its ending chooses the container.
        width: Width of the frames in pixels.
        height: Height of the frames in pixels.
        codec: A key of `ENCODERS`; "h264" falls back to MPEG-4 part 2 where FFmpeg has no H.264 encoder.
        options: See `EncodeOptions`.

    Attributes:
        encoder: FFmpeg's name of the encoder in use.

    Raises:
        UsageError: if the ending, the codec or an option is not known.
        OutputError: if the file cannot be written or no encoder is at hand.
    """

    def __init__(
        self, path: str | Path, width: int, height: int, *, codec: str = "h264", options: EncodeOptions | None = None
    ) -> None:
        self.path = Path(path)
        self.width, self.height = width, height
        options = options or EncodeOptions()
        suffix = self.path.suffix.lower()
        if suffix not in CONTAINERS:
            raise UsageError(
                f"no video container ends in {suffix!r}", where=path, mend=f"name it {', '.join(CONTAINERS)}"
            )
        if codec not in ENCODERS:
            raise UsageError(f"unknown codec {codec!r}", where=path, mend=f"choose one of {', '.join(ENCODERS)}")
        if width < 1 or height < 1:
            raise UsageError(f"cannot write pictures of {width}x{height} pixels", where=path)
        if self.path.is_dir():
            raise OutputError("is a folder, not a file", where=path, mend="name a file in it")
        self.encoder = _encoder(codec, path)
        self._temporary = self.path.with_name(f".{self.path.stem[:100]}.{secrets.token_hex(6)}{suffix}")
        # A signal may come between any two lines, also before `with` is entered: what is left goes with the writer.
        weakref.finalize(self, self._temporary.unlink, missing_ok=True)
        try:
            self._file = self._temporary.open("xb")
        except OSError as error:
            raise _refusal(error, path) from error
        try:
            self._container = av.open(self._file, "w", format=CONTAINERS[suffix])
            self._stream = self._add_stream(options)
        except BaseException as error:
            self._discard()
            if isinstance(error, OSError | av.FFmpegError | ValueError):
                raise _refusal(error, path) from error
            raise
        self._reformatter = VideoReformatter()
        self._pending: tuple[np.ndarray, int] | None = None  # waits for the next one, which tells how long it lasts
        self._step = max(1, round(self._ticks / options.rate))

    def write(self, image: np.ndarray, time: float) -> None:
        """Adds one frame.

        Args:
            image: uint8 (height, width, 3) RGB; may be changed afterwards.
            time: Seconds, later than the frame before.

        Raises:
            UsageError: if the image or the time does not fit.
            OutputError: if the file cannot be written.
        """
        if image.shape != (self.height, self.width, 3) or image.dtype != np.uint8:
            raise UsageError(
                f"a frame is {image.dtype} {image.shape}, not uint8 {(self.height, self.width, 3)}", where=self.path
            )
        tick = round(time * self._ticks)
        if self._pending is not None:
            if tick <= self._pending[1]:
                raise UsageError(f"frame times must increase; {time:.6f} s does not", where=self.path)
            self._step = tick - self._pending[1]
            self._encode(*self._pending)
        self._pending = image.copy(), tick

    def close(self) -> None:
        """Finishes the file and gives it its name.

        Raises:
            OutputError: if nothing was written or the file cannot be written.
        """
        if self._file.closed:
            return
        if self._pending is None:
            self._discard()
            raise OutputError("no frame was written", where=self.path, mend="write at least one frame")
        try:
            self._encode(*self._pending)
            self._mux(None)
            self._container.close()
            self._file.close()
            if self.path.exists():
                self._temporary.chmod(self.path.stat().st_mode & 0o777)
            self._temporary.replace(self.path)
        except BaseException as error:
            self._discard()
            if isinstance(error, OSError | av.FFmpegError):
                raise _refusal(error, self.path) from error
            raise

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._discard()

    def _add_stream(self, options: EncodeOptions) -> VideoStream:
        settings = dict(options.more)
        if self.encoder in ("libx264", "libx265"):
            # Without B-frames decoding and presentation times agree, and so the MP4 states the right duration.
            settings = {"crf": str(options.crf), "preset": options.preset, "bf": "0", **settings}
        elif self.encoder == "libvpx-vp9":
            settings = {"crf": str(options.crf), **settings}
        elif self.encoder == "mpeg4":
            settings = {"q:v": "3", **settings}
        if self.encoder == "libx265":
            settings.setdefault("x265-params", "log-level=error")
        stream = self._container.add_stream(self.encoder, rate=options.rate, options=settings)
        assert isinstance(stream, VideoStream)
        lossless = self.encoder == "ffv1"
        stream.width = self.width if lossless else self.width + self.width % 2
        stream.height = self.height if lossless else self.height + self.height % 2
        stream.pix_fmt = "bgr0" if lossless else "yuv420p"
        self._tagged = not lossless and self.encoder != "mpeg4"
        if self._tagged:  # else players guess the colour matrix by the size of the picture
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = LIMITED_RANGE
        self._ticks = MPEG4_TICKS if self.encoder == "mpeg4" else TICKS
        stream.time_base = stream.codec_context.time_base = Fraction(1, self._ticks)
        if options.rotation:
            if not hasattr(stream, "set_display_rotation"):
                raise OutputError("this PyAV cannot write a rotation", where=self.path, mend='pip install "av>=18"')
            stream.set_display_rotation(options.rotation)
        return stream

    def _encode(self, image: np.ndarray, tick: int) -> None:
        bottom, right = self._stream.height - self.height, self._stream.width - self.width
        if bottom or right:
            image = np.pad(image, ((0, bottom), (0, right), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        if self._tagged:
            frame = self._reformatter.reformat(
                frame, format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
        frame.pts, frame.time_base, frame.duration = tick, Fraction(1, self._ticks), self._step
        try:
            self._mux(frame)
        except (OSError, av.FFmpegError) as error:
            self._discard()
            raise _refusal(error, self.path) from error

    def _mux(self, frame: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def _discard(self) -> None:
        """Removes what was written so far."""
        with suppress(OSError):  # a full disk again, when the buffer is flushed
            self._file.close()  # first, so that PyAV does not write a trailer
        if hasattr(self, "_container"):
            with suppress(OSError, ValueError, av.FFmpegError):
                self._container.close()
        self._temporary.unlink(missing_ok=True)


def _encoder(codec: str, path: str | Path) -> str:
    """Returns the first encoder of the codec that this FFmpeg has."""
    for name in ENCODERS[codec]:
        with suppress(av.FFmpegError, ValueError):
            av.Codec(name, "w")
            return name
    raise OutputError(f"this FFmpeg has no encoder for {codec}", where=path, mend="pip install --upgrade av")


def _refusal(error: Exception, path: str | Path) -> OutputError:
    """Returns the system's or FFmpeg's refusal as an error for the user."""
    number = getattr(error, "errno", None)
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    if number == errno.ENOENT:
        reason, mend = "the folder does not exist", f"create {Path(path).parent} first"
    elif number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        mend = "free some space or choose another disk"
    elif number in (errno.EACCES, errno.EPERM, errno.EROFS):
        mend = "choose a folder you may write to"
    else:
        mend = "choose another name or codec"
    return OutputError(f"cannot be written: {reason}", where=path, mend=mend)
