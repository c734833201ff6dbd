"""Where one shot ends and the next begins, decided frame by frame without looking ahead.

Each frame is reduced to 32x32 pixels of luma and two colour differences, luma to zero mean and unit spread, so that
exposure changes and flashes leave it alike. A frame begins a shot when all of these hold against the frame before:

1.  the layout of light and dark has nothing in common (correlation below 0.6);
2.  textured places find no counterpart nearby, in neither direction: each is compared with the best of 25 small shifts
    and with the shift of the whole picture that phase correlation finds. A shaken camera or a moving head finds its
    counterpart; a hand moved over a face hides texture, but what it leaves free is found;
3.  it differs 1.5 times as much as the frames just before differed among themselves: a fast pan is no chain of cuts.

A flash is skipped: a bright frame without texture, or up to three frames that became brighter all over and largely
white; the next picture is compared with the one before them (a true cut to such a picture is told that much later).
Going to black is a cut; what follows a black stretch of at most half a second belongs to the shot that the black began,
what follows a longer one begins another. So a fade through black gives one or two cuts, a dissolve none (no frame of it
differs enough), a jump cut within one scene usually none. Whatever hides most of the picture within two frames, such as
a hand held before the lens, cannot be told from a cut.
"""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from facevlm.video.clip import Frame

SIDE = 32  # pixels of the reduced picture
REACH = 4  # of them: 12 % of the picture, how far a place is looked for
MIN_DECORRELATION = 0.4  # 1 - correlation of luma; cuts between real clips 0.41-1.7, within shots below 0.33
MIN_MISMATCH = 0.6  # in units of the picture's spread; cuts between real clips 0.65-1.9, within shots below 0.5
MIN_RISE = 1.5
BLANK_SPREAD = 4.0  # grey levels of 255
BLACK_LEVEL = 40.0
SHORT_BLACK_S = 0.5
NOISE = 8.0  # grey levels added to the spread, so that noise in a flat picture is not blown up
BAR_LEVEL = 28.0  # black bars are darker
MAX_GLARES = 3  # frames; a flash is over by then


class ShotDetector:
    """Finds cuts in a stream of frames. One per pass over a video.

    >>> detector = ShotDetector()
    >>> detector.feed(0.0, np.zeros((64, 64, 3), np.uint8))
    False
    """

    def __init__(self) -> None:
        self._before: np.ndarray | None = None  # the last picture with texture, reduced
        self._glares = 0
        self._moved = 0.0  # running mean of the difference between neighbours
        self._seen = False
        self._black_since: float | None = None

    def feed(self, time: float, image: np.ndarray) -> bool:
        """Returns whether this frame begins a new shot; the first frame does not.

        Args:
            time: Seconds, increasing.
            image: uint8 (H, W, 3) RGB, any size.
        """
        first, self._seen = not self._seen, True
        small = _reduced(image)
        luma = small[..., 0]
        level, spread = float(luma.mean()), float(luma.std())
        if spread < BLANK_SPREAD:
            if level >= BLACK_LEVEL:
                return False
            entering = self._black_since is None
            if entering:
                self._black_since = time
            return entering and not first
        before, self._before = self._before, small
        if self._black_since is not None:
            long = time - self._black_since > SHORT_BLACK_S
            self._black_since = None
            self._moved = 0.0
            return long
        if before is None:
            return False
        a, b = _without_bars(before, small)
        moved = float(np.abs(a - b).mean())
        cut = moved > MIN_RISE * self._moved and _decorrelation(a, b) > MIN_DECORRELATION
        cut = cut and _mismatch(a, b) > MIN_MISMATCH
        if cut and _glaring(before, small) and self._glares < MAX_GLARES:
            self._glares += 1
            self._before = before
            return False
        self._glares = 0
        # The difference across a cut says nothing of the motion after it.
        self._moved = 0.0 if cut else 0.6 * self._moved + 0.4 * moved
        return cut


