"""Find faces in a frame: short-range and full-range BlazeFace, with our own anchors, decoding and weighted NMS.

Follows Bazarevsky et al. 2019 ("BlazeFace"). Each network sees the whole picture, letterboxed with black; their union
is merged by weighted non-maximum suppression. The short-range network is sure of large faces, the full-range one of
small ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Protocol

import cv2
import numpy as np

from facevlm.faces.choice import chosen
from facevlm.faces.detect_onnx import ScrfdDetector, YuNetDetector
from facevlm.faces.faces import Detections
from facevlm.faces.mesh import Network
from facevlm.faces.suppress import drop_contained, weighted_nms
from facevlm.faces.weights import load

MIN_SCORE = 0.5
MIN_TILE = 64  # pixels; no picture however narrow is cut into hundreds of tiles


class Detector(Protocol):
    """Finds faces in one frame."""

    def detect(self, image: np.ndarray) -> Detections:
        """Find faces in uint8 (H, W, 3) RGB."""
        ...

    def glance(self, image: np.ndarray) -> Detections:
        """As `detect`, perhaps with less effort: for pictures that hold no face most of the time. What one glance
        misses, one of the next few finds."""
        ...


@dataclass(frozen=True)
class Blaze:
    """One BlazeFace network.

    Attributes:
        weights: Name in the table of weights.
        size: Side of the input in pixels.
        anchors: (stride in pixels, anchors per cell) for each layer of the output.
        keypoints: Key points per detection.
    """

    weights: str
    size: int
    anchors: tuple[tuple[int, int], ...]
    keypoints: int = 6


SHORT_RANGE = Blaze("blaze_short", 128, ((8, 2), (16, 6)))
FULL_RANGE = Blaze("blaze_full", 192, ((4, 1),))


class BlazeNetwork:
    """One BlazeFace-like network with its anchors.

    Args:
        blaze: Which network.
        threads: Threads of the network.
        min_score: Detections below are dropped.

    Raises:
        WeightsError: The weights are missing or not the pinned file.
    """

    def __init__(self, blaze: Blaze, *, threads: int = 1, min_score: float = MIN_SCORE) -> None:
        self._blaze, self._min_score = blaze, min_score
        self._network = Network(load(blaze.weights), threads)
        self._centres = _anchor_centres(blaze)

    def detect(self, image: np.ndarray) -> Detections:
        """Find faces in uint8 (H, W, 3) RGB; before any suppression."""
        size = self._blaze.size
        image, halvings = _halved(image, size)
        height, width = image.shape[:2]
        scale = size / max(height, width)
        inner = max(round(width * scale), 1), max(round(height * scale), 1)
        left, top = (size - inner[0]) // 2, (size - inner[1]) // 2
        canvas = np.full((1, size, size, 3), -1, np.float32)
        small = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        canvas[0, top : top + inner[1], left : left + inner[0]] = small * np.float32(2 / 255) - 1
        raw, logits = self._network(canvas)
        scores = 1 / (1 + np.exp(-logits.reshape(-1).clip(-80, 80)))
        keep = np.flatnonzero(scores >= self._min_score)
        values = raw.reshape(len(self._centres), -1)[keep]
        points = values.reshape(len(keep), 2 + self._blaze.keypoints, 2) / size
        centre, extent = points[:, 0] + self._centres[keep], points[:, 1]
        corners = np.stack([centre - extent / 2, centre + extent / 2], axis=1)
        keypoints = points[:, 2 : 2 + self._blaze.keypoints] + self._centres[keep, None]
        offset = np.array([left, top], np.float32)
        stretch = np.array([width / inner[0], height / inner[1]], np.float32) * 2**halvings
        return Detections(
            boxes=((corners * size - offset) * stretch).reshape(-1, 4).astype(np.float32),
            scores=scores[keep].astype(np.float32),
            keypoints=((keypoints * size - offset) * stretch).astype(np.float32),
        )


class WholeFrame:
    """Short-range and full-range networks on the whole frame, merged.

    Args:
        threads: Threads of each network.
        min_score: Detections below are dropped.
    """

    def __init__(self, *, threads: int = 1, min_score: float = MIN_SCORE) -> None:
        self._networks = [BlazeNetwork(b, threads=threads, min_score=min_score) for b in (SHORT_RANGE, FULL_RANGE)]
        self._turns = cycle(self._networks)

    def detect(self, image: np.ndarray) -> Detections:
        """Find faces in uint8 (H, W, 3) RGB."""
        return merge([weighted_nms(network.detect(image)) for network in self._networks])

    def glance(self, image: np.ndarray) -> Detections:
        """Find faces in uint8 (H, W, 3) RGB with one of the networks, each in turn."""
        return merge([weighted_nms(next(self._turns).detect(image))])


class SmallFaces:
    """Small-face mode for wide shots: the whole frame plus overlapping square tiles through the full-range network.

    Args:
        threads: Threads of each network.
        min_score: Detections below are dropped.
        tiles: Tiles along the shorter side of the frame; neighbours overlap by a third.
    """

    def __init__(self, *, threads: int = 1, min_score: float = MIN_SCORE, tiles: int = 2) -> None:
        self._whole = WholeFrame(threads=threads, min_score=min_score)
        self._full = BlazeNetwork(FULL_RANGE, threads=threads, min_score=min_score)
        self._tiles = tiles

    def detect(self, image: np.ndarray) -> Detections:
        """Find faces in uint8 (H, W, 3) RGB."""
        height, width = image.shape[:2]
        side = max(-(-3 * min(height, width) // (2 * self._tiles + 1)), MIN_TILE)
        found = [self._whole.detect(image)]
        for top in _starts(height, side):
            for left in _starts(width, side):
                part = weighted_nms(self._full.detect(image[top : top + side, left : left + side]))
                shift = np.array([left, top], np.float32)
                found.append(Detections(part.boxes + np.tile(shift, 2), part.scores, part.keypoints + shift))
        return merge(found)

    glance = detect


DETECTORS: dict[str, Callable[[], Detector]] = {"whole": WholeFrame, "small": SmallFaces}
FILE_DETECTORS: dict[str, Callable[[str], Detector]] = {"scrfd": ScrfdDetector, "yunet": YuNetDetector}


def find_detector(choice: str) -> Callable[[], Detector]:
    """How to make a detector.

    Args:
        choice: A key of `DETECTORS`, or "KIND:PATH" where KIND is a key of `FILE_DETECTORS` and PATH its ONNX file.

    Returns:
        A function that opens it, which raises as the chosen class does (no such file, no onnxruntime ...).

    Raises:
        UsageError: There is no such choice.
    """
    return chosen(choice, DETECTORS, FILE_DETECTORS, what="detector")


def merge(found: list[Detections]) -> Detections:
    """Several detectors' faces as one set: weighted NMS, then partial faces inside larger ones are dropped."""
    keypoints = min(d.keypoints.shape[1] for d in found)
    together = Detections(
        np.concatenate([d.boxes for d in found]),
        np.concatenate([d.scores for d in found]),
        np.concatenate([d.keypoints[:, :keypoints] for d in found]),
    )
    return drop_contained(weighted_nms(together))


def _anchor_centres(blaze: Blaze) -> np.ndarray:
    """float32 (A, 2) centres in [0, 1], in the order of the network's rows."""
    layers = []
    for stride, per_cell in blaze.anchors:
        cells = blaze.size // stride
        steps = (np.arange(cells) + 0.5) / cells
        layers.append(np.repeat(np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2), per_cell, axis=0))
    return np.concatenate(layers).astype(np.float32)


def _halved(image: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """The image halved (an odd last row or column left out) as long as its longer side keeps at least `size` pixels,
    and how often: several times faster than to average areas of many pixels at once, and nearly the same."""
    halvings = 0
    while max(image.shape[:2]) >= 2 * size and min(image.shape[:2]) >= 2:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        image = cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
        halvings += 1
    return image, halvings


def _starts(length: int, side: int) -> list[int]:
    """Where tiles of `side` start along `length`, overlapping by at least a third, the last one flush."""
    count = 1 if length <= side else -(-3 * (length - side) // (2 * side)) + 1
    return [round(i * (length - side) / max(count - 1, 1)) for i in range(count)]
