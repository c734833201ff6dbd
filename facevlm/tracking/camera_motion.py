"""How the camera moved between two frames, by maximising the enhanced correlation coefficient (ECC), as in StrongSORT.

Evangelidis and Psarakis 2008 ("Parametric image alignment using enhanced correlation coefficient maximization"), with
the settings of Du et al. 2023, section 3.3. A frame without texture, a cut or a wipe has no motion to be found: that is
recorded with its reason, and tracks stay where they were expected.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from facevlm.errors import InputError
from facevlm.tracking.kalman import from_boxes, to_boxes

PARTS = 4  # along width and height


@dataclass(frozen=True)
class CameraMotionConfig:
    """Settings of the search; the defaults are the paper's.

    Attributes:
        scale: Frames are shrunk to this share of their width and height first.
        iterations: Most iterations.
        precision: Gain of the coefficient below which the search ends.
        largest: Motions with a larger norm of (identity - matrix) are taken for mistakes and ignored.
        contradicted: Motions that make more than this share of the picture's parts (`PARTS` x `PARTS`) less alike than
            they were are taken for those of somebody large before a still camera, and ignored; None: no matter.
    """

    scale: float = 0.1
    iterations: int = 100
    precision: float = 1e-5
    largest: float = 100.0
    contradicted: float | None = None


@dataclass(frozen=True)
class MotionFailure:
    """A frame whose camera motion could not be found: its time in seconds, and why."""

    time: float
    reason: str


class CameraMotion:
    """Camera motion from frame to frame of one video.

    Args:
        config: Settings of the search.

    Attributes:
        failed: Number of frame pairs without a motion.
        last_failure: The last of them, or None.
    """

    def __init__(self, config: CameraMotionConfig | None = None) -> None:
        self.config = config or CameraMotionConfig()
        self.failed = 0
        self.last_failure: MotionFailure | None = None
        self._previous: np.ndarray | None = None

    def forget(self) -> None:
        """Begin anew with the next frame, as after a cut: no motion leads across it."""
        self._previous = None

    def look(self, image: np.ndarray, time: float) -> np.ndarray | None:
        """Motion from the last frame to this one.

        Args:
            image: uint8 (H, W, 3) RGB, of one size throughout.
            time: Seconds, for the record of failures.

        Returns:
            float64 (2, 3) that maps pixels (x, y, 1) of the last frame to this one (turn and shift), or None for the
            first frame and where no motion could be found.

        Raises:
            InputError: The image has another shape or type.
        """
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            what = f"images must be uint8 (H, W, 3) RGB, not {image.dtype} {image.shape}"
            raise InputError(what, mend="convert it, or leave it out")
        s = self.config.scale
        if min(image.shape[:2]) * s < 1:
            self._previous = None
            self._fail(time, f"a picture of {image.shape[1]}x{image.shape[0]} is too small")
            return None
        small = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), fx=s, fy=s, interpolation=cv2.INTER_LINEAR)
        previous, self._previous = self._previous, small
        if previous is None:
            return None
        if previous.shape != small.shape:
            self._fail(time, "the picture has another size than the last one")
            return None
        end = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, self.config.iterations, self.config.precision)
        start, everywhere = np.eye(2, 3, dtype=np.float32), np.full_like(small, 255)
        try:
            _, found = cv2.findTransformECC(previous, small, start, cv2.MOTION_EUCLIDEAN, end, everywhere, 1)
        except cv2.error as error:
            self._fail(time, str(error.err or error).strip())
            return None
        warp = np.array(found, np.float64)
        warp[:, 2] /= s
        if not np.isfinite(warp).all():
            self._fail(time, "the search ran to infinity")
            return None
        if not is_believable(warp, self.config):
            self._fail(time, "the motion is too large to be one")
            return None
        if self.config.contradicted is not None and _worse(previous, small, found) > self.config.contradicted:
            self._fail(time, "most of the picture does not move so")
            return None
        return warp

    def _fail(self, time: float, reason: str) -> None:
        self.failed += 1
        self.last_failure = MotionFailure(time, reason)


def _worse(previous: np.ndarray, small: np.ndarray, warp: np.ndarray) -> float:
    """Share of the parts of a grey picture that the last one, moved by a (2, 3) matrix, is less like than unmoved."""
    moved = cv2.warpAffine(previous, warp, small.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    gain = cv2.absdiff(previous, small).astype(np.float32) - cv2.absdiff(moved, small)
    return float((cv2.resize(gain, (PARTS, PARTS), interpolation=cv2.INTER_AREA) < 0).mean())


def is_believable(warp: np.ndarray, config: CameraMotionConfig) -> bool:
    """Whether a (2 or 3, 3) motion is small enough to be one."""
    return bool(np.linalg.norm(np.eye(3)[:2] - np.asarray(warp, np.float64)[:2]) < config.largest)


def moved_means(mean: np.ndarray, warp: np.ndarray) -> np.ndarray:
    """Means of beliefs, float (N, 8), after the camera moved: two corners are moved, velocities stay."""
    if not len(mean):
        return mean
    corners = to_boxes(mean).reshape(-1, 2)
    warp = np.asarray(warp, np.float64)[:2]
    moved = corners @ warp[:, :2].T + warp[:, 2]
    return np.concatenate([from_boxes(moved.reshape(-1, 4)), mean[:, 4:]], axis=1)
