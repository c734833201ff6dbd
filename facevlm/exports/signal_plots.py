"""Signals as SVG paths for the report: left and right in one plot, thinned so that no peak is lost."""

from dataclasses import dataclass, replace

import numpy as np

from facevlm.expression.event import SignalTable
from facevlm.expression.signals import SIGNALS, Signal

LONGEST_GAP_S = 0.5  # rows further apart than this are not joined by a line
_OTHER = "other"


@dataclass(frozen=True)
class Line:
    """One line of a plot: its side ("left", "right", or "" where the signal has none) and its SVG path.

    The path's coordinates are seconds and minus the value, so that up is more.
    """

    side: str
    path: str


@dataclass(frozen=True)
class Plot:
    """One or two signals (left and right) on one scale.

    Attributes:
        label: What is measured.
        unit: Its unit.
        group: Part of the face it belongs to.
        low: Lower end of the scale.
        high: Upper end of the scale.
        lines: One line, or left and right.
    """

    label: str
    unit: str
    group: str
    low: float
    high: float
    lines: tuple[Line, ...]


def plots(table: SignalTable, *, points: int = 1500) -> list[Plot]:
    """Draw all signals that hold at least one value.

    Args:
        table: The signals of one person.
        points: A line has at most about this many points.
    """
    paired: dict[str, dict[str, np.ndarray]] = {}
    for name, values in table.values.items():
        stem, _, side = name.rpartition("_")
        key, side = (stem, side) if side in ("left", "right") else (name, "")
        paired.setdefault(key, {})[side] = np.asarray(values, np.float64)
    found = {key: _plot(key, sides, np.asarray(table.times, np.float64), points) for key, sides in paired.items()}
    drawn = {key: plot for key, plot in found.items() if plot is not None}
    labels = [plot.label for plot in drawn.values()]
    return [  # two plots with one label are told apart by the names of their signals
        replace(plot, label=f"{plot.label} ({key})") if labels.count(plot.label) > 1 else plot
        for key, plot in drawn.items()
    ]


def thin(times: np.ndarray, values: np.ndarray, *, points: int) -> list[np.ndarray]:
    """Cut a signal where it is unknown or has a gap, and keep the least and greatest of each short stretch of time.

    Args:
        times: float64 (T,) seconds, increasing.
        values: float64 (T,), NaN where unknown.
        points: About this many indices are kept at most.

    Returns:
        One int array of kept indices per unbroken run.
    """
    seen = np.flatnonzero(np.isfinite(values))
    if not len(seen):
        return []
    broken = (np.diff(seen) > 1) | (np.diff(times[seen]) > LONGEST_GAP_S)
    runs = np.split(seen, np.flatnonzero(broken) + 1)
    if len(seen) <= points:
        return runs
    length = max(times[seen[-1]] - times[seen[0]], 1e-9) / max(points // 2, 1)
    return [_extremes(run, times, values, length) for run in runs]


def _extremes(run: np.ndarray, times: np.ndarray, values: np.ndarray, length: float) -> np.ndarray:
    bins = np.split(run, np.flatnonzero(np.diff(np.floor(times[run] / length))) + 1)
    kept = {int(index) for part in bins for index in (part[values[part].argmin()], part[values[part].argmax()])}
    return np.array(sorted(kept | {int(run[0]), int(run[-1])}))


def _plot(key: str, sides: dict[str, np.ndarray], times: np.ndarray, points: int) -> Plot | None:
    everything = np.concatenate([values[np.isfinite(values)] for values in sides.values()])
    if not len(everything):
        return None
    low, high = np.percentile(everything, (0.2, 99.8))
    margin = max(0.08 * (high - low), 1e-3 * max(abs(high), abs(low)), 1e-6)
    name = f"{key}_{next(iter(sides))}".rstrip("_")
    signal = SIGNALS.get(name, Signal(name, "", _OTHER))
    label = signal.label
    if len(sides) > 1:
        label = label.replace("left ", "").replace("right ", "")
    lines = tuple(Line(side, _path(times, sides[side], points)) for side in sorted(sides))
    return Plot(label, signal.unit, signal.group, float(low - margin), float(high + margin), lines)


def _path(times: np.ndarray, values: np.ndarray, points: int) -> str:
    runs = thin(times, values, points=points)
    return "".join("M" + "L".join(f"{times[i]:.3f},{-values[i]:.4g}" for i in run) for run in runs)
