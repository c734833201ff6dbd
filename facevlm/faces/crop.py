"""The face crop that models see: the box widened by half, cut out and resized to 224x224, as FaceXFormer does it."""

import numpy as np
from PIL import Image

CROP_SIZE = 224  # pixels, width and height
WIDEN = 0.25  # share of the box added on each side: half of it in total


def widened_box(box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A box made larger by half and clamped to the picture.

    Args:
        box: float (4,) xyxy pixels.
        size: (width, height) of the picture in pixels.

    Returns:
        float64 (4,) xyxy pixels.
    """
    low, high = np.asarray(box, np.float64)[:2], np.asarray(box, np.float64)[2:]
    margin, limit = WIDEN * (high - low), np.array(size, np.float64)
    return np.concatenate([np.clip(low - margin, 0, limit), np.clip(high + margin, 0, limit)])


def face_crop(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Cut out a face with its surroundings; the aspect ratio is not kept.

    Args:
        image: uint8 (H, W, 3) RGB.
        box: float (4,) xyxy pixels; a box outside the picture gives the nearest pixels.

    Returns:
        uint8 (224, 224, 3) RGB, resized by bicubic interpolation with antialiasing.
    """
    x0, y0, x1, y1 = crop_box(box, (image.shape[1], image.shape[0]))
    return _resized(image[y0:y1, x0:x1])


def crop_box(box: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """What `face_crop` cuts out: x0, y0, x1, y1 in whole pixels of a picture of (width, height), at least one pixel."""
    width, height = size
    x0, y0, x1, y1 = (int(v) for v in widened_box(box, size))  # truncated, as the reference does
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def centre_crop(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of uint8 (H, W, 3) RGB: uint8 (224, 224, 3), for frames of nobody."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return _resized(image[top : top + side, left : left + side])


def _resized(pixels: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(picture.resize((CROP_SIZE, CROP_SIZE), Image.Resampling.BICUBIC))
