"""One box per face: weighted non-maximum suppression, and parts of faces inside larger ones dropped."""

import numpy as np

from facevlm.faces.faces import Detections

NMS_IOU = 0.3
SAME_FACE = 0.7  # share of the smaller box inside the larger one from which both are one face


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
