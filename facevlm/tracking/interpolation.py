"""Gaussian-smoothed interpolation (GSI): gaps filled linearly, then boxes smoothed by a Gaussian process.

Du et al. 2023, section 3.5: the process has a radial basis kernel whose length depends on how long the track is, no
free parameters, and almost no noise, so it is one linear solve for each track. Offline: it needs whole tracks.
"""

from dataclasses import dataclass

import numpy as np

from facevlm.errors import UsageError


@dataclass(frozen=True)
class InterpolationConfig:
    """Constants of GSI; the defaults are the paper's.

    Attributes:
        max_gap: Gaps of this many frames and more are left open.
        tau: The kernel's length is tau ln(tau³ / number of boxes) frames, at least 1 / tau and at most tau².
        noise: Variance of a box's coordinate (pixels²) that the process takes for noise.
    """

    max_gap: float = 20
    tau: float = 10.0
    noise: float = 1e-10


def interpolate(
    rows: np.ndarray, config: InterpolationConfig | None = None, *, frames: np.ndarray | None = None
) -> np.ndarray:
    """Fill and smooth (GSI).

    Args:
        rows: float (N, 6 or more): frame, id, x, y, width, height (pixels), more columns as wanted; as MOTChallenge
            files have them. Frames may be any real numbers: time in frames of nominal length.
        config: Constants.
        frames: As in `filled`.

    Returns:
        float64 rows in order of id, then frame.
    """
    return smoothed(filled(rows, config, frames=frames), config)


def filled(
    rows: np.ndarray, config: InterpolationConfig | None = None, *, frames: np.ndarray | None = None
) -> np.ndarray:
    """Fill gaps linearly, all columns.

    Args:
        rows: As in `interpolate`.
        config: Constants.
        frames: float (F,) the frames of the video in order, to be filled where they lie in a gap, however short;
            None: a frame at each whole number from the gap's start.

    Returns:
        float64 rows in order of id, then frame.

    Raises:
        UsageError: The rows have no six columns, or a track has two boxes at one time.
    """
    config = config or InterpolationConfig()
    rows = _sorted(rows)
    before, after = rows[:-1], rows[1:]
    gap = after[:, 0] - before[:, 0]
    same = before[:, 1] == after[:, 1]
    if (gap[same] <= 0).any():
        raise UsageError("a track has two boxes at one time", mend="give each id at most one box for each frame")
    if frames is None:
        missed = np.ceil(gap - 1e-9) - 1
    else:
        first = np.searchsorted(frames, before[:, 0] + 1e-9, side="right")
        missed = np.searchsorted(frames, after[:, 0] - 1e-9) - first
    new = [rows]
    for k in np.flatnonzero(same & (missed > 0) & (gap < config.max_gap)):
        number = np.arange(int(missed[k]))
        at = before[k, 0] + 1 + number if frames is None else frames[first[k] + number]
        share = ((at - before[k, 0]) / gap[k])[:, None]
        between = before[k] + share * (after[k] - before[k])
        between[:, 0] = at
        new.append(between)
    return _sorted(np.concatenate(new))


def smoothed(rows: np.ndarray, config: InterpolationConfig | None = None) -> np.ndarray:
    """Smooth x, y, width and height of each track; arguments and result as in `filled`."""
    config = config or InterpolationConfig()
    rows = _sorted(rows)
    for track_id in np.unique(rows[:, 1]):
        mine = rows[:, 1] == track_id
        rows[mine, 2:6] = _smooth(rows[mine, 0], rows[mine, 2:6], config)
    return rows


def _smooth(frames: np.ndarray, values: np.ndarray, config: InterpolationConfig) -> np.ndarray:
    """Mean of the process at the frames (N,) it was given values (N, K) at."""
    from scipy.linalg import cho_factor, cho_solve  # slow to import, and only whole tracks need it

    tau, n = config.tau, len(frames)
    length = float(np.clip(tau * np.log(tau**3 / n), 1 / tau, tau**2))
    if n == 1 or np.diff(frames).min() >= 2 * length:  # boxes too far apart for the kernel: nothing to smooth
        return values
    # The kernel is nearly singular: extended precision with refinement of the solution keeps rounding below 1e-6 px.
    t = np.asarray(frames, np.longdouble)
    kernel = np.exp(-(((t[:, None] - t[None]) / length) ** 2) / 2)
    kernel[np.diag_indices(n)] += np.longdouble(config.noise)
    factor = cho_factor(kernel.astype(np.float64), lower=True)
    weights = np.zeros(values.shape, np.longdouble)
    for _ in range(4):
        weights += cho_solve(factor, (values - kernel @ weights).astype(np.float64))
    return (values - np.longdouble(config.noise) * weights).astype(np.float64)


def _sorted(rows: np.ndarray) -> np.ndarray:
    """A copy as float64, in order of id, then frame."""
    rows = np.array(rows, np.float64)
    if rows.ndim != 2 or rows.shape[1] < 6:
        raise UsageError(f"rows of shape {rows.shape}", mend="give frame, id, x, y, width, height")
    return rows[np.lexsort((rows[:, 0], rows[:, 1]))]
