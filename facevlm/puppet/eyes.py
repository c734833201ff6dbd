"""An eyeball under the lids: white, iris and pupil of the photo, completed where lids hide them, and turned by gaze."""

import cv2
import numpy as np

from facevlm.puppet.shape import LIDS

IRIS = {"right": 468, "left": 473}  # landmark of the centre; the next four lie on the rim
SUBPIXEL = 4


class Eye:
    """One eye of a photo.

    Args:
        image: uint8 (H, W, 3) the photo.
        landmarks: float (478, 3) its mesh.
        side: The subject's "right" or "left".
    """

    def __init__(self, image: np.ndarray, landmarks: np.ndarray, side: str) -> None:
        upper, lower = LIDS[side]
        self.ring = [*upper, *lower[-2:0:-1]]  # closed polygon
        points = landmarks[:, :2].astype(float)
        self.width = float(np.linalg.norm(points[upper[-1]] - points[upper[0]]))
        self.axis = (points[upper[-1]] - points[upper[0]]) / self.width  # to the picture's right
        if self.axis[0] < 0:
            self.axis = -self.axis
        centre, margin = points[self.ring].mean(0), 0.95 * self.width
        height, width = image.shape[:2]
        self.low = np.clip(np.floor(centre - margin).astype(int), 0, [width - 1, height - 1])
        self.high = np.clip(np.ceil(centre + margin).astype(int), self.low + 1, [width, height])
        patch = image[self.low[1] : self.high[1], self.low[0] : self.high[0]]
        rim = IRIS[side]
        self.iris = points[rim] - self.low
        self.radius = float(np.linalg.norm(points[rim + 1 : rim + 5] - points[rim], axis=1).mean())
        hole = _polygon(points[self.ring] - self.low, patch.shape[:2])
        self.seen = bool((hole > 0.5).sum() >= 12)
        if not self.seen:
            return
        ys, xs = np.mgrid[: patch.shape[0], : patch.shape[1]].astype(np.float32)
        distance = np.hypot(xs - self.iris[0], ys - self.iris[1])
        inside = cv2.erode(hole, np.ones((3, 3))) > 0.9
        self.white = _white(patch, inside & (distance > 1.15 * self.radius), hole, self.width)
        self.disc = _disc(patch, distance, inside, self.radius)
        self.disc_mask = 1 - np.clip((distance - 0.93 * self.radius) / (0.17 * self.radius + 0.5), 0, 1)
        composed = self.white * (1 - self.disc_mask[..., None]) + self.disc * self.disc_mask[..., None]
        soft = cv2.GaussianBlur(cv2.erode(hole, np.ones((3, 3))), (0, 0), max(0.6, 0.012 * self.width))[..., None]
        self.straight = patch * soft + composed * (1 - soft)  # the photo where it shows the eyeball

    def draw(self, image: np.ndarray, moved: np.ndarray, gaze: tuple[float, float]) -> None:
        """Draw the eyeball into the opening of the lids.

        Args:
            image: uint8 (H, W, 3), changed in place.
            moved: float (V, 2) vertices of the mesh in this image.
            gaze: Shift of the iris in eye widths, to the picture's right along the eye and down.
        """
        if not self.seen:
            return
        part = image[self.low[1] : self.high[1], self.low[0] : self.high[0]]
        ring = moved[self.ring] - self.low
        mask = _polygon(ring, part.shape[:2])
        if mask.max() <= 0:
            return
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.010 * self.width))[..., None]
        ball = self.straight
        size = float(np.hypot(*gaze))
        if size > 0:
            across = np.array([-self.axis[1], self.axis[0]])
            shift = (gaze[0] * self.axis + gaze[1] * across) * self.width
            matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
            into = (part.shape[1], part.shape[0])
            disc = cv2.warpAffine(self.disc, matrix, into, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            where = cv2.warpAffine(self.disc_mask, matrix, into, flags=cv2.INTER_LINEAR)[..., None]
            turned = self.white * (1 - where) + disc * where
            amount = min(size / 0.06, 1.0)
            ball = ball + (turned - ball) * (amount * amount * (3 - 2 * amount))
        part[:] = np.clip(part * (1 - mask) + ball * mask + 0.5, 0, 255).astype(np.uint8)


def _polygon(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """float32 coverage in [0, 1] of a closed polygon, twice oversampled so that thin openings fade away."""
    mask = np.zeros((shape[0] * 2, shape[1] * 2), np.uint8)
    cv2.fillPoly(mask, [np.round((points * 2 + 0.5) * (1 << SUBPIXEL)).astype(np.int32)], 255, cv2.LINE_AA, SUBPIXEL)
    return cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _white(patch: np.ndarray, known: np.ndarray, hole: np.ndarray, width: float) -> np.ndarray:
    """float32 patch of the white alone: colours of its brighter pixels, spread smoothly, shaded under the upper lid."""
    colour = patch.astype(np.float32)
    light = colour.mean(2)
    if known.sum() >= 8:
        known = known & (light >= np.percentile(light[known], 45))
        mean = colour[known].mean(0)
    else:  # an eye too small or too narrow to show any white: a dim skin-lit white
        mean = np.percentile(colour.reshape(-1, 3), 90, axis=0) * np.float32(0.95)
    weight = known.astype(np.float32)
    sigma = max(1.0, 0.10 * width)
    spread = cv2.GaussianBlur(colour * weight[..., None], (0, 0), sigma) + 0.02 * mean
    near = spread / (cv2.GaussianBlur(weight, (0, 0), sigma)[..., None] + 0.02)
    shade = cv2.GaussianBlur(hole, (0, 0), max(0.6, 0.05 * width))
    return (near * (0.72 + 0.28 * np.clip(shade * 1.25, 0, 1))[..., None]).astype(np.float32)


def _disc(patch: np.ndarray, distance: np.ndarray, inside: np.ndarray, radius: float) -> np.ndarray:
    """float32 patch whose iris and pupil are complete: hidden pixels take the median colour of their ring."""
    colour = patch.astype(np.float32)
    visible = inside & (distance < 1.05 * radius)
    if visible.sum() < 4:
        return np.full_like(colour, 40)
    rings = max(3, int(radius / 1.2))
    number = np.clip((distance / (1.05 * radius) * rings).astype(int), 0, rings - 1)
    profile = np.full((rings, 3), np.nan, np.float32)
    for ring in range(rings):
        chosen = visible & (number == ring)
        if chosen.sum() >= 2:
            profile[ring] = np.median(colour[chosen], axis=0)
    good = np.flatnonzero(~np.isnan(profile[:, 0]))
    steps = np.arange(rings)
    profile = np.stack([np.interp(steps, good, profile[good, c]) for c in range(3)], 1) if len(good) else profile
    place = np.clip(distance / (1.05 * radius) * rings - 0.5, 0, rings - 1)
    smooth = np.stack([np.interp(place, steps, profile[:, c]) for c in range(3)], -1)
    keep = cv2.GaussianBlur(visible.astype(np.float32), (0, 0), max(0.5, 0.06 * radius))[..., None]
    keep = np.where(visible[..., None], keep, 0)
    return (colour * keep + smooth * (1 - keep)).astype(np.float32)
