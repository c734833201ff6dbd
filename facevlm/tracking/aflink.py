"""Appearance-free linking (AFLink): tracks of one person, broken within a shot, joined by how they move alone.

Du et al. 2023, section 3.4: for each pair of tracks of which one begins soon after and near the other's end, a score
says how probable it is that they are one; one assignment joins the best pairs, and chains of joined tracks become one.
The score is that of a small network (`aflink_network`, weights by path, see `aflink_training`), or, while no weights
are given, that of geometry: how far both tracks, continued at steady speed, miss each other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facevlm.errors import MissingExtraError, WeightsError
from facevlm.tracking.association import FORBIDDEN, least

WINDOW = 30  # boxes at the end of a track that the network sees

LinkScore = Callable[[np.ndarray, np.ndarray], float]  # end of one track, start of another -> probability in [0, 1]


@dataclass(frozen=True)
class AFLinkConfig:
    """Which pairs may be one; the defaults are the paper's.

    Attributes:
        max_gap: The later track begins at least 0 and fewer than this many frames after the earlier one's last box.
        max_distance: Largest distance in pixels from the one's last to the other's first upper left corner; None: any.
        max_heights: The same as a multiple of the smaller box's height; None: any.
        max_cost: Largest 1 - score.
    """

    max_gap: float = 30
    max_distance: float | None = 75.0
    max_heights: float | None = None
    max_cost: float = 0.05


@dataclass(frozen=True)
class TrackEnds:
    """How a track begins and ends.

    Attributes:
        first: float64 (K, 5) frame, x, y, width, height (pixels) of its first boxes; K is at most `WINDOW`.
        last: The same of its last boxes.
    """

    first: np.ndarray
    last: np.ndarray


@dataclass(frozen=True)
class Link:
    """Two tracks found to be one: ids of the earlier and the later, and the score."""

    former: int
    latter: int
    score: float


def find_links(
    tracks: Mapping[int, TrackEnds],
    score: LinkScore,
    config: AFLinkConfig | None = None,
    *,
    may_be_one: Callable[[int, int], bool] = lambda former, latter: True,
) -> list[Link]:
    """Pairs of tracks that are one, each track at most once as the earlier and once as the later.

    Args:
        tracks: Id -> ends.
        score: `network_score(...)` or `geometric_score`.
        config: Which pairs may be one.
        may_be_one: What else must hold of the ids of two tracks.
    """
    config = config or AFLinkConfig()
    ids = sorted(tracks)
    if len(ids) < 2:
        return []
    firsts = np.array([tracks[i].first[0] for i in ids])
    costs: dict[tuple[int, int], float] = {}
    for a in ids:
        for b in (ids[k] for k in np.flatnonzero(_may_follow(tracks[a].last[-1], firsts, config))):
            if a != b and may_be_one(a, b):
                costs[a, b] = 1 - score(tracks[a].last, tracks[b].first)
    if not costs:
        return []
    formers, latters = sorted({a for a, _ in costs}), sorted({b for _, b in costs})
    table = np.array([[costs.get((a, b), FORBIDDEN) for b in latters] for a in formers])
    return [Link(formers[i], latters[j], float(1 - table[i, j])) for i, j in least(table, config.max_cost)]


def resolved(links: list[Link]) -> dict[int, int]:
    """Id -> id of the first track of its chain, for all linked tracks."""
    before = {link.latter: link.former for link in links}
    result = {}
    for track_id in {i for link in links for i in (link.former, link.latter)}:
        first = track_id
        while first in before:
            first = before[first]
        result[track_id] = first
    return result


def network_input(last: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the network sees of two tracks: `WINDOW` rows each, padded with zeros, scaled together to [-1, 1].

    Args:
        last: float (K, C) boxes at the end of the earlier track; of more than `WINDOW` the last are taken.
        first: float (K, C) boxes at the beginning of the later; the first are taken.

    Returns:
        float64 (WINDOW, C) each; padding stands before the earlier and after the later, and takes part in the scaling.
    """
    last, first = np.asarray(last, np.float64)[-WINDOW:], np.asarray(first, np.float64)[:WINDOW]
    one = np.pad(last, ((WINDOW - len(last), 0), (0, 0)))
    other = np.pad(first, ((0, WINDOW - len(first)), (0, 0)))
    both = np.concatenate([one, other])
    low, span = both.min(0), np.ptp(both, axis=0)
    scaled = 2 * (both - low) / (span + 1e-5) - 1
    return scaled[:WINDOW], scaled[WINDOW:]


