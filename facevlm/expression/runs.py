"""Unbroken stretches of signals on an even time grid, and the tools to cut them into segments.

Signals come at the times of the frames, which may be uneven. Within a shot, and across holes of at most `MAX_HOLE_S`,
they are interpolated to `STEP_S`, so that every duration and speed downstream is in seconds whatever the frame rate.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import ndimage

from facevlm.expression.event import SignalTable

STEP_S = 0.02  # seconds between samples of the grid
MAX_HOLE_S = 0.25  # seconds; a longer hole ends the run


@dataclass(frozen=True)
class Run:
    """One unbroken stretch of one person; `run[name]` is a signal on its grid, float64 (N,), NaN where not measured.

    Signals are interpolated when asked for and not kept: of an hour, all at once would be hundreds of megabytes.

    Attributes:
        times: float64 (N,) seconds, `STEP_S` apart (the last step may be shorter).
        seen: float64 (M,) seconds of the frames.
        values: Name → float32 (M,) as measured in them.
    """

    times: np.ndarray
    seen: np.ndarray
    values: dict[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return _interpolate(self.times, self.seen, self.values[name])


@dataclass(frozen=True)
class Segment:
    """Samples start..stop-1 of a run, and the sample where the level is highest."""

    start: int
    stop: int
    peak: int


@dataclass(frozen=True)
class Swing:
    """Samples between two turning points, and the signed change in the signal's unit."""

    start: int
    stop: int
    change: float


@dataclass(frozen=True)
class Top:
    """A peak, how far it stands out against the lower turning points beside it, and where those are."""

    at: int
    prominence: float
    before: int
    after: int


def runs(table: SignalTable) -> Iterator[Run]:
    """Cut a person's signals into unbroken runs.

    Args:
        table: Signals at the times of the frames.

    Yields:
        Runs in order of time.
    """
    times = table.times
    breaks = np.flatnonzero((np.diff(times) > MAX_HOLE_S) | (np.diff(table.shots) != 0)) + 1
    for rows in np.split(np.arange(len(times)), breaks):
        if len(rows) == 0:
            continue
        t = times[rows]
        grid = np.append(np.arange(t[0], t[-1], STEP_S), t[-1]) if len(rows) > 1 else t
        yield Run(grid, t, {name: column[rows[0] : rows[-1] + 1] for name, column in table.values.items()})


def _interpolate(grid: np.ndarray, times: np.ndarray, column: np.ndarray) -> np.ndarray:
    known = np.isfinite(column)
    if known.all():
        return np.interp(grid, times, column)
    if not known.any():
        return np.full(len(grid), np.nan)
    result = np.interp(grid, times[known], column[known])
    after = np.searchsorted(times[known], grid, side="left").clip(0, known.sum() - 1)
    before = (np.searchsorted(times[known], grid, side="right") - 1).clip(0)
    hole = times[known][after] - times[known][before]
    outside = (grid < times[known][0] - STEP_S) | (grid > times[known][-1] + STEP_S)
    result[(hole > MAX_HOLE_S) | outside] = np.nan
    return result


def known_parts(run: Run, level: np.ndarray, least_s: float) -> Iterator[Run]:
    """The stretches of a run, at least so many seconds long, in which `level`, float (N,), is a number."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], np.isfinite(level), [False]]).astype(np.int8)))
    for start, stop in edges.reshape(-1, 2):
        if (stop - start) * STEP_S >= least_s:
            yield replace(run, times=run.times[start:stop])


def smooth(values: np.ndarray, sigma_s: float) -> np.ndarray:
    """Gaussian smoothing that leaves NaN where it was and does not leak across it; sigma in seconds."""
    known = np.isfinite(values)
    weight = ndimage.gaussian_filter1d(known.astype(float), sigma_s / STEP_S, mode="nearest")
    total = ndimage.gaussian_filter1d(np.where(known, values, 0.0), sigma_s / STEP_S, mode="nearest")
    return np.where(known, total / np.maximum(weight, 1e-9), np.nan)


def hysteresis(level: np.ndarray, on: float, off: float, *, min_s: float = 0.0, bridge_s: float = 0.0) -> list[Segment]:
    """Segments where `level` stays above `off` and somewhere exceeds `on`.

    Args:
        level: float (N,) on the grid; NaN counts as below `off`.
        on: Level that a segment must reach.
        off: Level that ends it.
        min_s: Shorter segments (above `off`) are dropped, in seconds.
        bridge_s: Segments closer than this are joined, in seconds.
    """
    above = np.nan_to_num(level, nan=-np.inf) > off
    edges = np.flatnonzero(np.diff(np.concatenate([[False], above, [False]]).astype(np.int8)))
    found: list[list[int]] = []
    for start, stop in edges.reshape(-1, 2):
        if found and (start - found[-1][1]) * STEP_S <= bridge_s:
            found[-1][1] = int(stop)
        else:
            found.append([int(start), int(stop)])
    segments = []
    for start, stop in found:
        part = np.nan_to_num(level[start:stop], nan=-np.inf)
        if part.max() >= on and (stop - start) * STEP_S >= min_s:
            segments.append(Segment(start, stop, start + int(part.argmax())))
    return segments


def faded(segments: list[Segment], level: np.ndarray, on: float, share: float) -> list[Segment]:
    """Segments without what lies below a share of their own highest level, where a strong state is as good as over."""
    kept = []
    for segment in segments:
        inside = np.full(len(level), np.nan)
        inside[segment.start : segment.stop] = level[segment.start : segment.stop]
        kept += hysteresis(inside, on, share * float(level[segment.peak]), bridge_s=0.15)
    return kept


def turning_points(level: np.ndarray, reversal: float) -> list[Swing]:
    """Cut a signal, float (N,), at the extremes that are followed by a reversal of at least `reversal`."""
    pivots, low, high, direction = [0], 0, 0, 0
    for i in range(1, len(level)):
        if level[i] > level[high]:
            high = i
        if level[i] < level[low]:
            low = i
        if direction >= 0 and level[high] - level[i] >= reversal:
            pivots.append(high)
            direction, low = -1, i
            high = i
        elif direction <= 0 and level[i] - level[low] >= reversal:
            pivots.append(low)
            direction, high = 1, i
            low = i
    pivots.append(high if direction > 0 else low if direction < 0 else len(level) - 1)
    pivots.append(len(level) - 1)
    pivots = sorted(set(pivots))
    return [Swing(a, b, float(level[b] - level[a])) for a, b in pairwise(pivots)]


def tops(level: np.ndarray, prominence: float) -> list[Top]:
    """Peaks that rise from a turning point and fall to the next by at least `prominence` each."""
    found = []
    for rise, fall in pairwise(turning_points(level, prominence)):
        height = min(rise.change, -fall.change)
        if height >= prominence:
            found.append(Top(rise.stop, height, rise.start, fall.stop))
    return found
