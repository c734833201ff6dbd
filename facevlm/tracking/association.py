"""Which face of this frame is which known track: costs of pairs, and the assignment of least total cost.

StrongSORT's (Du et al. 2023, sections 3.1, 3.2): the cost of a pair is the cosine distance of appearance, mixed with
the squared Mahalanobis distance of motion, and forbidden beyond the Mahalanobis gate; one assignment over all confirmed
tracks ("vanilla" matching) or DeepSORT's cascade, tracks seen last first; then a second pass by overlap of boxes. What
is added for faces is 0 or None in the paper's settings: a hint where a face was found by following a track, the overlap
with the expected box, the time unseen, and the largest distance of appearance at which a face can be the track's own.
"""

from dataclasses import dataclass

import numpy as np

FORBIDDEN = 1e5  # StrongSORT's cost of a gated pair
Pairs = list[tuple[int, int]]  # (track, face), row numbers


@dataclass(frozen=True)
class Evidence:
    """What is known of each pair of N tracks and M faces.

    Attributes:
        appearance: float64 (N, M) cosine distance, NaN where unknown.
        motion: float64 (N, M) squared Mahalanobis distance.
        overlap: float64 (N, M) IoU of the expected box and the face's.
        hinted: bool (N, M) whether the face was found by following the track.
        unseen: float64 (N,) frames of nominal length since the track was last seen.
    """

    appearance: np.ndarray
    motion: np.ndarray
    overlap: np.ndarray
    hinted: np.ndarray
    unseen: np.ndarray

    def __getitem__(self, pick: tuple[np.ndarray, np.ndarray]) -> "Evidence":
        grid = np.ix_(*pick)
        return Evidence(
            self.appearance[grid], self.motion[grid], self.overlap[grid], self.hinted[grid], self.unseen[pick[0]]
        )


@dataclass(frozen=True)
class AssociationConfig:
    """How evidence is weighed; the defaults are the paper's.

    Attributes:
        gate: Largest squared Mahalanobis distance of a believable movement.
        appearance_weight: Weight of appearance against motion (MC, the paper's lambda); 1 leaves motion to the gate.
        max_cost: Pairs above it stay apart: .40 for the paper's features of people without motion cost, .45 with it.
        cascade_depth: With this many frames, tracks seen last are matched first, age by age (DeepSORT); None matches
            all at once ("vanilla", woC).
        max_overlap_cost: Largest 1 - IoU of the second pass; None leaves the pass out.
        max_appearance: Largest cosine distance of a pair without hint in both passes; None: any.
        unknown_appearance: Cost of appearance where a vector is missing.
        overlap_weight: Weight of 1 - IoU with the expected box.
        near_overlap: IoU with the expected box from which a movement is believable whatever the gate says; None: none.
        hint: Cost taken off a hinted pair. Such a pair may do without believable movement (a fast one) or without
            likeness (a hand or a turn changes the look), not without both: then another face took the place.
        unseen_penalty: Cost per frame for which the track was not seen.
    """

    gate: float = 9.4877
    appearance_weight: float = 0.98
    max_cost: float = 0.45
    cascade_depth: int | None = None
    max_overlap_cost: float | None = 0.7
    max_appearance: float | None = None
    unknown_appearance: float = 0.2
    overlap_weight: float = 0.0
    near_overlap: float | None = None
    hint: float = 0.0
    unseen_penalty: float = 0.0


def costs(evidence: Evidence, config: AssociationConfig) -> np.ndarray:
    """Cost of every pair in the first pass: float64 (N, M), at least about `FORBIDDEN` where it cannot be one face."""
    c, known = config, ~np.isnan(evidence.appearance)
    appearance = np.where(known, evidence.appearance, c.unknown_appearance)
    moves = evidence.motion <= c.gate
    if c.near_overlap is not None:
        moves |= evidence.overlap >= c.near_overlap
    unlike = _unlike(evidence, c)
    possible = np.where(evidence.hinted, moves | ~unlike, moves & ~unlike)
    if c.max_appearance is not None:
        appearance = np.minimum(appearance, 2 * c.max_appearance)
    cost = c.appearance_weight * appearance + (1 - c.appearance_weight) * np.minimum(evidence.motion, c.gate)
    cost += c.overlap_weight * (1 - evidence.overlap) + c.unseen_penalty * evidence.unseen[:, None]
    return np.where(possible, cost - c.hint * evidence.hinted, FORBIDDEN)


def match(evidence: Evidence, config: AssociationConfig) -> Pairs:
    """First pass over confirmed tracks: the assignment of least total cost, at once or age by age."""
    cost = costs(evidence, config)
    if config.cascade_depth is None:
        return least(cost, config.max_cost)
    pairs: Pairs = []
    faces = np.arange(cost.shape[1])
    ages = np.rint(evidence.unseen)
    for age in range(1, config.cascade_depth + 1):
        tracks = np.flatnonzero(ages == age)
        found = [(int(tracks[i]), int(faces[j])) for i, j in least(cost[np.ix_(tracks, faces)], config.max_cost)]
        pairs += found
        faces = np.setdiff1d(faces, [j for _, j in found])
    return pairs


def match_overlap(evidence: Evidence, config: AssociationConfig) -> Pairs:
    """Second pass, for tracks and faces that the first left alone: least 1 - IoU."""
    if config.max_overlap_cost is None:
        return []
    cost = np.where(_unlike(evidence, config) & ~evidence.hinted, FORBIDDEN, 1 - evidence.overlap)
    return least(cost, config.max_overlap_cost)


def least(cost: np.ndarray, most: float) -> Pairs:
    """Pairs (row, column) of least total cost, none above `most`.

    A pair that stays apart costs a little more than `most`, as if both were alone: no good match is given up for two
    bad ones.
    """
    if not cost.size:
        return []
    if cost.size == 1:
        return [(0, 0)] if cost[0, 0] <= most else []
    from scipy.optimize import linear_sum_assignment  # slow to import, and one face needs it not

    rows, columns = linear_sum_assignment(np.where(cost > most, most + 1e-5, cost))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if cost[i, j] <= most]


def _unlike(evidence: Evidence, config: AssociationConfig) -> np.ndarray:
    """bool (N, M): both vectors are known, and too far apart for one face."""
    if config.max_appearance is None:
        return np.zeros(evidence.appearance.shape, bool)
    return np.nan_to_num(evidence.appearance, nan=0.0) > config.max_appearance
