"""One face, one observation: meshes that lie on the same face are one, with the hints of all.

A mesh carried over from the last frame and one newly fitted to a detection, or two meshes that snapped onto one face
when two people crossed, would else become two tracks. The hints of all stay, so that motion and appearance decide whose
it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from facevlm.tracking.overlap import containment, iou
from facevlm.tracking.track import FaceObservation

_CARRIED_MERIT = 0.2  # presence by which a newly found mesh must be better than one carried over to replace it


@dataclass(frozen=True)
class DuplicatesConfig:
    """When two meshes are on one face.

    Attributes:
        same_mesh: Their landmarks differ on average by less than this share of the smaller face's size (square root of
            the box area),
        same_box: ... or their boxes overlap by more than this IoU,
        containment: ... or more than this share of the smaller box lies inside the larger one.
    """

    same_mesh: float = 0.12
    same_box: float = 0.6
    containment: float = 0.75


@dataclass(frozen=True)
class Candidate:
    """One face of this frame with the tracks it may have been carried over from (two or more after duplicates met)."""

    face: FaceObservation
    hints: frozenset[int]


def without_duplicates(observations: Sequence[FaceObservation], config: DuplicatesConfig) -> list[Candidate]:
    """One candidate per face: of meshes that lie on the same face the best is kept, with the hints of all.

    Best is the higher presence, with an advantage for a mesh carried over from a track (its landmarks continue the
    track's), then the larger face. The order of the observations does not matter.
    """
    ordered = sorted(observations, key=_rank)
    if not ordered:
        return []
    boxes = np.stack([np.asarray(o.box, np.float64) for o in ordered])
    overlap, inside = iou(boxes, boxes), containment(boxes, boxes)
    kept: list[Candidate] = []
    left = list(range(len(ordered)))
    while left:
        best, *rest = left
        same = [
            j
            for j in rest
            if overlap[best, j] > config.same_box
            or inside[best, j] > config.containment
            or (inside[best, j] > 0 and _mesh_distance(ordered[best], ordered[j]) < config.same_mesh)
        ]
        group = [best, *same]
        hints = frozenset(h for h in (ordered[j].carried_from for j in group) if h is not None)
        face = ordered[best]
        if face.appearance is None:  # a duplicate's vector is of the same face
            face = replace(face, appearance=next((a for j in same if (a := ordered[j].appearance) is not None), None))
        kept.append(Candidate(face, hints))
        left = [j for j in rest if j not in same]
    return kept


def _mesh_distance(one: FaceObservation, other: FaceObservation) -> float:
    """Mean distance of corresponding landmarks as a share of the smaller face's size."""
    if one.landmarks.shape != other.landmarks.shape or not len(one.landmarks):
        return np.inf
    size = min(_area(one), _area(other)) ** 0.5
    return float(np.hypot(*(one.landmarks[:, :2] - other.landmarks[:, :2]).T).mean() / size)


def _area(face: FaceObservation) -> float:
    x0, y0, x1, y1 = (float(v) for v in face.box)
    return (x1 - x0) * (y1 - y0)


def _rank(face: FaceObservation) -> tuple[float, ...]:
    """Sort key, best first; ends in the box itself, so that the order given does not matter."""
    carried = -1 if face.carried_from is None else face.carried_from
    merit = round(float(face.presence), 1) + (_CARRIED_MERIT if carried >= 0 else 0.0)
    return (-merit, -_area(face), *(float(v) for v in face.box), carried)
