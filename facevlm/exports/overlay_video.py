"""The video with what was found drawn over it: boxes, mesh, ids, running events.

The ids and events are final only after the whole video was seen, so the faces are recorded on disk while it is
perceived (`OverlayRecorder`, fed with each `Moment`) and the video is decoded a second time to draw them.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

from facevlm.description import Description
from facevlm.errors import UsageError
from facevlm.exports.face_recorder import FaceRecorder, RecordedMoment
from facevlm.exports.labels import action_order
from facevlm.exports.overlay_picture import PEOPLE, ShownFace, draw_moment
from facevlm.exports.tracks_document import final_ids
from facevlm.expression.event import Event
from facevlm.tracking.track import Moment
from facevlm.video.clip import Frame
from facevlm.video.decode import Video
from facevlm.video.encode import EncodeOptions, VideoWriter

SHORTEST_S = 0.5  # seconds an event is listed at least, so that a blink can be read
LONGEST_HOLD_S = 1.0  # the last recorded faces are drawn for this long at most


class OverlayRecorder:
    """Feed it each `Moment` while perceiving, then render.

    with OverlayRecorder() as recorder:
        for moment in moments:
            recorder(moment)
        recorder.render(description, "overlay.mp4")
    """

    def __init__(self) -> None:
        self.faces = FaceRecorder()

    def __enter__(self) -> "OverlayRecorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary file."""
        self.faces.close()

    def __call__(self, moment: Moment) -> None:
        """Keep the faces of one moment on disk.

        Raises:
            OutputError: The disk of the temporary folder is full.
        """
        self.faces(moment)

    def render(
        self, description: Description, path: str | Path, *, progress: Callable[[float], None] | None = None
    ) -> None:
        """Decode the video again and write it with the drawing, from the first to the last recorded moment.

        Frames between two recorded moments show the faces of the former. The written video starts at time zero.

        Args:
            description: What was found; its video must still be there.
            path: File to write; its ending chooses the container (.mp4, .mov, .mkv, .webm).
            progress: Called after each frame with its time in seconds from the first displayed frame.

        Raises:
            UsageError: Nothing was recorded, or the ending is not known.
            VideoError: The video has gone or cannot be decoded.
            OutputError: The file cannot be written.
        """
        people = _People(description)
        video = description.video
        options = EncodeOptions(rate=video.fps or Fraction(30))
        with Video.open(video.path) as source:
            pairs = _paired(source.frames(), self.faces.moments())
            first = next(pairs, None)
            if first is None:
                raise UsageError("no moment was recorded", where=path, mend="feed the recorder while perceiving")
            zero = first[0].time
            with VideoWriter(path, source.info.width, source.info.height, options=options) as writer:
                for frame, moment in chain([first], pairs):
                    image = frame.image.copy()
                    draw_moment(image, people.shown(moment, frame.time), time=frame.time)
                    writer.write(image, frame.time - zero)
                    if progress is not None:
                        progress(frame.time)


class _People:
    """Who is drawn how, and what they do when."""

    def __init__(self, description: Description) -> None:
        self._ids = final_ids(person.track for person in description.people)
        self._main = {person.track_id: person.main for person in description.people}
        self._place = {person.track_id: place for place, person in enumerate(description.people)}
        self._events = {person.track_id: _Running(person.events) for person in description.people}

    def shown(self, moment: RecordedMoment, time: float) -> list[ShownFace]:
        """The faces of a moment in the order of the people, with the events that run at `time`."""
        faces = []
        for face in moment.faces:
            if face.track_id not in self._ids:
                continue
            who = self._ids[face.track_id]
            colour, events = PEOPLE[self._place[who] % len(PEOPLE)], self._events[who].at(time)
            faces.append(ShownFace(who, self._main[who], colour, face.box, face.points, face.hidden, events))
        return sorted(faces, key=lambda shown: self._place[shown.track_id])


class _Running:
    """Events by time."""

    def __init__(self, events: tuple[Event, ...]) -> None:
        self._events = sorted(events, key=lambda event: event.t0)
        self._starts = [event.t0 for event in self._events]
        self._longest = max((_end(event) - event.t0 for event in events), default=0.0)

    def at(self, time: float) -> tuple[Event, ...]:
        """Events listed at a time, from the brows down; of one action and side only the latest."""
        low = bisect_right(self._starts, time - self._longest - 1e-6)
        started = self._events[low : bisect_right(self._starts, time)]
        latest = {(event.action, event.image_side): event for event in started if time < _end(event)}
        return tuple(sorted(latest.values(), key=lambda event: (action_order(event.action), event.id)))


def _end(event: Event) -> float:
    return max(event.t1, event.t0 + SHORTEST_S)


def _paired(frames: Iterator[Frame], moments: Iterator[RecordedMoment]) -> Iterator[tuple[Frame, RecordedMoment]]:
    """Give each frame from the first recorded moment on with the latest moment that is not after it."""
    current: RecordedMoment | None = None
    following = next(moments, None)
    step = LONGEST_HOLD_S
    for frame in frames:
        while following is not None and following.index <= frame.index:
            if current is not None:
                step = min(LONGEST_HOLD_S, following.time - current.time)
            current, following = following, next(moments, None)
        if current is None:
            if following is None:
                return
            continue
        if following is None and frame.index > current.index and frame.time >= current.time + step - 1e-6:
            return
        yield frame, current
