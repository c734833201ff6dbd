"""How much boxes overlap: intersection over union, and the share of the smaller inside the larger."""

import numpy as np


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of float (N, 4) and (M, 4) xyxy boxes: float64 (N, M) in [0, 1]."""
    shared, areas, other_areas = _intersections(boxes, others)
    return shared / np.maximum(areas[:, None] + other_areas[None] - shared, 1e-9)


def containment(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of the smaller box inside the other, float (N, 4) and (M, 4) xyxy boxes: float64 (N, M) in [0, 1]."""
    shared, areas, other_areas = _intersections(boxes, others)
    return shared / np.maximum(np.minimum(areas[:, None], other_areas[None]), 1e-9)


def _intersections(boxes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shared areas (N, M), areas (N,), areas (M,), pixels squared."""
    a, b = np.asarray(boxes, np.float64).reshape(-1, 4), np.asarray(others, np.float64).reshape(-1, 4)
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.clip(high - low, 0, None).prod(-1), (a[:, 2:] - a[:, :2]).prod(-1), (b[:, 2:] - b[:, :2]).prod(-1)
