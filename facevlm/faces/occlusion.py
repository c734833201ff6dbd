"""Tell when a hand or an object hides part of a face, from how the skin under the mesh's points changes its colour.

The mesh invents what it cannot see, with full confidence. Its points then lie on fingers or on a microphone, and what
they show no longer darkens at the brow and reddens at the lips. So the picture at the points of each feature and around
it (brightness, colour, slopes of the brightness) is correlated with an average face and with the person as seen so far:
a feature is hidden when it resembles neither. Correlation forgives light and skin tone; the average forgives what the
person's own past does not (eyes that open, a head that lifts behind the hand), the past what the average does not
(beards, fringes, glasses). What was hidden when the person came into view is mostly not told, and smooth skin resembles
nothing: a hand on the cheek alone is not seen.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

LOOK_EVERY_S = 0.06  # seconds; between looks the last answer holds
SMALLEST_PX = 60.0  # between the outer eye corners; smaller faces blur into their surroundings
SIDE = 80  # pixels of the reduced face, the longer side of the mesh's bounding box with its margin
MEMORY_S = 3.0  # time constant of the person's own running mean
LOOKS = 2  # looks in a row after which a part is hidden: one may be a blink or a blur
NARROW = 0.55  # width of an eye as a share of the other's, below which the head has turned its side away: not judged

# Rows of all (7, ...) arrays: right brow, left brow, right eye, left eye, nose, right half of the mouth, left half.
PARTS = ("brows", "eyes", "mouth")
# Correlation below which a feature is hidden, where it usually resembles the average face well. On seven clips with
# grins, pouts, blinks and turned heads the lowest of features in plain sight is 0.68, 0.32, 0.68, 0.53; under pasted
# hands and boxes the median is 0.1.
HIDDEN_BELOW = np.array([0.42, 0.42, 0.27, 0.27, 0.35, 0.48, 0.48])
FAINT, CLEAR = -0.3, 0.5  # usual likeness to the average face at which nothing, and all of the above, is asked
HALF_MOUTH = 0.58  # likeness from which half a mouth still tells what it does, the other half covered
# Of brightness, red over green, blue over green, slope along and down the face: typical differences inside a face, and
# which of them each feature is told by.
SCALES = np.array([0.2, 0.05, 0.05, 0.06, 0.06])
BROW, EYE, MOUTH = [1, 0, 0, 0, 1], [1, 0, 0, 1, 1], [1, 1, 0, 0, 1]
WEIGHTS = np.array([BROW, BROW, EYE, EYE, EYE, MOUTH, MOUTH]) / SCALES**2
LOGARITHMS = np.log(np.arange(256, dtype=np.float32) + 8)  # of a pixel; 8 keeps the noise of dark ones small


@dataclass(frozen=True)
class Occlusion:
    """What seems hidden.

    Attributes:
        share: Share in [0, 1] of the face whose nearest feature (a brow, an eye, the nose, half the mouth) looks hidden
            in the last look; None where the face is too small to tell.
        hidden: Names of parts not to be trusted: "brows" and "eyes" when either of the two is covered, "mouth" when too
            little of it is left.
        touched: Names of parts of which at least something looked hidden in the last look.
    """

    share: float | None
    hidden: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()


class OcclusionCue:
    """Watches one face through one shot; make a new one for each track and shot."""

    def __init__(self) -> None:
        self._own: np.ndarray | None = None  # (468, 5) running mean of the person's samples
        self._usual = np.zeros(7)  # running mean of their likeness to the average face
        self._doubtful = np.zeros(3, int)  # looks in a row in which a part looked hidden
        self._looked = -np.inf
        self._last = Occlusion(None)

    def look(self, image: np.ndarray, landmarks: np.ndarray, time: float) -> Occlusion:
        """Judge a frame.

        Args:
            image: uint8 (H, W, 3) RGB.
            landmarks: float (478, 3) pixels of the image.
            time: Seconds, rising.

        Returns:
            What seems hidden; the answer of the last look where that was less than `LOOK_EVERY_S` ago.
        """
        if time - self._looked < LOOK_EVERY_S - 1e-6:
            return self._last
        elapsed, self._looked = time - self._looked, time
        if not np.hypot(*(landmarks[263, :2] - landmarks[33, :2])) >= SMALLEST_PX:
            self._last = Occlusion(None)
            return self._last
        skin = samples(image, landmarks)
        average = _likeness(skin, AVERAGE)
        if self._own is None:
            self._own, self._usual = skin, average
        likeness = np.maximum(average, _likeness(skin, self._own))
        below = HIDDEN_BELOW * np.clip((self._usual - FAINT) / (CLEAR - FAINT), 0.0, 1.0)
        strange = likeness < below
        strange[:5] &= _facing(landmarks)
        if not strange.any():  # what covers a face is not learnt
            pace = 1 - np.exp(-elapsed / MEMORY_S)
            self._own = self._own + pace * (skin - self._own)
            self._usual = self._usual + pace * (average - self._usual)
        halves = likeness[5:]
        mouth = strange[5:].any() and halves.mean() < below[5:].mean() and halves.max() < HALF_MOUTH
        doubtful = np.array([strange[:2].any(), strange[2:4].any(), mouth])
        self._doubtful = np.where(doubtful, self._doubtful + 1, 0)
        some = (strange[:2].any(), strange[2:4].any(), strange[5:].any())
        self._last = Occlusion(
            float(AREAS[strange].sum()),
            hidden=frozenset(part for part, looks in zip(PARTS, self._doubtful, strict=True) if looks >= LOOKS),
            touched=frozenset(part for part, is_so in zip(PARTS, some, strict=True) if is_so),
        )
        return self._last


def likeness(image: np.ndarray, landmarks: np.ndarray) -> float:
    """How much what lies under a mesh looks like an average face.

    Args:
        image: uint8 (H, W, 3) RGB.
        landmarks: float (478, 3) pixels of the image.

    Returns:
        Correlation in [-1, 1], the mean over brows, eyes, nose and both halves of the mouth.
    """
    return float(_likeness(samples(image, landmarks), AVERAGE).mean())


def samples(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The picture at the mesh's points, reduced to one size.

    Args:
        image: uint8 (H, W, 3) RGB.
        landmarks: float (478, 3) pixels of the image.

    Returns:
        float32 (468, 5): logarithm of brightness, of red over green, of blue over green, slope of the first along the
        line through the eyes and down the face, per pixel of the reduced face. Outside the image its edge is repeated.
    """
    rows, columns = image.shape[:2]
    points = landmarks[:468, :2].astype(np.float64)
    low, high = points.min(0), points.max(0)
    side = max(float(max(high - low)), 1.0)
    first = np.clip(np.floor(low - 0.04 * side), 0, [columns - 2, rows - 2]).astype(int)
    last = np.clip(np.ceil(high + 0.04 * side), first + 2, [columns, rows]).astype(int)
    step = max(int(side / (1.5 * SIDE)), 1)  # of a large face every second, third, ... pixel is plenty
    part = np.ascontiguousarray(image[first[1] : last[1] : step, first[0] : last[0] : step])
    width, height = max(round(part.shape[1] * step * SIDE / side), 2), max(round(part.shape[0] * step * SIDE / side), 2)
    small = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
    logs = cv2.LUT(cv2.GaussianBlur(small, (0, 0), 0.8), LOGARITHMS)
    brightness = cv2.transform(logs, np.array([[0.3, 0.6, 0.1]]))
    right, down = (cv2.Sobel(brightness, -1, dx, 1 - dx, scale=0.125) for dx in (1, 0))
    shrink = np.array([width / part.shape[1], height / part.shape[0]])
    places = (((points - first) / step + 0.5) * shrink - 0.5).astype(np.float32)[None]
    found = [
        cv2.remap(layer, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]  # type: ignore[call-overload]
        for layer in (logs, cv2.merge([brightness, right, down]))
    ]
    (red, green, blue), (light, right, down) = found[0].T, found[1].T
    across = points[263] - points[33]
    cos, sin = across / np.hypot(*across)
    return np.stack([light, red - green, blue - green, right * cos + down * sin, down * cos - right * sin], axis=1)


