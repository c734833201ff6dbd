"""Our tracker as the benchmark runs it: on the detections that all get, no mesh carried on to the next frame.

The ablation switches each part of StrongSORT the other way: off where our default has it, on where it has not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from benchmarks.tracking.clip import Clip, Faces, Runs
from facevlm.tracking.aflink import AFLinkConfig
from facevlm.tracking.interpolation import filled, smoothed
from facevlm.tracking.strongsort import DEEPSORT, StrongSortConfig
from facevlm.tracking.track import FaceObservation
from facevlm.tracking.tracker import Tracker, TrackerConfig


@dataclass(frozen=True)
class Variant:
    """One way to run `facevlm.tracking.tracker.Tracker`.

    Attributes:
        config: Its settings.
        appearance: Whether it is told appearance vectors.
        fill, smooth: Whether gaps are filled and boxes smoothed at the end, the two halves of GSI.
        offline: Whether ids are those after the last frame: short tracks left out, people who came back re-linked. Else
            they are what a viewer sees live.
    """

    config: TrackerConfig = field(default_factory=TrackerConfig)
    appearance: bool = True
    fill: bool = False
    smooth: bool = False
    offline: bool = True

    def __call__(self, clip: Clip) -> np.ndarray:
        """As `clip.Runs`."""
        follows, rows = Tracker(clip.size, self.config), []
        pictures = clip.images if self.config.strongsort.camera_motion else [None] * len(clip.times)
        for number, time, shot, faces in clip:
            for face in follows.update(time, shot, self._observations(faces), image=pictures[number]):
                rows.append((number, face.track_id, *face.box))
        table = np.array(rows, np.float64).reshape(-1, 6)
        if self.offline:
            person = {part: summary.track_id for summary in follows.finish() for part in summary.parts}
            table = table[[track in person for track in table[:, 1]]]
            table[:, 1] = [person[track] for track in table[:, 1]]
        return self._interpolated(table, clip.times) if (self.fill or self.smooth) and len(table) else table

    def sort(self, **changes: Any) -> "Variant":
        """The same with other settings of `StrongSortConfig`."""
        return replace(self, config=replace(self.config, strongsort=replace(self.config.strongsort, **changes)))

    def association(self, **changes: Any) -> "Variant":
        """The same with other settings of `AssociationConfig`."""
        return self.sort(association=replace(self.config.strongsort.association, **changes))

    def relinked(self, **changes: Any) -> "Variant":
        """The same with other settings of `RelinkConfig`."""
        return replace(self, config=replace(self.config, relink=replace(self.config.relink, **changes)))

    def _observations(self, faces: Faces) -> list[FaceObservation]:
        return [
            FaceObservation(box, mesh, float(presence), float(score), vector if self.appearance else None)
            for box, mesh, presence, score, vector in zip(
                faces.boxes, faces.landmarks, faces.presence, faces.scores, faces.vectors, strict=True
            )
        ]

    def _interpolated(self, rows: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Rows as `Runs` gives them, filled and smoothed in frames of nominal length."""
        frames = times / self.config.strongsort.frame_s
        rows = rows.copy()
        rows[:, 0], rows[:, 4:] = frames[rows[:, 0].astype(int)], rows[:, 4:] - rows[:, 2:4]
        rows = filled(rows, frames=frames) if self.fill else rows
        rows = smoothed(rows) if self.smooth else rows
        rows[:, 0], rows[:, 4:] = np.searchsorted(frames, rows[:, 0] - 1e-6), rows[:, 4:] + rows[:, 2:4]
        return rows


def _ema(variant: Variant, on: bool) -> Variant:
    return variant.sort(ema=0.9, gallery=1) if on else variant.sort(ema=None, gallery=100)


def _motion_cost(variant: Variant, on: bool) -> Variant:
    weight = variant.config.strongsort.association.appearance_weight
    return variant.association(appearance_weight=(weight if weight < 1 else 0.98) if on else 1.0)


def _second_pass(variant: Variant, on: bool) -> Variant:
    return variant.association(
        max_overlap_cost=(variant.config.strongsort.association.max_overlap_cost or 0.7) if on else None
    )


def _aflink(variant: Variant, on: bool) -> Variant:
    known = variant.config.relink.aflink or AFLinkConfig(max_distance=None, max_heights=1.0)
    return variant.relinked(aflink=known if on else None)


def _relinking(variant: Variant, on: bool) -> Variant:
    known = variant.config.relink.min_similarity
    return variant.relinked(min_similarity=(known if known <= 1 else 0.95) if on else 2.0)


PARTS: dict[str, Callable[[Variant, bool], Variant]] = {
    "appearance": lambda variant, on: replace(variant, appearance=on),
    "EMA": _ema,
    "NSA": lambda variant, on: variant.sort(kalman=replace(variant.config.strongsort.kalman, nsa=on)),
    "ECC": lambda variant, on: variant.sort(camera_motion=on),
    "MC": _motion_cost,
    "woC": lambda variant, on: variant.association(cascade_depth=None if on else 30),
    "second pass": _second_pass,
    "AFLink": _aflink,
    "re-linking by appearance": _relinking,
    "GSI": lambda variant, on: replace(variant, fill=on, smooth=on),
}


def ablation(variant: Variant, name: str) -> dict[str, Variant]:
    """Name → the variant with one part switched the other way."""
    result = {}
    for part, switch in PARTS.items():
        has = switch(variant, True) == variant
        result[f"{name} {'without' if has else 'with'} {part}"] = switch(variant, not has)
    return result


def constants(variant: Variant) -> dict[str, Variant]:
    """Name → the variant with one constant moved; those that only switch a part are in `ablation`."""
    return {
        **{f"n_init {n}": variant.sort(n_init=n) for n in (2, 3)},
        **{f"max_age {n}": variant.sort(max_age=float(n)) for n in (15, 45, 60)},
        **{f"gate {gate}": variant.association(gate=gate) for gate in (6.0, 13.3)},
        **{f"max_cost {cost}": variant.association(max_cost=cost) for cost in (0.2, 0.4)},
        **{f"max_appearance {most}": variant.association(max_appearance=most) for most in (0.1, None)},
        **{f"unknown_appearance {cost}": variant.association(unknown_appearance=cost) for cost in (0.05, 0.2)},
        "near_overlap None": variant.association(near_overlap=None),
        "hint 0": variant.association(hint=0.0),
        **{f"relink.min_similarity {alike}": variant.relinked(min_similarity=alike) for alike in (0.93, 0.97)},
        "filled": replace(variant, fill=True),
        "smoothed": replace(variant, smooth=True),
        "filled and smoothed": replace(variant, fill=True, smooth=True),
    }


DEFAULT = Variant()
PAPER = Variant(TrackerConfig(strongsort=StrongSortConfig()))
OURS: dict[str, Runs] = {
    "facevlm": DEFAULT,
    "facevlm, live ids": replace(DEFAULT, offline=False),
    **ablation(DEFAULT, "facevlm"),
    "StrongSORT, paper's constants": PAPER,
    "DeepSORT": _relinking(_aflink(Variant(TrackerConfig(strongsort=DEEPSORT)), False), False),
}
