"""How strong the vertical lines between the brows are: what a furrow shows where the brows themselves hardly move.

The corrugator draws the brows together by a few hundredths of the eye distance, which the mesh barely sees, but it
folds the skin of the glabella. Measured on the picture, not on the mesh.
"""

import cv2
import numpy as np

PATCH = 32  # pixels, side of the normalised patch
SHARE = 0.26  # of the outer-eye distance: side of the patch in the picture
BLUR = 1.0  # pixels of the patch, against noise
RIGHT, LEFT = [107, 55], [336, 285]  # inner ends of the brows, subject's right and left
DARK = 5.0  # grey levels added to the mean, so that a black picture has no contrast


def brow_lines(image: np.ndarray, landmarks: np.ndarray) -> float:
    """Mean horizontal contrast of the skin between the brows.

    Args:
        image: uint8 (H, W, 3) RGB.
        landmarks: float (478, 3) pixels of the image.

    Returns:
        Mean absolute difference of pixels two apart / mean brightness; about 0.005 for smooth skin, 0.04 for a furrow.
    """
    points = landmarks[:, :2]
    centre = (points[RIGHT].mean(0) + points[LEFT].mean(0)) / 2
    across = points[263] - points[33]
    step = across * (SHARE / PATCH)  # one patch pixel to the right, in pixels of the image
    linear = np.array([[step[0], -step[1]], [step[1], step[0]]])
    matrix = np.column_stack([linear, centre - linear @ np.full(2, PATCH / 2)])
    patch = cv2.warpAffine(
        image, matrix, (PATCH, PATCH), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    grey = cv2.GaussianBlur(cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), BLUR)
    change = np.abs(grey[6:26, 6:-4] - grey[6:26, 4:-6])
    return float(change.mean() / (grey.mean() + DARK))
