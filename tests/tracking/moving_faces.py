"""Drawn-up faces that move, and a perceive loop in miniature that carries them from frame to frame."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from facevlm.tracking.track import FaceObservation, TrackedFace
from facevlm.tracking.tracker import Tracker

SIZE = (1280, 720)
_SHAPE = np.random.default_rng(7).uniform(0, 1, (478, 3))
_SHAPE[:2, :2] = [[0, 0], [1, 1]]  # so that the landmarks fill the box


def look(person: int, dimension: int = 16) -> np.ndarray:
    """Unit vector of a person; two people have cosine 0.7."""
    vector = np.zeros(dimension, np.float32)
    vector[0], vector[1 + person] = 0.7**0.5, 0.3**0.5
    return vector


def face(
    cx: float, cy: float, height: float = 100.0, *, person: int | None = None, presence: float = 1.0, scale: float = 1.0
) -> FaceObservation:
    """A face newly found; `person` gives it that person's look."""
    box = np.array([cx - 0.4 * height, cy - height / 2, cx + 0.4 * height, cy + height / 2]) * scale
    landmarks = np.column_stack([box[:2] + _SHAPE[:, :2] * (box[2:] - box[:2]), _SHAPE[:, 2] * height * scale])
    vector = None if person is None else look(person)
    return FaceObservation(box, landmarks, presence, 0.9, vector)


Path = Callable[[float], tuple[float, float, float] | None]  # time -> centre x, centre y, height; None when unseen


@dataclass(frozen=True)
class Actor:
    """A person and where."""

    person: int
    path: Path


def play(
    tracker: Tracker,
    actors: Iterable[Actor],
    times: Iterable[float],
    *,
    shot_of: Callable[[float], int] = lambda t: 0,
    looks: bool = True,
    reverse: bool = False,
) -> list[dict[int, int]]:
    """Run actors through a tracker as perceive would.

    Each live face is carried to the visible actor nearest to its last place (so that two may snap onto one, when the
    other is hidden); actors that nobody carries are newly found.

    Returns:
        Per time: person -> track id, of the faces the tracker gave back.
    """
    actors, story = list(actors), []
    previous: list[TrackedFace] = []
    last_shot = None
    for time in times:
        shot = shot_of(time)
        seen = {a.person: face(*at, person=a.person if looks else None) for a in actors if (at := a.path(time))}
        observations, covered = [], set()
        for old in previous if shot == last_shot else []:
            centre = (old.box[:2] + old.box[2:]) / 2
            reach = 0.75 * (old.box[3] - old.box[1])  # the region of interest is 1.5 faces wide
            near = {p: np.abs((o.box[:2] + o.box[2:]) / 2 - centre).max() for p, o in seen.items()}
            if near and near[nearest := min(near, key=lambda p: near[p])] <= reach:
                observations.append(replace(seen[nearest], carried_from=old.track_id, detector_score=None))
                covered.add(nearest)
        observations += [o for p, o in seen.items() if p not in covered]
        previous, last_shot = tracker.update(time, shot, observations[:: -1 if reverse else 1]), shot
        centres = {p: o.box for p, o in seen.items()}
        story.append({p: f.track_id for f in previous for p, b in centres.items() if np.allclose(b, f.box, atol=0.01)})
    return story


def steady(cx: float, cy: float, height: float = 100.0) -> Path:
    """A path that stays."""
    return lambda t: (cx, cy, height)


def hidden(path: Path, start: float, end: float) -> Path:
    """The same path, unseen in [start, end)."""
    return lambda t: None if start <= t < end else path(t)
