"""Story 2: video → people, their timed events, and words.

perceive → signals → events → sentences → Description
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from facevlm.analysing import Analyser, FaceReader
from facevlm.captioning.appearance import appearance
from facevlm.captioning.captions import THE_PERSON, caption_person, caption_text, caption_video
from facevlm.captioning.face_attributes import looks_of
from facevlm.captioning.sentence import AppearanceValue
from facevlm.description import NO_FACE, Description, Person, Thumbnail, unknown_numbers
from facevlm.errors import UsageError
from facevlm.expression.event import Event, SignalTable
from facevlm.expression.events import find_events
from facevlm.expression.recorder import SignalRecorder
from facevlm.perceiving import Perception, PerceptionConfig, perceive
from facevlm.tracking.track import Moment, TrackSummary
from facevlm.video.filmstrip import FilmstripRecorder

SMALL_FACE_PX = 40.0  # outer-eye distance below which eyes and lips are too small to be judged well
QUICK_FPS = 15.0  # frames a second below which blinks and the like fall between frames (`facevlm describe --fps`)
JUDGED_FPS = 8.0  # frames a second, and ...
JUDGED_S = 0.3  # ... seconds, below which it cannot be said that nothing happens
AT_FIRST_S = 0.5  # seconds within which a person counts as seen in the first frame


def describe(
    clip: str | Path,
    *,
    who: str | int | tuple[float, float] = "all",
    fps: str | float | Fraction = "native",
    start: float | None = None,
    end: float | None = None,
    infer: bool = False,
    config: PerceptionConfig | None = None,
    saved: str | Path | None = None,
    analyser: Analyser | None = None,
    on_progress: Callable[[float], None] | None = None,
    on_moment: Callable[[Moment], None] | None = None,
) -> Description:
    """Describe the faces of a video.

    Args:
        clip: Path of the video.
        who: "all", "main", the id of a person, or "x,y" or (x, y): the one at that point (pixels) of the first frame.
        fps: "native" (at most 30 per second), or frames per second such as 16.
        start: Seconds from the first displayed frame, None for the beginning.
        end: Seconds, None for the end.
        infer: Whether captions add inferred feelings in [brackets].
        config: How faces are looked for.
        saved: Folder in which what is seen is kept, and from which what is there is taken, as in `perceive`.
        analyser: A model that looks at each face once a second, such as `facevlm.models.face_analyser.FaceAnalyser`;
            of what it is sure (hair, glasses, beard) the captions tell too.
        on_progress: Called with the time reached in seconds.
        on_moment: Called with every moment, for overlays and the like.

    Returns:
        People (main characters first), their events and captions.

    Raises:
        VideoError: The file is no video or holds no picture.
        UsageError: An argument is wrong, or there is no such person.
        WeightsError: Weights are missing and cannot be fetched.
        OutputError: Nothing can be kept in the folder `saved`.
    """
    _chooser(who)  # tells a wrong one before the work starts
    perception = perceive(clip, fps=fps, start=start, end=end, config=config, saved=saved)
    return described(perception, who=who, infer=infer, analyser=analyser, on_progress=on_progress, on_moment=on_moment)


def described(
    perception: Perception,
    *,
    who: str | int | tuple[float, float] = "all",
    infer: bool = False,
    analyser: Analyser | None = None,
    on_progress: Callable[[float], None] | None = None,
    on_moment: Callable[[Moment], None] | None = None,
) -> Description:
    """Describe what is being perceived: for whoever needs the frames afterwards too.

    Args:
        perception: From `perceive`, not yet iterated.
        who, infer, analyser, on_progress, on_moment: As for `describe`.

    Returns:
        As `describe`.

    Raises:
        FacevlmError: As `describe`.
    """
    choose = _chooser(who)
    recorder, filmstrip = SignalRecorder(), FilmstripRecorder()
    reader = None if analyser is None else FaceReader(analyser)
    for moment in perception:
        recorder(moment)
        if reader:
            reader(moment)
        filmstrip(moment.time, moment.image)
        if on_moment:
            on_moment(moment)
        if on_progress:
            on_progress(moment.time)
    tracks = choose(perception)
    people = _people(tracks, recorder, reader, perception, infer=infer)
    return Description(
        video=perception.video,
        decoding=perception.report,
        people=people,
        caption=caption_video([person.sentences for person in people]),
        warnings=tuple(dict.fromkeys(_warnings(perception, people))),
        shots=tuple(perception.shots),
        filmstrip=tuple(Thumbnail(time, jpeg) for time, jpeg in filmstrip.pictures()),
        candidates=tuple(perception.tracks),
    )


def _people(
    tracks: list[TrackSummary],
    recorder: SignalRecorder,
    reader: FaceReader | None,
    perception: Perception,
    *,
    infer: bool,
) -> tuple[Person, ...]:
    people: list[Person] = []
    first_id = 1
    for track in tracks:
        table = recorder.table(track.parts)
        events = find_events(table, first_id=first_id)
        first_id += len(events)
        name = THE_PERSON if len(tracks) == 1 else f"Person {track.track_id}"
        looks = appearance(table, width=perception.video.width, height=perception.video.height)
        if reader:
            seen = reader.person(track)
            looks |= looks_of(seen.attributes, seen.guesses)
        people.append(_person(track, table, events, looks, perception, name=name, infer=infer))
    return tuple(people)


def _person(
    track: TrackSummary,
    table: SignalTable,
    events: tuple[Event, ...],
    looks: dict[str, AppearanceValue],
    perception: Perception,
    *,
    name: str,
    infer: bool,
) -> Person:
    sentences = caption_person(
        events,
        spans=track.spans,
        start=perception.shots[0][0],
        end=perception.shots[-1][1],
        appearance=looks,
        shots=perception.shots,
        gaps=perception.gaps,
        name=name,
        others=len(perception.tracks) > 1,
        judged=_judged(table),
        infer=infer,
        seed=track.track_id,
    )
    return Person(track, looks, events, caption_text(sentences), sentences, table)


def _judged(table: SignalTable) -> bool:
    """Whether enough frames, of a face large and clear enough, were looked at to say that nothing happens in it."""
    clear = np.isfinite(table.values["pitch"])
    times = table.times[clear]
    if len(times) <= len(clear) / 2 or _small(table):
        return False
    return times[-1] - times[0] >= JUDGED_S and _rate(times) >= JUDGED_FPS


def _small(table: SignalTable) -> bool:
    """Whether eyes and fine mouth shapes are too small to be judged."""
    size = table.values["size"]
    return len(size) > 0 and float(np.median(size)) < SMALL_FACE_PX


def _rate(times: np.ndarray) -> float:
    """Mean frames a second of float (N,) seconds, N > 1, without the gaps in which the person was away."""
    steps = np.diff(times)
    return 1.0 / max(float(steps[steps <= 2.5 * np.median(steps)].mean()), 1e-6)


def _chooser(who: str | int | tuple[float, float]) -> Callable[[Perception], list[TrackSummary]]:
    """Reads `who`; the result picks the wanted people."""
    if who == "all":
        return lambda perception: perception.tracks
    if who == "main":
        return lambda perception: [t for t in perception.tracks if t.main]
    parts = who.split(",") if isinstance(who, str) else who if isinstance(who, tuple) else (who,)
    try:
        numbers = [float(part) for part in parts]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) == 2 and np.isfinite(numbers).all():
        return lambda perception: _chosen(_at(perception, np.array(numbers)))
    if len(numbers) == 1 and numbers[0].is_integer():
        return lambda perception: _chosen(_by_id(perception.tracks, int(numbers[0])))
    raise UsageError(f"{who!r} names nobody", where="--who", mend='give "main", "all", an id, or a point "x,y"')


def _by_id(tracks: list[TrackSummary], track_id: int) -> TrackSummary:
    for track in tracks:
        if track_id in track.parts:
            return track
    ids = ", ".join(str(t.track_id) for t in tracks) or "none: no face was found"
    raise UsageError(f"there is no person {track_id}", where="--who", mend=f"ids in this video: {ids}")


def _at(perception: Perception, point: np.ndarray) -> TrackSummary:
    """The person in the first frame whose box holds the point, else the nearest one, at most its own size away."""
    width, height = perception.video.width, perception.video.height
    where = f"--who {point[0]:g},{point[1]:g}"
    if not (0 <= point[0] <= width and 0 <= point[1] <= height):
        raise UsageError(f"the point is outside the picture of {width}x{height}", where=where, mend="give one in it")
    first = perception.shots[0][0]
    there = [t for t in perception.tracks if t.spans[0][0] <= first + AT_FIRST_S]
    near = [(distance, t) for t in there if (distance := _distance(t, point)) <= max(t.first_box[2:] - t.first_box[:2])]
    if near:
        return min(near, key=lambda pair: (pair[0], pair[1].track_id))[1]
    if not there:
        raise UsageError("no face was found in the first frame", where=where, mend="give an id, or another --start")
    seen = ", ".join(f"{t.track_id} at {_centre(t)}" for t in there)
    raise UsageError("no face is near the point in the first frame", where=where, mend=f"there are: {seen}")


def _distance(track: TrackSummary, point: np.ndarray) -> float:
    """Pixels from a point to the box in which a person was first seen, 0 inside."""
    low, high = track.first_box[:2], track.first_box[2:]
    return float(np.linalg.norm(np.maximum(np.maximum(low - point, point - high), 0)))


def _centre(track: TrackSummary) -> str:
    x, y = (track.first_box[:2] + track.first_box[2:]) / 2
    return f"{x:.0f},{y:.0f}"


def _chosen(track: TrackSummary) -> list[TrackSummary]:
    return [track if track.main else replace(track, main=True, reason="Chosen by the user.", selection=None)]


def _warnings(perception: Perception, people: tuple[Person, ...]) -> list[str]:
    found = [*perception.report.warnings, *unknown_numbers(perception.video, [person.track for person in people])]
    if not people:
        found.append(NO_FACE)
    for person in people:
        times = person.signals.times
        if len(times) > 1 and _rate(times) < QUICK_FPS:
            found.append(
                f"Only {_rate(times):.2g} frames a second were looked at: "
                "blinks and other quick movements may be missed."
            )
        elif len(times) < 2 or times[-1] - times[0] < JUDGED_S:
            found.append(f"Person {person.track_id} was seen too shortly to tell what the face does.")
        if _small(person.signals):
            size = np.median(person.signals.values["size"])
            found.append(
                f"Person {person.track_id} is small ({size:.0f} px between the outer eye corners): "
                "eyes, gaze and fine mouth shapes are not judged."
            )
        vague = np.isnan(person.signals.values["pitch"])
        hidden = np.isnan(person.signals.values["mouth_aperture"]) & ~vague
        for unseen, what in (
            (vague, f"The face of person {person.track_id} is covered or unclear"),
            (hidden, f"Something hides the mouth of person {person.track_id}"),
        ):
            if len(times) and unseen.mean() > 0.1:
                found.append(f"{what} in {unseen.mean():.0%} of the frames: nothing is said of it there.")
    return found
