"""Story 2: video → people, their timed events, and words.

perceive → signals → events → sentences → Description
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from facevlm.description import Description, Person, Thumbnail
from facevlm.errors import UsageError
from facevlm.expression.appearance import appearance
from facevlm.expression.captions import THE_PERSON, caption_person, caption_text, caption_video
from facevlm.expression.event import Event, SignalTable
from facevlm.expression.events import find_events
from facevlm.expression.recorder import SignalRecorder
from facevlm.perceiving import Perception, PerceptionConfig, perceive
from facevlm.tracking.track import Moment, TrackSummary
from facevlm.video.clip import VideoInfo
from facevlm.video.filmstrip import FilmstripRecorder

SMALL_FACE_PX = 40.0  # outer-eye distance below which eyes and lips are too small to be judged well


def describe(
    clip: str | Path,
    *,
    who: str = "all",
    fps: str = "native",
    start: float | None = None,
    end: float | None = None,
    infer: bool = False,
    config: PerceptionConfig | None = None,
    on_progress: Callable[[float], None] | None = None,
    on_moment: Callable[[Moment], None] | None = None,
) -> Description:
    """Describe the faces of a video.

    Args:
        clip: Path of the video.
        who: "all", "main", the id of a person, or "x,y": the person at that point (pixels) of the first frame.
        fps: "native" (at most 30 per second), or frames per second such as "16".
        start: Seconds from the first displayed frame, None for the beginning.
        end: Seconds, None for the end.
        infer: Whether captions add inferred feelings in [brackets].
        config: How faces are looked for.
        on_progress: Called with the time reached in seconds.
        on_moment: Called with every moment, for overlays and the like.

    Returns:
        People (main characters first), their events and captions.

    Raises:
        VideoError: The file is no video or holds no picture.
        UsageError: An argument is wrong, or there is no such person.
        WeightsError: Weights are missing and cannot be fetched.
    """
    choose = _chooser(who)
    perception = perceive(clip, fps=fps, start=start, end=end, config=config)
    recorder, filmstrip = SignalRecorder(), FilmstripRecorder()
    for moment in perception:
        recorder(moment)
        filmstrip(moment.time, moment.image)
        if on_moment:
            on_moment(moment)
        if on_progress:
            on_progress(moment.time)
    tracks = choose(perception.tracks)
    people = _people(tracks, recorder, perception, infer=infer)
    return Description(
        video=perception.video,
        decoding=perception.report,
        people=people,
        caption=caption_video([person.sentences for person in people]),
        warnings=tuple(_warnings(perception, people)),
        shots=tuple(perception.shots),
        filmstrip=tuple(Thumbnail(time, jpeg) for time, jpeg in filmstrip.pictures()),
        candidates=tuple(perception.tracks),
    )


def _people(
    tracks: list[TrackSummary], recorder: SignalRecorder, perception: Perception, *, infer: bool
) -> tuple[Person, ...]:
    people: list[Person] = []
    first_id = 1
    for track in tracks:
        table = recorder.table(track.parts)
        events = find_events(table, first_id=first_id)
        first_id += len(events)
        name = THE_PERSON if len(tracks) == 1 else f"Person {track.track_id}"
        people.append(_person(track, table, events, perception, name=name, infer=infer))
    return tuple(people)


def _person(
    track: TrackSummary,
    table: SignalTable,
    events: tuple[Event, ...],
    perception: Perception,
    *,
    name: str,
    infer: bool,
) -> Person:
    video: VideoInfo = perception.video
    looks = appearance(table, width=video.width, height=video.height)
    sentences = caption_person(
        events,
        spans=track.spans,
        start=perception.shots[0][0],
        end=perception.shots[-1][1],
        appearance=looks,
        shots=perception.shots,
        name=name,
        infer=infer,
        seed=track.track_id,
    )
    return Person(track, looks, events, caption_text(sentences), sentences, table)


def _chooser(who: str) -> Callable[[list[TrackSummary]], list[TrackSummary]]:
    """Reads `who`; the result picks the wanted people."""
    if who == "all":
        return lambda tracks: tracks
    if who == "main":
        return lambda tracks: [t for t in tracks if t.main]
    try:
        numbers = [float(part) for part in who.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 2 and np.isfinite(numbers).all():
        return lambda tracks: _chosen(_nearest(tracks, np.array(numbers)))
    if len(numbers) == 1 and numbers[0].is_integer():
        return lambda tracks: _chosen(_by_id(tracks, int(numbers[0])))
    raise UsageError(f"{who!r} names nobody", where="--who", mend='give "main", "all", an id, or a point "x,y"')


def _by_id(tracks: list[TrackSummary], track_id: int) -> TrackSummary:
    for track in tracks:
        if track_id in track.parts:
            return track
    ids = ", ".join(str(t.track_id) for t in tracks) or "none: no face was found"
    raise UsageError(f"there is no person {track_id}", where="--who", mend=f"ids in this video: {ids}")


def _nearest(tracks: list[TrackSummary], point: np.ndarray) -> TrackSummary:
    """The person seen first whose first box holds the point, else the one seen first whose box is nearest to it."""

    def distance(track: TrackSummary) -> tuple[float, float]:
        low, high = track.first_box[:2], track.first_box[2:]
        return float(np.linalg.norm(np.maximum(np.maximum(low - point, point - high), 0))), track.spans[0][0]

    beginning = min((t.spans[0][0] for t in tracks), default=0.0)
    there = [t for t in tracks if t.spans[0][0] <= beginning + 0.5]
    if not there:
        raise UsageError("no face was found to choose from", where="--who", mend="leave --who away")
    return min(there, key=distance)


def _chosen(track: TrackSummary) -> list[TrackSummary]:
    return [track if track.main else replace(track, main=True, reason="Chosen by the user.", selection=None)]


def _warnings(perception: Perception, people: tuple[Person, ...]) -> list[str]:
    found = list(perception.report.warnings)
    if not people:
        found.append("No face was found.")
    for person in people:
        size = person.signals.values["size"]
        if len(size) and float(np.median(size)) < SMALL_FACE_PX:
            found.append(
                f"Person {person.track_id} is small ({np.median(size):.0f} px between the outer eye corners): "
                "eyes, gaze and fine mouth shapes are not judged."
            )
        hidden = np.isnan(person.signals.values["mouth_aperture"])
        if len(hidden) and hidden.mean() > 0.1:
            found.append(
                f"Something hides the mouth of person {person.track_id} in {hidden.mean():.0%} of the frames: "
                "nothing is said of it there."
            )
    return found