def marked(frames: Iterator[Frame]) -> Iterator[Frame]:
    """The same frames, those that begin a new shot with `cut` set; closes its source when closed."""
    detector = ShotDetector()
    try:
        for frame in frames:
            yield replace(frame, cut=True) if detector.feed(frame.time, frame.image) else frame
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()


def _reduced(image: np.ndarray) -> np.ndarray:
    """Returns float32 (SIDE, SIDE, 3) YCrCb; large images are first thinned out, for speed."""
    step = max(1, min(image.shape[:2]) // 128)
    size = -(-image.shape[1] // step), -(-image.shape[0] // step)
    thinned = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
    small = cv2.resize(thinned, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb).astype(np.float32)


def _without_bars(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns both pictures normalised, without the rows and columns at the border that are black in both."""
    lit = np.maximum(a[..., 0], b[..., 0]) > BAR_LEVEL
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    if len(rows) and len(columns):
        top, bottom = rows[0] + (rows[0] > 0), rows[-1] + (rows[-1] == SIDE - 1)  # half-covered rows go too
        left, right = columns[0] + (columns[0] > 0), columns[-1] + (columns[-1] == SIDE - 1)
        if min(bottom - top, right - left) >= SIDE // 4:
            a, b = a[top:bottom, left:right], b[top:bottom, left:right]
    return _normalised(a), _normalised(b)


def _normalised(small: np.ndarray) -> np.ndarray:
    """Luma to zero mean, and all channels to units of the luma's spread."""
    luma = small[..., 0]
    return (small - np.array([luma.mean(), 128, 128], np.float32)) / np.float32(luma.std() + NOISE)


def _glaring(before: np.ndarray, now: np.ndarray) -> bool:
    """Returns whether the picture became brighter all over and largely white, as in a flash."""
    return bool((now[..., 0] > 235).mean() > 0.3 and (now[..., 0] >= before[..., 0]).mean() > 0.9)


def _decorrelation(a: np.ndarray, b: np.ndarray) -> float:
    """Returns 1 - correlation of the luma of two normalised pictures, in [0, 2]."""
    x, y = a[..., 0], b[..., 0]
    return float(1 - (x * y).mean() / (np.sqrt((x * x).mean() * (y * y).mean()) + 1e-6))


def _mismatch(a: np.ndarray, b: np.ndarray) -> float:
    """Returns how badly textured places of the one are found in the other, the better of both directions."""
    window = cv2.createHanningWindow((a.shape[1], a.shape[0]), cv2.CV_32F)
    shift, _ = cv2.phaseCorrelate(np.ascontiguousarray(a[..., 0]), np.ascontiguousarray(b[..., 0]), window)
    x, y = shift
    return min(_unfound(a, b, (x, y)), _unfound(b, a, (-x, -y)))


def _unfound(a: np.ndarray, b: np.ndarray, shift: tuple[float, float]) -> float:
    """Returns the difference of b's places to the best places of a nearby, weighted by b's texture."""
    height, width = a.shape[:2]
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    best = _difference(cv2.warpAffine(a, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), b)
    wide = cv2.copyMakeBorder(a, REACH, REACH, REACH, REACH, cv2.BORDER_REPLICATE)
    for y in range(0, 2 * REACH + 1, 2):
        for x in range(0, 2 * REACH + 1, 2):
            best = np.minimum(best, _difference(wide[y : y + height, x : x + width], b))
    luma = np.ascontiguousarray(b[..., 0])
    edges = np.abs(cv2.Sobel(luma, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(luma, cv2.CV_32F, 0, 1))
    texture = cv2.boxFilter(edges, -1, (3, 3)) + 0.05
    return float((best * texture).sum() / texture.sum())


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns float32 (SIDE, SIDE): absolute difference over the channels, averaged over 5x5 places."""
    return cv2.boxFilter(cv2.absdiff(a, b).sum(axis=2), -1, (5, 5))
