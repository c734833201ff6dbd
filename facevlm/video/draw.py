"""Draw on frames: thin smooth lines, boxes, and text on small plates that is readable on any background.

All functions draw into the image they are given: uint8 (H, W, 3) RGB, writable. Sizes follow from `unit`, a length that
grows with the picture. What lies outside the picture is cut off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
PLATE: Colour = (20, 20, 22)
PLATE_OPACITY = 0.72
SHIFT = 4  # OpenCV's fractional bits: coordinates are drawn to 1/16 pixel
RADIUS = 5  # pixels of a plate's corners at most
FAR = 30_000.0  # pixels: farther points would overflow OpenCV's fixed-point coordinates


@dataclass(frozen=True)
class Text:
    """A piece of text ready to draw: coverage float32 (h, w) in [0, 1]."""

    mask: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.mask.shape[1], self.mask.shape[0]


def unit(width: int, height: int) -> float:
    """The length in pixels that all sizes follow from: 1 for a picture whose shorter side is 360 pixels."""
    return max(0.6, min(width, height) / 360)


def polylines(
    image: np.ndarray,
    lines: Sequence[np.ndarray] | np.ndarray,
    *,
    colour: Colour,
    thickness: int = 1,
    opacity: float = 1.0,
) -> None:
    """Draw several smooth open lines at once; where they cross the picture shines through as for one.

    Args:
        image: uint8 (H, W, 3) RGB, changed.
        lines: Each float (N, 2) x, y in pixels, N > 0; lines with a point that is not finite are left out.
        colour: RGB.
        thickness: Pixels.
        opacity: In [0, 1].
    """
    if len(lines) == 0:
        return
    everything = np.concatenate(lines)
    if not (np.abs(everything) < FAR).all():  # NaN too
        polylines(image, [line for line in lines if (np.abs(line) < FAR).all()],
                  colour=colour, thickness=thickness, opacity=opacity)  # fmt: skip
        return
    window = _window(image, everything.min(0) - thickness - 1, everything.max(0) + thickness + 2)
    if window is None:
        return
    x, y, part = window
    whole = np.rint((everything - (x, y)) * (1 << SHIFT)).astype(np.int32)
    if isinstance(lines, np.ndarray):
        fixed = list(whole.reshape(lines.shape))  # many lines of one length: much faster than to split
    else:
        fixed = np.split(whole, np.cumsum([len(line) for line in lines])[:-1])
    target = part.copy()
    cv2.polylines(target, fixed, False, colour, thickness, cv2.LINE_AA, SHIFT)
    cv2.addWeighted(target, opacity, part, 1 - opacity, 0, dst=target)
    part[:] = target


def corners(image: np.ndarray, box: np.ndarray, *, colour: Colour, thickness: int = 2) -> None:
    """Draw a box as four corners, so that it hides little.

    Args:
        image: uint8 (H, W, 3) RGB, changed.
        box: float (4,) xyxy, pixels.
        colour: RGB.
        thickness: Pixels.
    """
    x0, y0, x1, y1 = (float(value) for value in box)
    arm = 0.18 * min(x1 - x0, y1 - y0)
    lines = [
        np.array([(x + dx * arm, y), (x, y), (x, y + dy * arm)])
        for x, dx in ((x0, 1), (x1, -1))
        for y, dy in ((y0, 1), (y1, -1))
    ]
    polylines(image, lines, colour=PLATE, thickness=thickness + 2, opacity=0.45)  # an edge on bright backgrounds
    polylines(image, lines, colour=colour, thickness=thickness)


def plate(
    image: np.ndarray, box: tuple[int, int, int, int], *, colour: Colour = PLATE, opacity: float = PLATE_OPACITY
) -> None:
    """Lay a plate with slightly rounded corners over part of the picture.

    Args:
        image: uint8 (H, W, 3) RGB, changed.
        box: x0, y0, x1, y1 in pixels.
        colour: RGB.
        opacity: In [0, 1].
    """
    x0, y0, x1, y1 = box
    mask = _plate_mask(x1 - x0, y1 - y0)
    _blend(image, (x0, y0), mask * opacity, colour)


def star(image: np.ndarray, centre: tuple[float, float], *, radius: float, colour: Colour) -> None:
    """Draw a filled five-pointed star.

    Args:
        image: uint8 (H, W, 3) RGB, changed.
        centre: x, y in pixels.
        radius: Of the outer points, in pixels.
        colour: RGB.
    """
    angles = -np.pi / 2 + np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2 == 0, radius, 0.45 * radius)
    points = np.stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)], axis=1)
    cv2.fillPoly(image, [np.rint(points * (1 << SHIFT)).astype(np.int32)], colour, cv2.LINE_AA, SHIFT)


def write(image: np.ndarray, text: Text, place: tuple[int, int], *, colour: Colour = WHITE) -> None:
    """Write text with its upper left corner at `place` (x, y in pixels)."""
    _blend(image, place, text.mask, colour)


@lru_cache(maxsize=512)
def render(text: str, size: int) -> Text:
    """Render one line of text.

    Args:
        text: The characters; the built-in font knows Latin letters.
        size: Height of the font in pixels.
    """
    font = ImageFont.load_default(size=size)
    left, _, right, _ = font.getbbox(text)
    ascent, descent = font.getmetrics() if isinstance(font, ImageFont.FreeTypeFont) else (size, size // 4)
    canvas = Image.new("L", (max(1, int(np.ceil(right - left))), ascent + descent))
    ImageDraw.Draw(canvas).text((-left, 0), text, fill=255, font=font)
    return Text(np.asarray(canvas, np.float32) / 255)


@lru_cache(maxsize=512)
def _plate_mask(width: int, height: int) -> np.ndarray:
    canvas = Image.new("L", (4 * width, 4 * height))
    radius = 4 * min(RADIUS, height // 3)
    ImageDraw.Draw(canvas).rounded_rectangle((0, 0, 4 * width - 1, 4 * height - 1), radius=radius, fill=255)
    return np.asarray(canvas.resize((width, height), Image.Resampling.BOX), np.float32) / 255


def _blend(image: np.ndarray, place: tuple[int, int], mask: np.ndarray, colour: Colour) -> None:
    window = _window(image, place, (place[0] + mask.shape[1], place[1] + mask.shape[0]))
    if window is None:
        return
    x, y, part = window
    weight = mask[y - place[1] : y - place[1] + part.shape[0], x - place[0] : x - place[0] + part.shape[1], None]
    part[:] = np.rint(part + weight * (np.array(colour, np.float32) - part))


def _window(
    image: np.ndarray, first: Sequence[float] | np.ndarray, last: Sequence[float] | np.ndarray
) -> tuple[int, int, np.ndarray] | None:
    """The part of the image between two corners: its x, y and pixels; None where nothing of it is in the picture."""
    height, width = image.shape[:2]
    x0, y0 = max(0, int(np.floor(first[0]))), max(0, int(np.floor(first[1])))
    x1, y1 = min(width, int(np.ceil(last[0]))), min(height, int(np.ceil(last[1])))
    return (x0, y0, image[y0:y1, x0:x1]) if x1 > x0 and y1 > y0 else None
