"""Peaks of a signal and how far each stands out, as `scipy.signal.find_peaks` finds them.

Written out because importing scipy.signal takes longer than describing three seconds of video.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Peak:
    """One local maximum.

    Attributes:
        at: Sample of the peak, the middle one of a plateau.
        prominence: Height over the higher one of its two bases.
        left: Sample of the lowest point between the peak and the nearest higher sample before it (or the beginning).
        right: The same after it.
    """

    at: int
    prominence: float
    left: int
    right: int


def find_peaks(level: np.ndarray, *, prominence: float) -> list[Peak]:
    """Local maxima that stand out by at least `prominence`; the first and last sample are none.

    Args:
        level: float (N,), finite.
        prominence: In units of the level.
    """
    left = _lowest_before(level)
    right = [len(level) - 1 - i for i in _lowest_before(level[::-1])][::-1]
    found = []
    for at in _tops(level):
        height = float(level[at] - max(level[left[at]], level[right[at]]))
        if height >= prominence:
            found.append(Peak(at, height, left[at], right[at]))
    return found


def _tops(level: np.ndarray) -> list[int]:
    """Middles of the stretches of equal samples with lower neighbours on both sides."""
    starts = np.flatnonzero(np.diff(level, prepend=np.nan) != 0)  # NaN != 0: the first sample starts a stretch
    ends = np.append(starts[1:], len(level)) - 1
    heights = level[starts]
    inner = np.flatnonzero((heights[1:-1] > heights[:-2]) & (heights[1:-1] > heights[2:])) + 1
    return [int(i) for i in (starts[inner] + ends[inner]) // 2]


def _lowest_before(level: np.ndarray) -> list[int]:
    """For each sample the lowest one between it and the nearest higher one before it; the nearest of equal ones."""
    values = level.tolist()
    lowest: list[int] = []
    open_: list[int] = []  # samples that no later one has topped yet
    for i, value in enumerate(values):
        best = i
        while open_ and values[open_[-1]] <= value:
            other = lowest[open_.pop()]
            if values[other] < values[best]:
                best = other
        lowest.append(best)
        open_.append(i)
    return lowest
