"""Decode a video into frames with exact times; what is skipped is never converted to RGB."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import av

from facevlm.errors import UsageError, VideoError
from facevlm.video.clip import DecodeReport, Frame, VideoInfo
from facevlm.video.clock import Clock
from facevlm.video.container import decoded, open_container, seconds_per_tick, stated_end, stated_rate, video_stream
from facevlm.video.display import Canvas
from facevlm.video.probe import no_picture, probe

SHORT_S = 0.5  # a stream that ends this much before its own stated end is said to be cut
SHORT_OF_FILE_S = 1.0  # the same where only the whole file states an end (sound may outlast the picture)


class Video:
    """One video file, decoded as often as asked.

        with Video.open("talk.mp4") as video:
            for frame in video.frames():
                ...

    Attributes:
        info: Facts of the file.
        report: Account of the latest `frames` call (before the second one: of the first): running while it runs,
            complete when it is exhausted.
    """

    def __init__(self, info: VideoInfo) -> None:
        self.info = info
        self.report = DecodeReport()
        self._used = False

    @classmethod
    def open(cls, path: str | Path) -> "Video":
        """Opens a file and decodes its first picture.

        Raises:
            VideoError: as `probe`.
        """
        return cls(probe(path))

    def __enter__(self) -> "Video":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing stays open between decodes; each `frames` iterator closes the file it opened."""

    def frames(
        self, start: float | None = None, end: float | None = None, *, keep: Callable[[float], bool] | None = None
    ) -> Iterator[Frame]:
        """Decodes the file from its beginning and yields the frames in [start, end) that `keep` wants.

        Frames before `start` are decoded too, so that indices and times are the same in every call. Damaged packets
        are skipped and counted in `report`. A frame that the decoder marks as damaged is counted and still yielded;
        what it invents for missing parts may differ between two decodes, because several threads decode.

        Args:
            start: Seconds from the first displayed frame, None for the beginning.
            end: Seconds from the first displayed frame, None for the end of the file.
            keep: Asked with the time of each displayed frame of the range, in order, before the frame is converted to
                RGB; see `facevlm.video.sampling.Sampler`.

        Yields:
            Frames with increasing times and images of one size, `info.width` x `info.height`.

        Raises:
            UsageError: if the range is empty.
            VideoError: if the file has gone, or no picture can be decoded.
        """
        if start is not None and end is not None and end <= start:
            raise UsageError(f"the end ({end} s) is not after the start ({start} s)", mend="give --start below --end")
        if self._used:
            self.report = DecodeReport()
        self._used = True
        return self._frames(self.report, 0.0 if start is None else start, end, keep)

    def _frames(
        self, report: DecodeReport, start: float, end: float | None, keep: Callable[[float], bool] | None
    ) -> Iterator[Frame]:
        path = self.info.path

        def damaged(reason: str) -> None:
            report.frames_damaged += 1
            reasons.append(reason)

        reasons: list[str] = []
        with open_container(path) as container:
            stream = video_stream(container, path)
            stream.thread_type = "AUTO"
            stated, own = stated_end(container, stream)
            clock = Clock(seconds_per_tick(stream), stated_rate(stream), stated)
            canvas = Canvas(path, stream.sample_aspect_ratio, size=(self.info.width, self.info.height))
            complete = True
            for picture in decoded(container, stream, damaged):
                index = report.frames_decoded
                report.frames_decoded += 1
                if picture.is_corrupt:
                    damaged("the decoder concealed missing data")
                stamp = picture.pts if picture.pts is not None else picture.dts
                time = clock.time(stamp, picture.duration or 0)
                if time is None:
                    continue
                if end is not None and time >= end:
                    complete = False
                    break
                report.last_time = time
                if time < start or (keep is not None and not keep(time)):
                    continue
                try:
                    image = canvas.rgb(picture)
                except (av.FFmpegError, ValueError, VideoError) as error:
                    damaged(str(error))
                    continue
                yield Frame(index=index, time=time, image=image)
        if report.frames_decoded == 0:
            raise no_picture(path, reasons)
        _conclude(report, clock, canvas)
        if complete and self.info.duration_s is not None and report.last_time is not None:
            reached = report.last_time + clock.step
            if reached < self.info.duration_s - (SHORT_S if own else SHORT_OF_FILE_S):
                report.warnings.append(
                    f"The picture ends at {reached:.2f} s although the file states {self.info.duration_s:.2f} s; "
                    "it may be cut short."
                )


def _conclude(report: DecodeReport, clock: Clock, canvas: Canvas) -> None:
    """Adds to the report what was wrong with packets, times and sizes."""
    if report.frames_damaged:
        report.warnings.append(f"Damaged frames or packets: {report.frames_damaged}. What could be decoded was used.")
    report.warnings.extend(clock.warnings(report.frames_decoded))
    if canvas.refitted:
        report.warnings.append(
            f"The size of the picture changes. Frames fitted into the size of the first one: {canvas.refitted}."
        )
