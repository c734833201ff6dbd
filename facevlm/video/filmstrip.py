"""Small pictures at even times, gathered while a video streams by."""

import cv2
import numpy as np

THUMBNAIL_HEIGHT = 96  # pixels
JPEG_QUALITY = 78


class FilmstripRecorder:
    """Keeps between `count` and 2 `count` evenly spaced thumbnails of a stream whose length is not known.

    Args:
        count: Pictures wanted.
    """

    def __init__(self, count: int = 12) -> None:
        self._count = count
        self._every = 0.0
        self._kept: list[tuple[float, bytes]] = []

    def __call__(self, time: float, image: np.ndarray) -> None:
        """Offer one frame: time in seconds, uint8 (H, W, 3) RGB."""
        if self._kept and time - self._kept[-1][0] < self._every - 1e-6:
            return
        self._kept.append((time, thumbnail(image)))
        if len(self._kept) > 2 * self._count:  # twice as many as wanted: keep every other, look half as often
            self._kept = self._kept[::2]
            self._every = self._kept[1][0] - self._kept[0][0]

    def pictures(self) -> list[tuple[float, bytes]]:
        """(seconds, JPEG) in order of time, at most `count`."""
        if len(self._kept) <= self._count:
            return list(self._kept)
        picks = np.linspace(0, len(self._kept) - 1, self._count).round().astype(int)
        return [self._kept[i] for i in picks]


def thumbnail(image: np.ndarray, height: int = THUMBNAIL_HEIGHT) -> bytes:
    """A JPEG of uint8 (H, W, 3) RGB, `height` pixels high."""
    width = max(round(image.shape[1] * height / image.shape[0]), 1)
    step = max(1, image.shape[0] // (2 * height))  # large pictures are first thinned out, for speed
    if step > 1:
        size = -(-image.shape[1] // step), -(-image.shape[0] // step)
        image = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(image, (min(width, 8 * height), height), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return data.tobytes()
