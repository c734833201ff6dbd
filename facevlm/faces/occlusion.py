"""Tell when a hand or an object hides part of a face, from how the skin under the mesh's points changes its colour.

The mesh invents what it cannot see, with full confidence. But each of its points lies on the same piece of skin through
a video, so its colour, apart from light, stays; under a hand or a microphone it does not. Colours are logarithms of the
picture at the points; a robust plane takes out changes of light; what is left is compared with the person's own running
mean. What was hidden when the person came into view cannot be known.
"""

from dataclasses import dataclass

import cv2
import numpy as np

LOOK_EVERY_S = 0.06  # seconds; between looks the last answer holds
SMALLEST_PX = 60.0  # between the outer eye corners; smaller faces blur into their surroundings
SIDE = 64  # pixels of the reduced face
STRANGE = 3.0  # standard deviations from which a point is not the person's skin
SPREAD = np.array([0.10, 0.035, 0.035])  # least standard deviation of brightness and two colours, natural logarithm
MEMORY_S = 3.0  # time constant of the running mean
LEARN_BELOW = 0.08  # share of strange points up to which a frame is learnt from
HIDDEN_SHARE, HIDDEN_PART = 0.10, 0.35  # share of the face's and of the part's points from which the part is hidden
HOLD_S = 0.2  # seconds for which a part stays hidden after it was
SETTLED = 5  # looks after which the running mean is worth comparing with

OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152]
OVAL += [148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
SKIN = np.setdiff1d(np.arange(468), OVAL)  # the rim may lie on hair or background
PARTS = {  # skin on (right, left) or around a part that keeps its colour when lids or lips open
    "brows": [[70, 63, 105, 66, 107, 55, 65, 52, 53, 46], [300, 293, 334, 296, 336, 285, 295, 282, 283, 276]],
    "eyes": [
        [226, 31, 228, 229, 230, 231, 232, 233, 244, 245, 189, 221, 222, 223, 224, 225, 113],
        [446, 261, 448, 449, 450, 451, 452, 453, 464, 465, 413, 441, 442, 443, 444, 445, 342],
    ],
    "mouth": [[164, 167, 165, 92, 186, 57, 43, 106, 182, 83, 18, 313, 406, 335, 273, 287, 410, 322, 391, 393]],
}


@dataclass(frozen=True)
class Occlusion:
    """What seems hidden.

    Attributes:
        share: Share in [0, 1] of the face's points that do not look like the person; None where the face is too small.
        hidden: Names of parts not to be trusted: "brows", "eyes", "mouth".
    """

    share: float | None
    hidden: frozenset[str]


class OcclusionCue:
    """Watches one face through one shot; make a new one for each track."""

    def __init__(self) -> None:
        self._mean: np.ndarray | None = None
        self._variance = np.zeros((468, 3))
        self._looks = 0
        self._looked = -np.inf
        self._until: dict[str, float] = {}
        self._last = Occlusion(0.0, frozenset())

    def look(self, image: np.ndarray, landmarks: np.ndarray, time: float) -> Occlusion:
        """Compare a frame with how the face usually looks.

        Args:
            image: uint8 (H, W, 3) RGB.
            landmarks: float (478, 3) pixels of the image.
            time: Seconds, rising.
        """
        if time - self._looked < LOOK_EVERY_S - 1e-6:
            return self._last
        elapsed, self._looked = time - self._looked, time
        if np.hypot(*(landmarks[263, :2] - landmarks[33, :2])) < SMALLEST_PX:
            self._last = Occlusion(None, frozenset())
            return self._last
        colours = _colours(image, landmarks)
        if self._mean is None:
            self._mean = colours
            return self._last
        residual = colours - self._mean
        deviation = np.sqrt(SPREAD**2 + self._variance)
        residual, distance = _without_light(residual, deviation, landmarks)
        strange = distance > STRANGE
        share = float(strange[SKIN].mean())
        self._looks += 1
        if share < LEARN_BELOW or self._looks < SETTLED:
            pace = max(1 / (self._looks + 1), 1 - np.exp(-elapsed / MEMORY_S))
            weight = np.where(strange & (self._looks >= SETTLED), 0.0, pace)[:, None]
            self._mean = self._mean + weight * residual
            self._variance = self._variance + weight * (residual**2 - self._variance)
        if self._looks >= SETTLED and share >= HIDDEN_SHARE:
            for part, sides in PARTS.items():
                if max(strange[side].mean() for side in sides) >= HIDDEN_PART:
                    self._until[part] = time + HOLD_S
        self._last = Occlusion(share, frozenset(part for part, until in self._until.items() if time <= until))
        return self._last


def _colours(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """float64 (468, 3): logarithm of brightness, red over green, blue over green at the mesh's points."""
    height, width = image.shape[:2]
    points = landmarks[:468, :2].astype(np.float64)
    low, high = points.min(0), points.max(0)
    side = float(max(high - low))
    first = np.clip(np.floor(low - 0.04 * side), 0, [width - 2, height - 2]).astype(int)
    last = np.clip(np.ceil(high + 0.04 * side), first + 2, [width, height]).astype(int)
    part = image[first[1] : last[1], first[0] : last[0]]
    size = np.maximum((last - first) * (SIDE / side / 1.08), 2).round().astype(int)
    small = cv2.GaussianBlur(cv2.resize(part, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    places = ((points - first + 0.5) * (size / (last - first)) - 0.5).astype(np.float32)
    values = cv2.remap(small, places[None], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]  # type: ignore[call-overload]
    logs = np.log(values.astype(np.float64) + 8.0)
    return np.stack([logs @ [0.3, 0.6, 0.1], logs[:, 0] - logs[:, 1], logs[:, 2] - logs[:, 1]], axis=1)


def _without_light(
    residual: np.ndarray, deviation: np.ndarray, landmarks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Subtract the plane over the face that fits most of the skin (Geman-McClure weights).

    Returns:
        What is left (468, 3), and its length in standard deviations (468,).
    """
    points = landmarks[:468, :2].astype(np.float64)
    across = points[263] - points[33]
    eye_distance = float(np.hypot(*across)) + 1e-6
    cos, sin = across / eye_distance
    place = (points - points[168]) / eye_distance
    plane = np.stack(
        [np.ones(468), place[:, 0] * cos + place[:, 1] * sin, place[:, 1] * cos - place[:, 0] * sin - 0.4], axis=1
    )
    light = np.tile(np.median(residual[SKIN], axis=0), (468, 1))
    for _ in range(3):
        distance = (((residual - light) / deviation) ** 2).sum(1)
        weighted = plane[SKIN] * (1 / (1 + distance[SKIN] / 4) ** 2)[:, None]
        fit = np.linalg.solve(weighted.T @ plane[SKIN] + np.diag([1e-3, 5, 5]), weighted.T @ residual[SKIN])
        light = plane @ fit
    left = residual - light
    return left, np.sqrt(((left / deviation) ** 2).sum(1))
