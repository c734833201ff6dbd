"""What is known of the faces in one frame."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Detections:
    """Faces found by a detector in one frame.

    Attributes:
        boxes: float32 (N, 4) xyxy, pixels of the frame (may reach outside it).
        scores: float32 (N,) in [0, 1].
        keypoints: float32 (N, K, 2) pixels; first the subject's right eye, left eye, nose tip, mouth centre.
    """

    boxes: np.ndarray
    scores: np.ndarray
    keypoints: np.ndarray


@dataclass(frozen=True)
class FaceMesh:
    """The 478-point attention mesh of one face (MediaPipe's topology; 468-477 are the irises).

    Attributes:
        landmarks: float32 (478, 3): x, y in pixels of the frame, z in the same scale (smaller is nearer the camera).
        presence: Probability in [0, 1] that the crop shows a face.
    """

    landmarks: np.ndarray
    presence: float
