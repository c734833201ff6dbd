"""A scene: shots one after the other, drawn frame by frame, with the truth of each frame."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from facevlm.errors import UsageError
from facevlm.puppet.puppet import Puppet
from facevlm.puppet.script import Script
from facevlm.puppet.shot import Actor, Film, Key, Occluder, Shot
from facevlm.puppet.stage import HIDDEN, IN_VIEW, Sight, Stage, develop
from facevlm.puppet.truth import GroundTruth, truth_of

__all__ = ["Actor", "Film", "Key", "Occluder", "Scene", "SceneFrame", "Shot", "Sight"]

LONGEST_BURST = 9  # frames dropped in a row


@dataclass(frozen=True)
class SceneFrame:
    """One frame and where the people are.

    Attributes:
        time: Seconds from the first frame.
        image: uint8 (H, W, 3) RGB.
        sights: name -> where the face is and how much of it can be seen, for everyone of whose face the frame holds at
            least a corner, even if it is covered wholly.
        shot: Number of the shot, from 0.
    """

    time: float
    image: np.ndarray
    sights: dict[str, Sight]
    shot: int = 0

    @property
    def boxes(self) -> dict[str, np.ndarray]:
        """name -> float (4,) xyxy box of the 468 landmarks in pixels, for people who are mostly in view."""
        return {name: sight.box for name, sight in self.sights.items() if sight.inside >= IN_VIEW}

    @property
    def hidden(self) -> frozenset[str]:
        """Names of people mostly in view, over a quarter of whose face something covers."""
        return frozenset(name for name in self.boxes if self.sights[name].covered > HIDDEN)


@dataclass(frozen=True)
class Scene:
    """A clip to be.

    Attributes:
        shots: One after the other.
        size: Width and height in pixels.
        film: Camera and file.
    """

    shots: tuple[Shot, ...]
    size: tuple[int, int] = (512, 512)
    film: Film = field(default_factory=Film)

    def __post_init__(self) -> None:
        if not self.shots or any(b.end <= a.end for a, b in pairwise(self.shots)):
            raise UsageError(
                "the shots of a scene must end one after the other", mend="give at least one, with rising ends"
            )

    @classmethod
    def of(cls, puppet: Puppet, script: Script, *, film: Film | None = None, name: str = "A") -> "Scene":
        """One photo, one shot, the photo's own frame."""
        return cls((Shot(script.duration, (Actor(name, puppet, script),)),), puppet.size, film or Film())

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.shots[-1].end

    def times(self) -> list[float]:
        """Time of each frame in seconds, the first at 0; dropped frames are left out."""
        count = max(1, math.floor(self.duration * self.film.fps + Fraction(1, 1000)))
        times = [float(number / self.film.fps) for number in range(count)]
        if self.film.vary:
            rng = np.random.default_rng([self.film.seed, 5])
            gaps = rng.uniform(1 - self.film.vary, 1 + self.film.vary, count - 1) / float(self.film.fps)
            varied = np.round(np.concatenate([[0.0], np.cumsum(gaps)]), 3)  # whole milliseconds, as phones write them
            times = [float(t) for t in varied if t < self.duration]
        lost = _lost(len(times), self.film.dropped, np.random.default_rng([self.film.seed, 6]))
        return [t for number, t in enumerate(times) if number not in lost]

    def shot_at(self, t: float) -> int:
        """Number of the shot."""
        return next((i for i, shot in enumerate(self.shots) if t < shot.end), len(self.shots) - 1)

    def frames(self, keep: Callable[[float], bool] | None = None) -> Iterator[SceneFrame]:
        """Draw the clip frame by frame.

        Args:
            keep: Asked with the time of each frame, in order, whether to draw it; None draws all.
        """
        rng = np.random.default_rng([self.film.seed, 9])
        stages: dict[int, Stage] = {}
        for t in self.times():
            if keep is not None and not keep(t):
                continue
            number = self.shot_at(t)
            if number not in stages:
                stages = {number: Stage(self.shots[number], self.size, self.film.seed + number)}
            image, sights = stages[number].draw(t, exposure=self.film.exposure)
            yield SceneFrame(t, develop(image, self.film, rng), sights, number)

    def truth(self, frames: Sequence[SceneFrame] | None = None) -> dict[str, tuple[GroundTruth, ...]]:
        """Visible events per person.

        Args:
            frames: What `frames` gave (pictures may be empty): events are then clipped to when the person is in
                view, and those under an occluder are marked unsure. Without it presence and shots alone clip them.
        """
        events: dict[str, list[GroundTruth]] = {}
        start = 0.0
        for shot in self.shots:
            for actor in shot.actors:
                spans = actor.present or ((start, shot.end),)
                seen = [(max(a, start), min(b, shot.end)) for a, b in spans]
                hidden: list[tuple[float, float]] = []
                if frames is not None:
                    here = [f for f in frames if start <= f.time < shot.end]
                    seen = _spans([(f.time, actor.name in f.boxes) for f in here])
                    hidden = _spans([(f.time, actor.name in f.hidden) for f in here])
                found = events.setdefault(actor.name, [])
                for event in truth_of(actor.puppet, actor.script):
                    found.extend(_clipped(event, seen, hidden))
            start = shot.end
        return {name: _joined(found) for name, found in events.items()}


def _lost(count: int, share: float, rng: np.random.Generator) -> set[int]:
    """Numbers of the frames that a busy camera drops, in bursts of one to `LONGEST_BURST`; never the first."""
    lost: set[int] = set()
    while len(lost) < round(share * (count - 1)):
        start = int(rng.integers(1, count))
        lost.update(range(start, min(start + int(rng.integers(1, LONGEST_BURST + 1)), count)))
    return lost


def _spans(seen: list[tuple[float, bool]]) -> list[tuple[float, float]]:
    """Stretches of consecutive frames in which something holds."""
    spans: list[list[float]] = []
    before = False
    for t, holds in seen:
        if holds and before:
            spans[-1][1] = t
        elif holds:
            spans.append([t, t])
        before = holds
    return [(a, b) for a, b in spans]


def _clipped(
    event: GroundTruth, seen: list[tuple[float, float]], hidden: list[tuple[float, float]]
) -> Iterator[GroundTruth]:
    for start, end in seen:
        t0, t1 = max(event.t0, start), min(event.t1, end)
        if t1 <= t0:
            continue
        kept = (t1 - t0) / max(event.t1 - event.t0, 1e-9)
        covered = any(a < t1 and t0 < b for a, b in hidden)
        sure = event.sure and not covered and (kept > 0.6 or event.note.startswith("the photo's"))
        yield replace(event, t0=t0, t1=t1, sure=sure)


def _joined(events: list[GroundTruth]) -> tuple[GroundTruth, ...]:
    return tuple(sorted(events, key=lambda event: (event.t0, event.t1, event.action)))
