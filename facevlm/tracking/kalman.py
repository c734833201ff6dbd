"""Where a face will be: a constant-velocity Kalman filter on centre, width/height and height, timed in seconds.

State and scale-relative noise are those of StrongSORT (Du et al. 2023, after DeepSORT, Wojke et al. 2017): standard
deviations are shares of the face's height, so a video at twice the size gives the same tracks. Unlike there, time is in
seconds and the process noise is that of a white acceleration integrated over the step, so that frames at uneven times
or dropped frames need no special case: predicting over dt equals predicting over any parts of dt in turn (for a face of
constant height; the noise scales with the height at the start of the step).
"""

from dataclasses import dataclass

import numpy as np

CHI2_95_4DOF = 9.4877  # 95 % quantile of chi-square with four degrees of freedom: StrongSORT's gate
_SMALLEST = 1e-3  # pixels: heights and aspect ratios stay above it however far the filter extrapolates


@dataclass(frozen=True)
class KalmanConfig:
    """Noise of faces measured by a mesh.

    Attributes:
        position_std: Measurement noise of centre and height, as a share of the height.
        aspect_std: Measurement noise of width / height (a turning head or an opening mouth changes it).
        acceleration_std: White acceleration of centre and height, heights / s^1.5. With 3, a face seen to stand still
            is expected after 1/30 s within 0.01, after 0.5 s within 0.6 heights (one standard deviation).
        aspect_drift_std: White acceleration of width / height, 1 / s^1.5.
        first_velocity_std: Velocity of centre and height expected of a new face, heights / s.
        first_aspect_velocity_std: The same for width / height, 1 / s.
    """

    position_std: float = 0.05
    aspect_std: float = 0.10
    acceleration_std: float = 3.0
    aspect_drift_std: float = 0.3
    first_velocity_std: float = 1.5
    first_aspect_velocity_std: float = 0.1


@dataclass(frozen=True)
class Motion:
    """Belief about one face.

    Attributes:
        mean: float64 (8,): centre x, centre y (pixels), width / height, height (pixels), and their velocities per
            second.
        covariance: float64 (8, 8).
    """

    mean: np.ndarray
    covariance: np.ndarray

    @property
    def box(self) -> np.ndarray:
        """float64 (4,) xyxy pixels."""
        return to_box(self.mean)


class KalmanFilter:
    """Pure functions on `Motion`, with one set of noise levels."""

    def __init__(self, config: KalmanConfig | None = None) -> None:
        self.config = config or KalmanConfig()

    def first(self, box: np.ndarray) -> Motion:
        """Belief after one box (float (4,) xyxy pixels)."""
        c, measured = self.config, from_box(box)
        h = measured[3]
        position, velocity = c.position_std * h, c.first_velocity_std * h
        std = np.array([position, position, c.aspect_std, position])
        rate = np.array([velocity, velocity, c.first_aspect_velocity_std, velocity])
        return Motion(np.concatenate([measured, np.zeros(4)]), np.diag(np.concatenate([std, rate]) ** 2))

    def predict(self, motion: Motion, seconds: float) -> Motion:
        """Belief `seconds` later (0 or more), nothing seen."""
        c = self.config
        step = np.eye(8)
        step[:4, 4:] = seconds * np.eye(4)
        h = max(motion.mean[3], _SMALLEST)
        q = np.array([c.acceleration_std * h, c.acceleration_std * h, c.aspect_drift_std, c.acceleration_std * h]) ** 2
        noise = np.zeros((8, 8))
        noise[:4, :4] = np.diag(q * seconds**3 / 3)
        noise[:4, 4:] = noise[4:, :4] = np.diag(q * seconds**2 / 2)
        noise[4:, 4:] = np.diag(q * seconds)
        return Motion(step @ motion.mean, step @ motion.covariance @ step.T + noise)

    def update(self, motion: Motion, box: np.ndarray) -> Motion:
        """Belief after seeing a box (float (4,) xyxy pixels) at the time of `motion`."""
        mean, covariance = self._project(motion)
        gain = np.linalg.solve(covariance, motion.covariance[:4]).T  # (8, 4)
        posterior = motion.covariance - gain @ covariance @ gain.T
        return Motion(motion.mean + gain @ (from_box(box) - mean), (posterior + posterior.T) / 2)

    def distances(self, motion: Motion, boxes: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distance (four degrees of freedom) of boxes, float (N, 4) xyxy, from the belief: (N,)."""
        if not len(boxes):
            return np.zeros(0)
        mean, covariance = self._project(motion)
        corners = np.asarray(boxes, np.float64)
        height = np.maximum(corners[:, 3] - corners[:, 1], _SMALLEST)
        centre, width = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2] - corners[:, 0]
        away = np.column_stack([centre, width / height, height]) - mean
        return (away * np.linalg.solve(covariance, away.T).T).sum(1)

    def _project(self, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
        """Mean (4,) and covariance (4, 4) of what would be measured."""
        c = self.config
        std = c.position_std * max(motion.mean[3], _SMALLEST)
        return motion.mean[:4], motion.covariance[:4, :4] + np.diag([std, std, c.aspect_std, std]) ** 2


def from_box(box: np.ndarray) -> np.ndarray:
    """xyxy pixels, float (4,) -> centre x, centre y, width / height, height: float64 (4,)."""
    x0, y0, x1, y1 = (float(v) for v in box)
    height = max(y1 - y0, _SMALLEST)
    return np.array([(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / height, height])


def to_box(state: np.ndarray) -> np.ndarray:
    """Inverse of `from_box` for the first four numbers of a state."""
    cx, cy, aspect, height = (float(v) for v in state[:4])
    height = max(height, _SMALLEST)
    half_width, half_height = max(aspect, _SMALLEST) * height / 2, height / 2
    return np.array([cx - half_width, cy - half_height, cx + half_width, cy + half_height])
