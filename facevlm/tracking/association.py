"""Which face of this frame is which known track: duplicates dropped, then one optimal assignment.

As in StrongSORT (Du et al. 2023): a Mahalanobis gate on the predicted box, the appearance vector's cosine distance and
the overlap of boxes make one cost, and one Hungarian assignment over all tracks ("vanilla", no cascade by age)
minimises its sum. What is added for meshes: a mesh fitted where a track was (`FaceObservation.carried_from`) is a hint
that lowers the cost, and two meshes that lie on the same face are one observation with two hints, so that motion and
appearance decide whose it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from facevlm.tracking.kalman import CHI2_95_4DOF, KalmanFilter, Motion
from facevlm.tracking.track import FaceObservation

_FORBIDDEN = 1e5  # StrongSORT's cost of a gated pair
_CARRIED_MERIT = 0.2  # presence by which a newly found mesh must be better than one carried over to replace it


@dataclass(frozen=True)
class AssociationConfig:
    """How likeness is weighed.

    Attributes:
        same_mesh: Two meshes are on one face when their landmarks differ on average by less than this share of the
            smaller face's size (square root of the box area).
        same_box: ... or when their boxes overlap by more than this IoU,
        containment: ... or when more than this share of the smaller box lies inside the larger one.
        gate: Largest squared Mahalanobis distance of a believable movement.
        near_iou: Overlap with the predicted box from which a movement is believable whatever the gate says.
        max_appearance: Largest cosine distance from a track's mean at which a face can be its own. Measured with
            `AppearanceDescriptor`: 99 % of faces within .05 of their track, other people of the shot .18-.3 away.
            Re-tune it for another embedder.
        motion_weight: Weight of the Mahalanobis distance (as a share of the gate, at most 1).
        overlap_weight: Weight of 1 - IoU with the predicted box.
        appearance_weight: Weight of the cosine distance (as a share of `max_appearance`, at most 2).
        hint: Cost taken off where the mesh was carried over from the track.
        lost_penalty: Cost per second that the track has not been seen.
        max_cost: Pairs above it stay apart.
    """

    same_mesh: float = 0.12
    same_box: float = 0.6
    containment: float = 0.75
    gate: float = CHI2_95_4DOF
    near_iou: float = 0.3
    max_appearance: float = 0.15
    motion_weight: float = 0.5
    overlap_weight: float = 0.5
    appearance_weight: float = 1.0
    hint: float = 0.3
    lost_penalty: float = 0.2
    max_cost: float = 1.9


@dataclass(frozen=True)
class Candidate:
    """One face of this frame with the tracks it may have been carried over from (two or more after duplicates met)."""

    face: FaceObservation
    hints: frozenset[int]


@dataclass(frozen=True)
class Known:
    """What association needs to know of a live track.

    Attributes:
        track_id: Its id.
        motion: Belief at the time of this frame.
        appearance: float (D,) unit norm, the running mean, or None.
        unseen_s: Seconds since it was last seen.
    """

    track_id: int
    motion: Motion
    appearance: np.ndarray | None
    unseen_s: float


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of float (N, 4) and (M, 4) xyxy boxes: float64 (N, M) in [0, 1]."""
    shared, areas, other_areas = _intersections(boxes, others)
    return shared / np.maximum(areas[:, None] + other_areas[None] - shared, 1e-9)


def containment(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of the smaller box inside the other, float (N, 4) and (M, 4) xyxy boxes: float64 (N, M) in [0, 1]."""
    shared, areas, other_areas = _intersections(boxes, others)
    return shared / np.maximum(np.minimum(areas[:, None], other_areas[None]), 1e-9)


def without_duplicates(observations: Sequence[FaceObservation], config: AssociationConfig) -> list[Candidate]:
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


def assign(
    known: Sequence[Known], candidates: Sequence[Candidate], kalman: KalmanFilter, config: AssociationConfig
) -> dict[int, int]:
    """The assignment of least total cost: position in `candidates` -> track id, for those that match a track."""
    if not known or not candidates:
        return {}
    cost = costs(known, candidates, kalman, config)
    # A pair that stays apart costs max_cost, as if both were alone: a good match is never given up for two bad ones.
    pairs = _least(np.minimum(cost, config.max_cost))
    return {j: known[i].track_id for i, j in pairs if cost[i, j] <= config.max_cost}


def _least(cost: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (row, column) of least total cost."""
    if cost.size == 1:
        return [(0, 0)]
    from scipy.optimize import linear_sum_assignment  # slow to import, and one face needs it not

    rows, columns = linear_sum_assignment(cost)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def costs(
    known: Sequence[Known], candidates: Sequence[Candidate], kalman: KalmanFilter, config: AssociationConfig
) -> np.ndarray:
    """float64 (tracks, candidates); 1e5 where a pair cannot be one face.

    A pair without hint must move believably and, where both vectors are known, look alike. A hinted pair may do without
    one of the two (fast movement; a hand or a turn changes the look), not without both: then another face took the
    place.
    """
    boxes = np.stack([np.asarray(c.face.box, np.float64) for c in candidates])
    predicted = np.stack([k.motion.box for k in known])
    distance = np.stack([kalman.distances(k.motion, boxes) for k in known])
    overlap = iou(predicted, boxes)
    unlike = _unlikeness(known, candidates) / config.max_appearance
    hinted = np.array([[k.track_id in c.hints for c in candidates] for k in known])
    moves = (distance <= config.gate) | (overlap >= config.near_iou)
    looks = ~(unlike > 1)  # NaN: not known to differ
    seen_alike = unlike <= 1
    possible = np.where(hinted, moves | seen_alike | np.isnan(unlike), moves & looks)
    unseen = np.array([[k.unseen_s] for k in known])
    cost = (
        config.motion_weight * np.minimum(distance / config.gate, 1)
        + config.overlap_weight * (1 - overlap)
        + config.appearance_weight * np.minimum(np.where(np.isnan(unlike), 0.5, unlike), 2)
        + config.lost_penalty * unseen
        - config.hint * hinted
    )
    return np.where(possible, cost, _FORBIDDEN)


def _unlikeness(known: Sequence[Known], candidates: Sequence[Candidate]) -> np.ndarray:
    """Cosine distance of every pair, NaN where a vector is missing: float64 (tracks, candidates)."""
    result = np.full((len(known), len(candidates)), np.nan)
    rows = [i for i, track in enumerate(known) if track.appearance is not None]
    columns = [j for j, candidate in enumerate(candidates) if candidate.face.appearance is not None]
    if rows and columns:
        tracks = np.stack([known[i].appearance for i in rows])  # type: ignore[misc]
        faces = np.stack([candidates[j].face.appearance for j in columns])  # type: ignore[misc]
        result[np.ix_(rows, columns)] = 1.0 - tracks @ faces.T
    return result


def _intersections(boxes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shared areas (N, M), areas (N,), areas (M,), pixels squared."""
    a, b = np.asarray(boxes, np.float64), np.asarray(others, np.float64)
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.clip(high - low, 0, None).prod(-1), (a[:, 2:] - a[:, :2]).prod(-1), (b[:, 2:] - b[:, :2]).prod(-1)


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