def _likeness(skin: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Correlation (7,) in [-1, 1] of two (468, 5) samples in each part, every channel about its own mean there."""
    moments = PATCHES @ np.concatenate([skin, model, skin * skin, model * model, skin * model], axis=1)
    a, b, aa, bb, ab = moments.reshape(7, 5, 5).transpose(1, 0, 2)  # each (part, channel)
    common, first, second = ((part * WEIGHTS).sum(1) for part in (ab - a * b, aa - a * a, bb - b * b))
    return common / np.sqrt(np.maximum(first * second, 1e-12))


def _facing(landmarks: np.ndarray) -> np.ndarray:
    """bool (5,): brows, eyes and nose on a side of the face that is not turned away."""
    right, left = (np.hypot(*(landmarks[a, :2] - landmarks[b, :2])) for a, b in ((33, 133), (362, 263)))
    sides = np.array([right >= NARROW * left, left >= NARROW * right])
    return np.concatenate([sides, sides, [True]])


def _template() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Average face (468, 5), weights of the points in each part (7, 468), share of the face nearest to each part (7,).

    Made by `benchmarks/make_occlusion_template.py` from 29 faces.
    """
    with np.load(Path(__file__).with_name("occlusion_template.npz"), allow_pickle=False) as data:
        patches = data["patches"].astype(np.float64)
        return data["average"].astype(np.float64), patches / patches.sum(1, keepdims=True), data["areas"]


AVERAGE, PATCHES, AREAS = _template()
