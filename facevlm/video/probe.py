"""Facts of a video file, checked by decoding its first picture."""

from pathlib import Path

from facevlm.errors import VideoError
from facevlm.video.clip import VideoInfo
from facevlm.video.container import decoded, open_container, seconds_per_tick, stated_end, stated_rate, video_stream
from facevlm.video.display import Canvas


def probe(path: str | Path) -> VideoInfo:
    """Reads the facts of a video file.

    The number of frames that a container states is not among them: it counts frames that an edit list hides.

    Args:
        path: A video file (a still image or an animated GIF is a video too).

    Returns:
        Size as displayed (rotated, with square pixels), exact average rate, stated duration from the first frame.

    Raises:
        VideoError: if the file is missing, a folder, empty, unreadable, text, sound only, absurdly large, or if not one
            picture of it can be decoded. The message says which and how to mend it.
    """
    with open_container(path) as container:
        stream = video_stream(container, path)
        stream.thread_count = 1  # the first picture comes sooner than from many threads, each waiting for a packet
        canvas = Canvas(path, stream.sample_aspect_ratio)
        damage: list[str] = []
        for frame in decoded(container, stream, damage.append):
            width, height = canvas.measure(frame)
            stamp = frame.pts if frame.pts is not None else frame.dts
            end, _ = stated_end(container, stream)
            duration = None if end is None or stamp is None else end - stamp * seconds_per_tick(stream)
            return VideoInfo(
                path=str(path),
                duration_s=float(duration) if duration is not None and duration > 0 else None,
                width=width,
                height=height,
                fps=stated_rate(stream),
                rotation=canvas.rotation,
                codec=stream.codec_context.codec.canonical_name,  # "av1", not "libdav1d"
            )
        raise no_picture(path, damage)


def no_picture(path: str | Path, damage: list[str]) -> VideoError:
    """Returns the error for a video of which not one frame could be decoded."""
    if damage:
        what = f"not one picture could be decoded ({len(damage)} damaged packets; {damage[0]})"
        return VideoError(what, where=path, mend="copy or download it again")
    return VideoError("holds a video track without a single picture", where=path, mend="record or export it again")
