"""Who the video is about, as FaceTrack-MM chooses: large through space and time, and steadily one face.

Per track two features: its area (sum over frames of face area / frame area, divided by the number of frames) and the
mean cosine similarity of its appearance vectors. K-means with k = 2 on the z-scored features parts the tracks; the
main ones are the cluster with the larger sum of mean area and mean similarity. The paper leaves open scaling and
degenerate cases; here: one track is main; alike features, or clusters of equal merit, leave the choice to the area; an
unknown similarity counts as average; a track of unknown area is main only where no area is known; and likenesses that
differ by less than one face differs from itself are not blown up to be worth as much as a face ten times as large.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facevlm.tracking.track import Selection

RESTARTS = 10
LIKENESS_SPREAD = 0.05  # least deviation that counts as one: 99 % of one person's vectors lie within it (`embed`)
SEED = 0


@dataclass(frozen=True)
class Choice:
    """Whether a track is a main character, one sentence why, and the features behind it."""

    main: bool
    reason: str
    selection: Selection


def choose_main(areas: Sequence[float], similarities: Sequence[float]) -> list[Choice]:
    """Choose the main characters.

    Args:
        areas: Area feature per track, in [0, 1]; NaN where unknown.
        similarities: Mean cosine similarity per track, in [-1, 1]; NaN where unknown.

    Returns:
        One choice per track, in the order given. At least one is main when there is any track. The order of the tracks
        changes nothing (of tracks with equal features the first is taken where only one can be main).
    """
    facts = [_facts(area, similarity) for area, similarity in zip(areas, similarities, strict=True)]
    if not facts:
        return []
    area, similarity = np.asarray(areas, np.float64), np.asarray(similarities, np.float64)
    known = np.isfinite(area)
    compared = known if known.any() else ~known
    size = np.where(known, area, -1.0)
    order = np.lexsort((similarity, size))  # sums are the same to the last bit whatever the order of the tracks
    order = order[compared[order]]
    features = np.stack([_z_scores(area[order]), _z_scores(similarity[order], LIKENESS_SPREAD)], axis=1)
    labels = _two_clusters(features) if len(order) > 1 else None
    main, merit = np.zeros(len(area), bool), np.full(len(area), np.nan)
    if labels is None:
        main[order[size[order].argmax()]] = True
    else:
        merits = [_merit(features[labels == k], size[order[labels == k]]) for k in (0, 1)]
        main[order] = labels == int(merits[1] > merits[0])
        merit[order] = np.array(merits)[labels, 0]
    z = np.full((len(area), 2), np.nan)
    z[order] = features.round(6)
    z[~known, 0] = np.nan
    ranks = np.empty(len(area), int)
    ranks[np.lexsort((-size, ~main))] = np.arange(1, len(area) + 1)
    result = []
    for k, fact in enumerate(facts):
        is_main, cluster = bool(main[k]), ""
        if not compared[k]:
            reason = f"Background because its size is unknown while that of others is known ({fact})."
        elif labels is not None:
            reason, cluster = _cluster_reason(is_main, fact, main[order]), "main" if is_main else "background"
        elif len(order) == 1:
            reason = _only_reason(fact, alone=len(facts) == 1)
        else:
            reason = _alike_reason(is_main, fact, known=bool(known[k]))
        row = float(area[k]), float(similarity[k]), float(z[k, 0]), float(z[k, 1])
        result.append(Choice(is_main, reason, Selection(*row, cluster, float(merit[k]), int(ranks[k]))))
    return result


def _z_scores(values: np.ndarray, least: float = 0.0) -> np.ndarray:
    """Zero mean and unit deviation over the known values (less where they deviate by less than `least`); 0 where
    unknown, and everywhere when all are alike."""
    known = np.isfinite(values)
    x = values[known]
    if not known.any() or np.ptp(x) < 1e-9:
        return np.zeros(len(values))
    return np.where(known, (np.where(known, values, 0) - x.mean()) / max(x.std(), least), 0.0)


def _two_clusters(points: np.ndarray) -> np.ndarray | None:
    """Best of `RESTARTS` runs of K-means: int (N,) labels 0 or 1, or None when all features are alike."""
    from scipy.cluster.vq import ClusterError, kmeans2  # slow to import, and one face needs it not

    distinct = np.unique(points.round(9), axis=0)
    if len(distinct) < 2:
        return None
    rng = np.random.default_rng(SEED)
    best, best_cost = None, np.inf
    for _ in range(RESTARTS):
        start = distinct[rng.choice(len(distinct), 2, replace=False)]
        try:
            centres, labels = kmeans2(points, start, iter=50, minit="matrix", missing="raise")
        except ClusterError:  # a cluster ran empty: this start leads nowhere
            continue
        cost = float(((points - centres[labels]) ** 2).sum())
        if cost < best_cost - 1e-9:
            best, best_cost = labels, cost
    return best


def _merit(features: np.ndarray, area: np.ndarray) -> tuple[float, float]:
    """Sum of the mean z-scores of a cluster, ties decided by its mean area."""
    return round(float(features.mean(0).sum()), 6), float(area.mean())


def _facts(area: float, similarity: float) -> str:
    looks = "its likeness to itself is unknown" if np.isnan(similarity) else f"it resembles itself by {similarity:.2f}"
    if not np.isfinite(area):
        return f"what share of the picture it fills is unknown and {looks}"
    return f"it fills {_percent(area)} of the picture on average over the video and {looks}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "less than 0.1 %"


def _only_reason(facts: str, *, alone: bool) -> str:
    return f"Main character because it is the only face {'of the video' if alone else 'of known size'} ({facts})."


def _alike_reason(main: bool, facts: str, *, known: bool) -> str:
    first, other = ("it is the largest", "another is larger") if known else ("it comes first", "another comes first")
    if main:
        return f"Main character because no face stands out by size and likeness and {first} ({facts})."
    return f"Background because no face stands out by size and likeness and {other} ({facts})."


def _cluster_reason(main: bool, facts: str, mains: np.ndarray) -> str:
    group = f"K-means puts {int(mains.sum())} of {len(mains)} faces into the group of larger, steadier faces"
    if main:
        return f"Main character because {facts}; {group}."
    return f"Background because {facts}; {group}, not this one."
