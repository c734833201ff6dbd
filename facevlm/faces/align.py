"""A face turned upright, at one size: the 112x112 crop that appearance and identity vectors are computed from.

The five target points are those of ArcFace (Deng et al., CVPR 2019) as every 112x112 face embedder expects them. The
five source points are taken from the mesh: the eyes as the middle of their two corners, not the irises, so that a
glance to the side does not turn the crop. The map is the least-squares similarity (Umeyama 1991), in two dimensions
one complex division.
"""

import cv2
import numpy as np

from facevlm.errors import InputError

TEMPLATE_SIZE = 112
# Subject's right eye, left eye, nose tip, right and left mouth corner in the 112x112 crop.
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float64
)
RIGHT_EYE, LEFT_EYE, NOSE_TIP, RIGHT_MOUTH, LEFT_MOUTH = (33, 133), (362, 263), 1, 61, 291  # mesh indices
_MIN_SPREAD_PX = 1.0  # five points closer together than this (root mean square) are no face


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """The ArcFace points of a mesh.

    Args:
        landmarks: float (468 or 478, 2 or 3) pixels of the frame.

    Returns:
        float64 (5, 2) pixels: the subject's right eye, left eye, nose tip, right mouth corner, left mouth corner.
    """
    points = np.asarray(landmarks, np.float64)[:, :2]
    return np.stack(
        [
            points[list(RIGHT_EYE)].mean(0),
            points[list(LEFT_EYE)].mean(0),
            points[NOSE_TIP],
            points[RIGHT_MOUTH],
            points[LEFT_MOUTH],
        ]
    )


def similarity_to_template(points: np.ndarray, size: int = TEMPLATE_SIZE) -> np.ndarray:
    """The similarity (turn, scale, shift; never a mirror image) that best maps five points onto the template.

    Args:
        points: float (5, 2) pixels of the frame, in the order of `five_points`.
        size: Side of the crop in pixels.

    Returns:
        float64 (2, 3) matrix from pixels of the frame to pixels of the crop.

    Raises:
        InputError: The points are not finite, or all in one place.
    """
    if not np.isfinite(points).all():
        raise InputError("the landmarks of a face are not finite", mend="drop meshes with NaN before aligning them")
    source = points[:, 0] + 1j * points[:, 1]
    target = (TEMPLATE[:, 0] + 1j * TEMPLATE[:, 1]) * (size / TEMPLATE_SIZE)
    source_mean, target_mean = source.mean(), target.mean()
    spread = float((np.abs(source - source_mean) ** 2).sum())
    if spread < 5 * _MIN_SPREAD_PX**2:
        raise InputError("the landmarks of a face are all in one place", mend="drop faces of less than a few pixels")
    turn = ((source - source_mean).conj() * (target - target_mean)).sum() / spread
    shift = target_mean - turn * source_mean
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def aligned_crop(image: np.ndarray, landmarks: np.ndarray, size: int = TEMPLATE_SIZE) -> np.ndarray:
    """The face upright and at the template's scale.

    Args:
        image: uint8 (H, W, 3) RGB.
        landmarks: float (468 or 478, 2 or 3) pixels of the frame.
        size: Side of the crop in pixels.

    Returns:
        uint8 (size, size, 3) RGB; black where the crop reaches outside the image.

    Raises:
        InputError: The landmarks are not finite, or all in one place.
    """
    matrix = similarity_to_template(five_points(landmarks), size)
    shrink = int(1.0 / np.hypot(matrix[0, 0], matrix[1, 0]))
    if shrink >= 2:  # a bilinear warp would skip pixels: first average them in blocks
        image, matrix = _shrunk(image, matrix, size, shrink)
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0))


def _shrunk(image: np.ndarray, matrix: np.ndarray, size: int, shrink: int) -> tuple[np.ndarray, np.ndarray]:
    """The part of the image that the crop shows, averaged in shrink x shrink blocks, and the matrix for it."""
    back = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]], np.float64) @ back.T
    height, width = image.shape[:2]
    x0, y0 = np.clip(np.floor(corners.min(0)) - shrink, 0, (width, height)).astype(int)
    x1, y1 = np.clip(np.ceil(corners.max(0)) + shrink, 0, (width, height)).astype(int)
    columns, rows = (x1 - x0) // shrink, (y1 - y0) // shrink
    if columns < 1 or rows < 1:
        return image, matrix
    part = image[y0 : y0 + rows * shrink, x0 : x0 + columns * shrink]
    small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    # pixel (u, v) of `small` has its centre at shrink * (u + .5) - .5 + x0 in the image
    offset = np.array([x0, y0]) + (shrink - 1) / 2
    linear = matrix[:, :2] * shrink
    return small, np.column_stack([linear, matrix[:, :2] @ offset + matrix[:, 2]])
