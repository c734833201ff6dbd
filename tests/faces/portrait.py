"""The astronaut's portrait placed at will: one real face at a known place, as large and as turned as a test wants."""

import cv2
import numpy as np
import pytest

FACE = np.array([175.0, 74.0, 275.0, 174.0])  # xyxy of the face in the portrait, as seen by eye, pixels of 512
EYES = {"right": (204, 102), "left": (247, 104)}  # centres of the subject's irises in the portrait, as seen by eye


def portrait() -> np.ndarray:
    """uint8 (512, 512, 3) RGB; the test is skipped without scikit-image."""
    pytest.importorskip("skimage", reason="the portrait comes with scikit-image (extra: demo)")
    from facevlm.puppet.demo import astronaut

    return astronaut()


def placed(size: tuple[int, int], face_px: float, centre: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A frame with the face, `face_px` pixels high, centred at `centre` (shares of width and height).

    Returns:
        uint8 (H, W, 3) RGB, and the face's box, float (4,) xyxy pixels. Beyond the portrait its edge is repeated.
    """
    scale = face_px / (FACE[3] - FACE[1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(portrait(), None, fx=scale, fy=scale, interpolation=how)
    shift = np.array(centre) * size - FACE.reshape(2, 2).mean(0) * scale
    image = cv2.warpAffine(small, np.column_stack([np.eye(2), shift]), size, borderMode=cv2.BORDER_REPLICATE)
    return image, (FACE.reshape(2, 2) * scale + shift).ravel()
