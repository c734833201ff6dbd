"""Find faces in a frame: short-range and full-range BlazeFace, with our own anchors, decoding and weighted NMS.

Follows Bazarevsky et al. 2019 ("BlazeFace"). Each network sees the whole picture, letterboxed with black; their union
is merged by weighted non-maximum suppression. The short-range network is sure of large faces, the full-range one of
small ones.
"""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from facevlm.faces.faces import Detections
from facevlm.faces.mesh import Network
from facevlm.faces.weights import load

MIN_SCORE = 0.5
NMS_IOU = 0.3
MIN_TILE = 64  # pixels; no picture however narrow is cut into hundreds of tiles
SAME_FACE = 0.7  # share of the smaller box inside the larger one from which both are one face


class Detector(Protocol):
    """Finds faces in one frame."""

    def detect(self, image: np.ndarray) -> Detections:
        """Find faces in uint8 (H, W, 3) RGB."""
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
        size, height, width = self._blaze.size, *image.shape[:2]
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
        stretch = np.array([width / inner[0], height / inner[1]], np.float32)
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

    def detect(self, image: np.ndarray) -> Detections:
        """Find faces in uint8 (H, W, 3) RGB."""
        return merge([weighted_nms(network.detect(image)) for network in self._networks])


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


DETECTORS: dict[str, type[WholeFrame] | type[SmallFaces]] = {"whole": WholeFrame, "small": SmallFaces}


def merge(found: list[Detections]) -> Detections:
    """Several detectors' faces as one set: weighted NMS, then partial faces inside larger ones are dropped."""
    keypoints = min(d.keypoints.shape[1] for d in found)
    together = Detections(
        np.concatenate([d.boxes for d in found]),
        np.concatenate([d.scores for d in found]),
        np.concatenate([d.keypoints[:, :keypoints] for d in found]),
    )
    return drop_contained(weighted_nms(together))


def weighted_nms(detections: Detections, iou: float = NMS_IOU) -> Detections:
    """Replace each cluster of overlapping detections by its mean weighted with the scores (BlazeFace, section 4.2).

    Args:
        detections: Any number of detections.
        iou: Overlap from which a detection joins the cluster of the best one left.

    Returns:
        Detections in falling order of score; a cluster's score is its best one's.
    """
    rest = np.argsort(-detections.scores, kind="stable")
    boxes, scores, keypoints = [], [], []
    while len(rest):
        overlap = box_iou(detections.boxes[rest[0]], detections.boxes[rest])
        cluster = rest[(overlap >= iou) | (np.arange(len(rest)) == 0)]
        weights = detections.scores[cluster] / detections.scores[cluster].sum()
        boxes.append(weights @ detections.boxes[cluster])
        keypoints.append(np.tensordot(weights, detections.keypoints[cluster], 1))
        scores.append(detections.scores[rest[0]])
        rest = np.setdiff1d(rest, cluster, assume_unique=True)
        rest = rest[np.argsort(-detections.scores[rest], kind="stable")]
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(keypoints, np.float32).reshape(-1, detections.keypoints.shape[1], 2),
    )


def drop_contained(detections: Detections, share: float = SAME_FACE) -> Detections:
    """Drop boxes of which at least `share` lies inside a better-scored box, or that mostly cover one."""
    keep: list[int] = []
    for i in np.argsort(-detections.scores, kind="stable"):
        if all(_containment(detections.boxes[i], detections.boxes[j]) < share for j in keep):
            keep.append(int(i))
    return Detections(detections.boxes[keep], detections.scores[keep], detections.keypoints[keep])


def box_iou(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of one box (4,) with others (N, 4), xyxy; float (N,) in [0, 1]."""
    inter = _intersection(box, others)
    union = _area(box) + _area(others) - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def _containment(box: np.ndarray, other: np.ndarray) -> float:
    smaller = min(float(_area(box)), float(_area(other)))
    return float(_intersection(box, other[None])[0]) / smaller if smaller > 0 else 0.0


def _intersection(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    return (high - low).clip(0).prod(1)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2] - boxes[..., 0]).clip(0) * (boxes[..., 3] - boxes[..., 1]).clip(0)


def _anchor_centres(blaze: Blaze) -> np.ndarray:
    """float32 (A, 2) centres in [0, 1], in the order of the network's rows."""
    layers = []
    for stride, per_cell in blaze.anchors:
        cells = blaze.size // stride
        steps = (np.arange(cells) + 0.5) / cells
        layers.append(np.repeat(np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2), per_cell, axis=0))
    return np.concatenate(layers).astype(np.float32)


def _starts(length: int, side: int) -> list[int]:
    """Where tiles of `side` start along `length`, overlapping by at least a third, the last one flush."""
    count = 1 if length <= side else -(-3 * (length - side) // (2 * side)) + 1
    return [round(i * (length - side) / max(count - 1, 1)) for i in range(count)]