def network_score(path: str | Path) -> LinkScore:
    """The network's probability.

    Args:
        path: Weights: safetensors, or a file of `torch.save` with plain tensors.

    Raises:
        MissingExtraError: torch is not installed.
        WeightsError: The file is missing or does not fit the network.
    """
    try:
        import torch

        from facevlm.tracking.aflink_network import AFLinkNetwork, load_weights
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the network of AFLink needs {error.name}", mend="run: pip install torch safetensors"
        ) from error
    if not Path(path).is_file():
        raise WeightsError("no such file", where=path, mend="train it: python benchmarks/train_aflink.py")
    network = AFLinkNetwork().eval()
    load_weights(network, path)

    def score(last: np.ndarray, first: np.ndarray) -> float:
        one, other = (torch.from_numpy(x.astype(np.float32))[None] for x in network_input(last, first))
        with torch.inference_mode():
            return float(torch.softmax(network(one, other), dim=1)[0, 1])

    return score


MEMORY = 10.0  # frames at a track's end from which its speed is taken
MISS = (0.8, 0.05)  # standard deviation of the miss, in box heights: after no gap, and more for each frame of the gap


def geometric_score(last: np.ndarray, first: np.ndarray) -> float:
    """How well two tracks continue each other, in (0, 1], without weights.

    Each is continued at the steady speed of its last (first) `MEMORY` frames to the middle of the gap; the score is a
    normal density of how far they miss each other there, as a share of the greatest. Sizes count as another direction:
    a box twice as high is one height away. With the paper's largest cost of .05, tracks may miss each other by a
    quarter of a height after no gap and by three quarters after 30 frames.
    """
    gap = float(first[0, 0] - last[-1, 0])
    middle = float(last[-1, 0]) + gap / 2
    one, other = _continued(last, middle, end=-1), _continued(first, middle, end=0)
    height = max(min(last[-1, 4], first[0, 4]), 1e-3)
    growth = np.log(max(first[0, 4], 1e-3) / max(last[-1, 4], 1e-3)) / np.log(2)
    miss = np.hypot(np.linalg.norm(one - other) / height, growth)
    return float(np.exp(-0.5 * (miss / (MISS[0] + MISS[1] * gap)) ** 2))


def _continued(rows: np.ndarray, frame: float, *, end: int) -> np.ndarray:
    """Centre (2,) of a box at another frame, by a line fitted near one end of its track."""
    near = rows[np.abs(rows[:, 0] - rows[end, 0]) <= MEMORY]
    centres = near[:, 1:3] + near[:, 3:5] / 2
    if len(near) < 3:
        return rows[end, 1:3] + rows[end, 3:5] / 2
    return np.polyfit(near[:, 0] - frame, centres, 1)[1]  # speed, place


def _may_follow(last: np.ndarray, firsts: np.ndarray, config: AFLinkConfig) -> np.ndarray:
    """bool (N,): which of the rows (N, 5), first boxes of tracks, may come after a row (5,), the last box of one."""
    gap, distance = firsts[:, 0] - last[0], np.hypot(*(firsts[:, 1:3] - last[1:3]).T)
    result = (gap >= 0) & (gap < config.max_gap)
    if config.max_distance is not None:
        result &= distance <= config.max_distance
    if config.max_heights is not None:
        result &= distance <= config.max_heights * np.minimum(firsts[:, 4], last[4])
    return result
