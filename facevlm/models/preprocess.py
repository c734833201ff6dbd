"""Pixels as each encoder was trained to see them: squares, resizing with PIL's bicubic, normalisation.

Everything here equals the released preprocessing of FaceXFormer, VideoLLaMA2 and VideoChat2 to float32 rounding, with
the resizing of PIL. `RESIZERS` has a faster one too, which differs (`benchmarks/models/resizing.py` says how much).
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from facevlm.errors import InputError

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CLIP_GREY = (122, 116, 104)  # int(255 * CLIP_MEAN): the border that makes a picture square

Resizer = Callable[[np.ndarray, tuple[int, int]], np.ndarray]  # uint8 (H, W, 3) and (width, height) to come


def pil_bicubic(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize as the released code does."""
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def torch_bicubic(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize with PyTorch's antialiased bicubic filter, which rounds its weights otherwise than PIL."""
    import torch

    if image.shape[1::-1] == size:
        return image
    pixels = torch.tensor(image).permute(2, 0, 1)[None]  # copied: what is given may be read-only
    resized = torch.nn.functional.interpolate(pixels, size=size[::-1], mode="bicubic", antialias=True)
    return resized[0].permute(1, 2, 0).numpy()


RESIZERS: dict[str, Resizer] = {"pil": pil_bicubic, "torch": torch_bicubic}


def face_pixels(crops: Sequence[np.ndarray], *, side: int = 224, resize: Resizer = pil_bicubic) -> np.ndarray:
    """Face crops for FaceXFormer: squeezed to a square, whatever their shape.

    Args:
        crops: uint8 (H, W, 3) RGB each.
        side: Side in pixels.
        resize: One of `RESIZERS`.

    Returns:
        float32 (N, 3, side, side).
    """
    return _stack([_normalised(resize(_checked(crop), (side, side)), IMAGENET_MEAN, IMAGENET_STD) for crop in crops])


def clip_pixels(
    frames: Sequence[np.ndarray], *, side: int = 336, pad: bool = True, resize: Resizer = pil_bicubic
) -> np.ndarray:
    """Frames for the CLIP tower: squared by a grey border, then resized.

    Args:
        frames: uint8 (H, W, 3) RGB each.
        side: Side in pixels.
        pad: Square first; False cuts what lies outside the central square, as VideoLLaMA2's demo does.
        resize: One of `RESIZERS`.

    Returns:
        float32 (N, 3, side, side).
    """
    squares = [_checked(padded_square(frame) if pad else frame) for frame in frames]
    return _stack([_normalised(_central(square, side, _floored, resize), CLIP_MEAN, CLIP_STD) for square in squares])


def umt_pixels(frames: Sequence[np.ndarray], *, side: int = 224, resize: Resizer = pil_bicubic) -> np.ndarray:
    """Frames for UMT as VideoChat2 shows them: short side to `side`, central square.

    Args:
        frames: uint8 (H, W, 3) RGB each.
        side: Side in pixels.
        resize: One of `RESIZERS`.

    Returns:
        float32 (3, F, side, side).
    """
    pictures = [_normalised(_central(_checked(frame), side, _rounded, resize), CLIP_MEAN, CLIP_STD) for frame in frames]
    return _stack(pictures).transpose(1, 0, 2, 3)


def padded_square(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) -> (S, S, 3) with S = max(H, W): the picture in the middle, CLIP's mean grey around."""
    _checked(image)
    height, width = image.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), CLIP_GREY, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = image
    return square


def _floored(margin: int) -> int:
    """Half of the margin, as transformers cuts."""
    return margin // 2


def _rounded(margin: int) -> int:
    """Half of the margin, half to even, as torchvision cuts."""
    return round(margin / 2)


def _central(image: np.ndarray, side: int, half: Callable[[int], int], resize: Resizer) -> np.ndarray:
    """The short side to `side`, then the central square, which begins at half of what is beyond it."""
    height, width = image.shape[:2]
    short = min(height, width)
    size = (side * width // short, side * height // short)
    resized = resize(image, size)
    left, top = (half(n - side) for n in size)
    return resized[top : top + side, left : left + side]


def _normalised(image: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """uint8 (H, W, 3) -> float32 (3, H, W)."""
    scaled = image.astype(np.float32) / np.float32(255)
    return ((scaled - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)).transpose(2, 0, 1)


def _checked(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InputError(f"pictures must be uint8 (H, W, 3) RGB, not {image.dtype} {image.shape}")
    return np.ascontiguousarray(image)


def _stack(pictures: list[np.ndarray]) -> np.ndarray:
    if not pictures:
        raise InputError("no pictures to prepare")
    return np.stack(pictures)
