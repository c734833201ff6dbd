"""From a stored picture to the displayed one: colours to RGB, square pixels, rotation and mirroring applied.

The display matrix of MP4 and of EXIF maps a stored point (x, y) to (a*x + c*y, b*x + d*y). All eight orientations are
applied as FFmpeg's own `-autorotate` does; other angles are rounded to the nearest quarter turn. Pixels that are not
square are made so by enlarging the shorter side, so that no detail is lost. HDR is converted like any other picture,
without tone mapping; transparency is dropped.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from facevlm.video.container import check_size

UPRIGHT = (1, 0, 0, 1)
MAX_ASPECT = 4  # pixels more oblong than 4:1 are a damaged header


class Canvas:
    """Turns decoded frames into RGB arrays of one size, that of the first frame as displayed.

    A frame of another size (the size of a stream can change) is fitted into it with black bars. The orientation is read
    anew when a frame is turned otherwise than the last; that a picture begins to be mirrored meanwhile is not seen.

    Args:
        path: The file, for error messages.
        pixel_aspect: Width of a stored pixel divided by its height; None or 0 for unknown, which means square.
        size: (width, height) of the display where it is known already, else that of the first frame.

    Attributes:
        size: (width, height) of the display in pixels, None before the first frame.
        rotation: Degrees counter-clockwise by which the first picture was turned: 0, 90, 180 or 270.
        refitted: Number of frames that had another size than the first one.
    """

    def __init__(self, path: str | Path, pixel_aspect: Fraction | None, *, size: tuple[int, int] | None = None) -> None:
        self.path = path
        aspect = Fraction(pixel_aspect) if pixel_aspect else Fraction(1)
        self.aspect = aspect if Fraction(1, MAX_ASPECT) <= aspect <= MAX_ASPECT else Fraction(1)
        self.size = size
        self.rotation = 0
        self.refitted = 0
        self._fresh = True
        self._matrix, self._turned = UPRIGHT, 0
        self._reformatter = VideoReformatter()

    def measure(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Returns the displayed (width, height) of a frame; the first call fixes `size` and `rotation`.

        Raises:
            VideoError: if the size is absurd.
        """
        width, height = self._square(frame)
        if self._fresh or frame.rotation != self._turned:  # a frame that was asked for its matrix lives until the
            self._matrix, self._turned = orientation(frame), frame.rotation  # garbage collector comes: hundreds of MB
        size = (height, width) if self._matrix[0] == 0 else (width, height)
        if self._fresh:
            self._fresh = False
            self.size, self.rotation = self.size or size, rotation_of(self._matrix)
        return size

    def rgb(self, frame: av.VideoFrame) -> np.ndarray:
        """Returns the displayed picture, uint8 (H, W, 3) RGB, contiguous, of the size of the first one."""
        self.measure(frame)
        width, height = self._square(frame)
        stored = self._reformatter.reformat(frame, width, height, format="rgb24").to_ndarray()
        image = orient(stored, self._matrix)
        assert self.size is not None
        if (image.shape[1], image.shape[0]) != self.size:
            self.refitted += 1
            image = _fit(image, self.size)
        return image

    def _square(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Stored (width, height) after its pixels were made square."""
        width, height = frame.width, frame.height
        if self.aspect > 1:
            width = max(1, round(width * self.aspect))
        elif self.aspect < 1:
            height = max(1, round(height / self.aspect))
        check_size(width, height, self.path)
        return width, height


def orientation(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Returns (a, b, c, d) of the frame's display matrix, each -1, 0 or 1, one of the eight orientations."""
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None or data.buffer_size < 36:
        return UPRIGHT
    matrix = np.frombuffer(bytes(data), np.int32, count=9).reshape(3, 3).astype(np.float64)
    a, b, c, d = matrix[0, 0], matrix[0, 1], matrix[1, 0], matrix[1, 1]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return (-1 if a < 0 else 1, 0, 0, -1 if d < 0 else 1)
    return (0, -1 if b < 0 else 1, -1 if c < 0 else 1, 0)


def rotation_of(matrix: tuple[int, int, int, int]) -> int:
    """Returns the quarter turns of an orientation as degrees counter-clockwise (a mirrored one: before mirroring)."""
    a, b, _, d = matrix
    if a:
        return 180 if a < 0 and d < 0 else 0
    return 90 if b < 0 else 270  # (x, y) -> (y, -x) on screen, y downwards, is a turn counter-clockwise


def orient(image: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Applies one of the eight orientations to uint8 (H, W, 3); a turn by a quarter swaps H and W."""
    if matrix == UPRIGHT:
        return image
    a, b, c, d = matrix
    if a == 0:  # x' = c*y, y' = b*x
        image, a, d = cv2.transpose(image), c, b
    flips = (0 if d < 0 else None, 1 if a < 0 else None)
    if flips == (None, None):
        return np.ascontiguousarray(image)
    return cv2.flip(image, -1 if None not in flips else 0 if flips[0] == 0 else 1)


def _fit(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scales an image into (width, height) with its proportions kept, black outside."""
    width, height = size
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = (max(1, min(width, round(image.shape[1] * scale))), max(1, min(height, round(image.shape[0] * scale))))
    scaled = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = scaled
    return canvas
