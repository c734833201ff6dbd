"""Where a face will be: StrongSORT's Kalman filter on centre, width/height and height, for steps of any length.

State and noise are those of DeepSORT (Wojke et al. 2017) and StrongSORT (Du et al. 2023, sections 3.1 and 3.3):
standard deviations are shares of the box's height, so a video at twice the size gives the same tracks. There, time is
counted in frames. Here a step is any real number of frames of nominal length: its process noise is that of n steps of
the paper,

    position n p² + v² n(n-1)(2n-1)/6,   position and velocity v² n(n-1)/2,   velocity n v²,

(p, v the standard deviations of one step), which is a polynomial in n, equals the paper's at n = 1 and at every whole
n, and makes predicting over n frames equal to predicting over any parts of n in turn, whole or not (for a box of
constant height). Frames at uneven times and dropped frames need no special case. The noise is a covariance (positive)
for all n when p >= v / sqrt(12).

All functions take many boxes at once: N beliefs, M measurements.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facevlm.errors import UsageError

CHI2_95_4DOF = 9.4877  # 95 % quantile of chi-square with four degrees of freedom: StrongSORT's gate
_SMALLEST = 1e-3  # pixels: heights and aspect ratios stay above it however far the filter extrapolates


@dataclass(frozen=True)
class KalmanConfig:
    """Noise, as standard deviations; the defaults are the paper's. A share is one of the box's height; "per frame"
    means per frame of nominal length.

    Attributes:
        measured_position: Measured centre and height, share.
        measured_aspect: Measured width / height.
        drift_position: Change of centre and height that velocity does not explain, share per frame.
        drift_aspect: The same of width / height.
        drift_velocity: Change of the velocity of centre and height, share per frame, per frame.
        drift_aspect_velocity: The same of width / height.
        first_position: Centre and height of a new track, share.
        first_aspect: Width / height of a new track.
        first_velocity: Velocity of centre and height of a new track, share per frame.
        first_aspect_velocity: The same of width / height.
        nsa: StrongSORT's noise scale adaptive filter: a box of confidence c is measured with a standard deviation of
            (1 - c) times the above (the variance falls with (1 - c)², as in the released program; the paper prints
            1 - c). Gating never uses it.

    Raises:
        UsageError: A deviation is negative, or a drift is too small to be one (see above).
    """

    measured_position: float = 1 / 20
    measured_aspect: float = 1e-1
    drift_position: float = 1 / 20
    drift_aspect: float = 1e-2
    drift_velocity: float = 1 / 160
    drift_aspect_velocity: float = 1e-5
    first_position: float = 2 / 20
    first_aspect: float = 1e-2
    first_velocity: float = 10 / 160
    first_aspect_velocity: float = 1e-5
    nsa: bool = True

    def __post_init__(self) -> None:
        pairs = (self.drift_position, self.drift_velocity), (self.drift_aspect, self.drift_aspect_velocity)
        if any(position < velocity / 12**0.5 for position, velocity in pairs):
            raise UsageError(
                "the drift of position is below 0.29 times that of velocity, which is no noise for short steps",
                where="KalmanConfig",
                mend="raise drift_position and drift_aspect",
            )
        if min(self.measured_position, self.measured_aspect, *pairs[0], *pairs[1]) < 0:
            raise UsageError("a standard deviation is negative", where="KalmanConfig", mend="give positive ones")


@dataclass(frozen=True)
class Beliefs:
    """What is believed of N boxes.

    Attributes:
        mean: float64 (N, 8): centre x, centre y (pixels), width / height, height (pixels), and the change of each per
            frame of nominal length.
        covariance: float64 (N, 8, 8).
    """

    mean: np.ndarray
    covariance: np.ndarray

    def __len__(self) -> int:
        return len(self.mean)

    def __getitem__(self, rows: np.ndarray | slice | list[int]) -> "Beliefs":
        return Beliefs(self.mean[rows], self.covariance[rows])

    @staticmethod
    def of(parts: "Sequence[Beliefs]") -> "Beliefs":
        """All parts, one after the other."""
        if not parts:
            return Beliefs(np.zeros((0, 8)), np.zeros((0, 8, 8)))
        return Beliefs(np.concatenate([p.mean for p in parts]), np.concatenate([p.covariance for p in parts]))

    @property
    def boxes(self) -> np.ndarray:
        """float64 (N, 4) xyxy pixels."""
        return to_boxes(self.mean)


class KalmanFilter:
    """Pure functions on `Beliefs`, with one set of noise levels."""

    def __init__(self, config: KalmanConfig | None = None) -> None:
        self.config = config or KalmanConfig()

    def first(self, measured: np.ndarray) -> Beliefs:
        """Beliefs after one measurement each: float (N, 4) centre x, centre y, width / height, height."""
        c, measured = self.config, np.asarray(measured, np.float64)
        std = _stds(measured[:, 3], c.first_position, c.first_aspect, c.first_velocity, c.first_aspect_velocity)
        return Beliefs(np.concatenate([measured, np.zeros_like(measured)], axis=1), _diagonal(std**2))

    def predict(self, beliefs: Beliefs, frames: float = 1.0) -> Beliefs:
        """Beliefs `frames` nominal frames later (any real number from 0), nothing seen."""
        n, c = frames, self.config
        height = np.maximum(beliefs.mean[:, 3], _SMALLEST)
        std = _stds(height, c.drift_position, c.drift_aspect, c.drift_velocity, c.drift_aspect_velocity)
        p2, v2 = _diagonal(std[:, :4] ** 2), _diagonal(std[:, 4:] ** 2)
        old = beliefs.covariance
        place, both, velocity = old[:, :4, :4], old[:, :4, 4:], old[:, 4:, 4:]
        new = np.empty_like(old)
        new[:, :4, :4] = place + n * (both + both.transpose(0, 2, 1)) + n * n * velocity
        new[:, :4, :4] += n * p2 + n * (n - 1) * (2 * n - 1) / 6 * v2
        new[:, :4, 4:] = both + n * velocity + n * (n - 1) / 2 * v2
        new[:, 4:, :4] = new[:, :4, 4:].transpose(0, 2, 1)
        new[:, 4:, 4:] = velocity + n * v2
        mean = beliefs.mean.copy()
        mean[:, :4] += n * mean[:, 4:]
        return Beliefs(mean, new)

    def update(self, beliefs: Beliefs, measured: np.ndarray, confidence: np.ndarray | None = None) -> Beliefs:
        """Beliefs after each has been measured at its own time.

        Args:
            beliefs: N beliefs.
            measured: float (N, 4) centre x, centre y, width / height, height.
            confidence: float (N,) in [0, 1], used when `nsa` is on; None counts as 0.
        """
        mean, covariance = self._projected(beliefs, confidence)
        gain = np.linalg.solve(covariance, beliefs.covariance[:, :4, :]).transpose(0, 2, 1)  # (N, 8, 4)
        away = np.asarray(measured, np.float64) - mean
        posterior = beliefs.covariance - gain @ covariance @ gain.transpose(0, 2, 1)
        return Beliefs(
            beliefs.mean + (gain @ away[:, :, None])[:, :, 0], (posterior + posterior.transpose(0, 2, 1)) / 2
        )

    def distances(self, beliefs: Beliefs, measured: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distance of M measurements from each belief, four degrees of freedom: float64 (N, M)."""
        if not len(beliefs) or not len(measured):
            return np.zeros((len(beliefs), len(measured)))
        mean, covariance = self._projected(beliefs, None)
        away = np.asarray(measured, np.float64)[None] - mean[:, None]  # (N, M, 4)
        solved = np.linalg.solve(covariance, away.transpose(0, 2, 1))  # (N, 4, M)
        return (away.transpose(0, 2, 1) * solved).sum(1)

    def _projected(self, beliefs: Beliefs, confidence: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Mean (N, 4) and covariance (N, 4, 4) of what would be measured."""
        c = self.config
        std = _stds(np.maximum(beliefs.mean[:, 3], _SMALLEST), c.measured_position, c.measured_aspect)
        if confidence is not None and c.nsa:
            std = std * np.maximum(1 - np.asarray(confidence, np.float64), 1e-6)[:, None]
        return beliefs.mean[:, :4], beliefs.covariance[:, :4, :4] + _diagonal(std**2)


def from_boxes(boxes: np.ndarray) -> np.ndarray:
    """xyxy pixels, float (N, 4) -> centre x, centre y, width / height, height: float64 (N, 4)."""
    corners = np.asarray(boxes, np.float64).reshape(-1, 4)
    size = corners[:, 2:] - corners[:, :2]
    height = np.maximum(size[:, 1], _SMALLEST)
    return np.column_stack([(corners[:, :2] + corners[:, 2:]) / 2, size[:, 0] / height, height])


def to_boxes(states: np.ndarray) -> np.ndarray:
    """Inverse of `from_boxes` for the first four numbers of each state, float (N, 4 or more)."""
    height = np.maximum(states[:, 3], _SMALLEST)
    half = np.column_stack([np.maximum(states[:, 2], _SMALLEST) * height, height]) / 2
    return np.concatenate([states[:, :2] - half, states[:, :2] + half], axis=1)


def _stds(height: np.ndarray, *levels: float) -> np.ndarray:
    """Standard deviations (N, 4) per (position, aspect) pair of levels, positions times the height (N,)."""
    columns = []
    for position, aspect in zip(levels[::2], levels[1::2], strict=True):
        columns += [position * height, position * height, np.full_like(height, aspect), position * height]
    return np.stack(columns, axis=1)


def _diagonal(values: np.ndarray) -> np.ndarray:
    """Diagonal matrices (N, K, K) of values (N, K)."""
    return values[:, :, None] * np.eye(values.shape[1])
