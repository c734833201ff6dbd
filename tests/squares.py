"""A world of bright squares, and doubles that take each square for a face: perceiving is tested in milliseconds.

The doubles follow the protocols of `facevlm.faces`: put them into the dicts of implementations, or hand them over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from facevlm.expression.head_pose import template
from facevlm.faces.faces import Detections, FaceMesh
from facevlm.faces.mesh import Roi
from facevlm.video.encode import EncodeOptions, VideoWriter

SIZE = (192, 144)  # width, height of the frames
RED, GREEN, BLUE = (250, 110, 90), (110, 250, 90), (100, 120, 250)
BRIGHT = 200  # of 255: no background is


@dataclass(frozen=True)
class Square:
    """A face to be: where it is at a time, as (x, y, side) pixels, or None when it is away."""

    colour: tuple[int, int, int]
    place: Callable[[float], tuple[float, float, float] | None]


def still(x: float, y: float, side: float, *present: tuple[float, float]) -> Callable[[float], tuple | None]:
    """A place held in the given spans of seconds; always, when none is given."""
    return lambda t: (x, y, side) if not present or any(a <= t < b for a, b in present) else None


def film(
    path: Path,
    seconds: float,
    squares: Sequence[Square],
    *,
    cuts: Sequence[float] = (),
    fps: float = 25,
    without: tuple[float, float] = (0, 0),
) -> Path:
    """Write a clip, without the pictures of one stretch; at each cut the background becomes another one."""
    walls = [_wall(number) for number in range(len(cuts) + 1)]
    with VideoWriter(path, *SIZE, options=EncodeOptions(crf=14, rate=Fraction(fps))) as writer:
        for number in range(max(1, round(seconds * fps))):
            t = number / fps
            if without[0] <= t < without[1]:
                continue
            image = walls[sum(t >= cut - 1e-6 for cut in cuts)].copy()
            for square in squares:
                if place := square.place(t):
                    x, y, side = (round(v) for v in place)
                    image[max(y, 0) : y + side, max(x, 0) : x + side] = square.colour
            writer.write(image, t)
    return path


def _wall(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 180, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, SIZE, interpolation=cv2.INTER_NEAREST)


def boxes(image: np.ndarray) -> np.ndarray:
    """The squares of a picture: float32 (N, 4) xyxy."""
    bright = cv2.morphologyEx((image.max(2) > BRIGHT).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
    found = [(x, y, x + w, y + h) for x, y, w, h, area in stats[1:].tolist() if area >= 36]
    return np.array(found, np.float32).reshape(-1, 4)


class SquareDetector:
    """Finds every square; counts how often it was asked."""

    calls = 0

    def detect(self, image: np.ndarray) -> Detections:
        type(self).calls += 1
        found = boxes(image)
        low, extent = found[:, None, :2], found[:, None, 2:] - found[:, None, :2]
        keypoints = low + extent * np.array([[0.3, 0.35], [0.7, 0.35], [0.5, 0.6], [0.5, 0.8]], np.float32)
        return Detections(found, np.full(len(found), 0.9, np.float32), keypoints.astype(np.float32))

    glance = detect


class SquareMesh:
    """Fits the frontal template into the square at the middle of the region; none there: no presence."""

    def fit(self, image: np.ndarray, roi: Roi) -> FaceMesh:
        for box in boxes(image):
            if box[0] <= roi.x <= box[2] and box[1] <= roi.y <= box[3]:
                return FaceMesh(_fitted(box), 0.99)
        half = roi.side / 3
        return FaceMesh(_fitted(np.array([roi.x - half, roi.y - half, roi.x + half, roi.y + half])), 0.02)


class SquareEmbedder:
    """A square looks like its colour."""

    dimension = 3

    def embed(self, crops: np.ndarray) -> np.ndarray:
        colours = crops[:, 40:72, 40:72].reshape(len(crops), -1, 3).mean(1) - 140
        return (colours / np.maximum(np.linalg.norm(colours, axis=1, keepdims=True), 1e-6)).astype(np.float32)


def _fitted(box: np.ndarray) -> np.ndarray:
    points = template().points
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    scale = (box[2:] - box[:2]) / (high - low)
    fitted = np.empty((478, 3), np.float32)
    fitted[:, :2] = (points[:, :2] - low) * scale + box[:2]
    fitted[:, 2] = points[:, 2] * scale.mean()
    return fitted
