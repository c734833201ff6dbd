"""Who the video is about, as FaceTrack-MM chooses: large through space and time, and steadily one face.

Per track two features: its area (sum over frames of face area / frame area, divided by the number of frames) and the
mean cosine similarity of its appearance vectors. K-means with k = 2 on the z-scored features parts the tracks; the
main ones are the cluster with the larger sum of mean area and mean similarity. The paper leaves open scaling and
degenerate cases; here: one track is main; alike features, or clusters of equal merit, leave the choice to the area; an
unknown similarity counts as average.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facevlm.tracking.track import Selection

RESTARTS = 10
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
        areas: Area feature per track, in [0, 1].
        similarities: Mean cosine similarity per track, in [-1, 1]; NaN where unknown.

    Returns:
        One choice per track, in the order given. At least one is main when there is any track. The order of the tracks
        changes nothing (of tracks with equal features the first is taken where only one can be main).
    """
    facts = [_facts(area, similarity) for area, similarity in zip(areas, similarities, strict=True)]
    if not facts:
        return []
    area, features = np.asarray(areas, np.float64), np.stack([_z_scores(areas), _z_scores(similarities)], axis=1)
    labels = _two_clusters(features, area) if len(facts) > 1 else None
    if labels is None:
        main, merit = np.arange(len(area)) == int(area.argmax()), np.full(len(area), np.nan)
        say = _alike_reason if len(facts) > 1 else _only_reason
        reasons = [say(bool(m), fact) for m, fact in zip(main, facts, strict=True)]
    else:
        merits = [_merit(features[labels == k], area[labels == k]) for k in (0, 1)]
        main, merit = labels == int(merits[1] > merits[0]), np.array(merits)[labels, 0]
        reasons = [_cluster_reason(bool(m), fact, main) for m, fact in zip(main, facts, strict=True)]
    ranks = np.empty(len(area), int)
    ranks[np.lexsort((-area, ~main))] = np.arange(1, len(area) + 1)
    clusters = [""] * len(area) if labels is None else ["main" if m else "background" for m in main]
    columns = zip(main, reasons, area, similarities, features.round(6), clusters, merit, ranks, strict=True)
    return [
        Choice(bool(m), why, Selection(float(a), float(s), float(z[0]), float(z[1]), cluster, float(worth), int(rank)))
        for m, why, a, s, z, cluster, worth, rank in columns
    ]


def _z_scores(values: Sequence[float]) -> np.ndarray:
    """Zero mean and unit deviation over the known values; 0 where unknown, and everywhere when all are alike."""
    x = np.asarray(values, np.float64)
    known = np.isfinite(x)
    if not known.any() or np.ptp(x[known]) < 1e-9:
        return np.zeros(len(x))
    return np.where(known, (np.where(known, x, 0) - x[known].mean()) / x[known].std(), 0.0)


def _two_clusters(features: np.ndarray, area: np.ndarray) -> np.ndarray | None:
    """Best of `RESTARTS` runs of K-means: int (N,) labels 0 or 1, or None when all features are alike."""
    from scipy.cluster.vq import ClusterError, kmeans2  # slow to import, and one face needs it not

    order = np.lexsort((features[:, 1], features[:, 0], area))  # the same runs whatever the order of the tracks
    points = features[order]
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
    if best is None:
        return None
    result = np.empty(len(area), int)
    result[order] = best
    return result


def _merit(features: np.ndarray, area: np.ndarray) -> tuple[float, float]:
    """Sum of the mean z-scores of a cluster, ties decided by its mean area."""
    return round(float(features.mean(0).sum()), 6), float(area.mean())


def _facts(area: float, similarity: float) -> str:
    looks = "its likeness to itself is unknown" if np.isnan(similarity) else f"it resembles itself by {similarity:.2f}"
    return f"it fills {_percent(area)} of the picture on average over the video and {looks}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.001 else "less than 0.1 %"


def _only_reason(main: bool, facts: str) -> str:
    return f"Main character because it is the only face of the video ({facts})."


def _alike_reason(main: bool, facts: str) -> str:
    if main:
        return f"Main character because no face stands out by size and likeness and it is the largest ({facts})."
    return f"Background because no face stands out by size and likeness and another is larger ({facts})."


def _cluster_reason(main: bool, facts: str, mains: np.ndarray) -> str:
    group = f"K-means puts {int(mains.sum())} of {len(mains)} faces into the group of larger, steadier faces"
    if main:
        return f"Main character because {facts}; {group}."
    return f"Background because {facts}; {group}, not this one."
