"""An eyeball under the lids: white, iris and pupil of the photo, completed where lids hide them, and turned by gaze."""

import cv2
import numpy as np

from facevlm.puppet.shape import BROWS, LIDS

IRIS = {"right": 468, "left": 473}  # landmark of the centre; the next four lie on the rim
CHEEKS = {"right": (50, 117, 118, 101), "left": (280, 346, 347, 330)}
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
        self.upper, self.lower, self.side = list(upper), list(lower), side
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
        hole = polygon_cover(points[self.ring] - self.low, patch.shape[:2])
        self.seen = bool((hole > 0.5).sum() >= 12)
        if not self.seen:
            return
        ys, xs = np.mgrid[: patch.shape[0], : patch.shape[1]].astype(np.float32)
        distance = np.hypot(xs - self.iris[0], ys - self.iris[1])
        inside = cv2.erode(hole, np.ones((3, 3))) > 0.9
        skin = _around(image, points[list(CHEEKS[side])])
        self.white = _white(patch, inside & (distance > 1.15 * self.radius), hole, self.width, skin)
        self._lid_colours(image, points)
        self.disc = _disc(patch, distance, inside, self.radius)
        self.disc_mask = 1 - np.clip((distance - 0.93 * self.radius) / (0.17 * self.radius + 0.5), 0, 1)
        composed = self.white * (1 - self.disc_mask[..., None]) + self.disc * self.disc_mask[..., None]
        soft = cv2.GaussianBlur(cv2.erode(hole, np.ones((3, 3))), (0, 0), max(0.6, 0.012 * self.width))[..., None]
        self.straight = patch * soft + composed * (1 - soft)  # the photo where it shows the eyeball

    def _lid_colours(self, image: np.ndarray, points: np.ndarray) -> None:
        brow = points[list(BROWS[self.side][1])].mean(0)
        edge = points[self.upper[2:-2]].mean(0)
        below = points[self.lower[2:-2]].mean(0)
        above = _around(image, np.array([edge + (brow - edge) * share + self.axis * along * self.width
                                         for share in (0.35, 0.5, 0.65) for along in (-0.2, 0.0, 0.2)]))  # fmt: skip
        under = _around(
            image, np.array([below + (below - edge) * 0.9 + self.axis * along * self.width for along in (-0.2, 0, 0.2)])
        )
        self.lid_top, self.lid_edge = 0.65 * above + 0.35 * under, 0.45 * above + 0.55 * under
        lashes = _around(image, points[self.upper[1:-1]])
        self.lash = np.minimum(lashes, self.lid_edge * 0.55) * 0.75
        self.rest_upper = points[self.upper]
        self.rest_open = float(np.linalg.norm(points[self.upper] - points[self.lower], axis=1).mean())

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
        mask = polygon_cover(ring, part.shape[:2])
        if mask.max() > 0:
            self._ball(part, mask, gaze)
        self._lid(part, moved)

    def _lid(self, part: np.ndarray, moved: np.ndarray) -> None:
        """Paint the skin of the upper lid that the photo does not show, and the lashes at its edge."""
        opening = np.linalg.norm(moved[self.upper] - moved[self.lower], axis=1).mean()
        closed = float(np.clip((1 - opening / max(self.rest_open, 1e-6) - 0.15) / 0.6, 0, 1))
        if closed <= 0:
            return
        edge = moved[self.upper] - self.low
        crease = self.rest_upper - self.low
        across = np.array([-self.axis[1], self.axis[0]])
        lid = polygon_cover(np.concatenate([crease, edge[::-1]]), part.shape[:2])
        share = cv2.GaussianBlur(lid, (0, 0), max(0.7, 0.035 * self.width)) * np.float32(0.9 * closed)
        ys, xs = np.mgrid[: part.shape[0], : part.shape[1]].astype(np.float32)
        down = (xs - crease[:, 0].mean()) * across[0] + (ys - crease[:, 1].mean()) * across[1]
        depth = max(float(((edge - crease) @ across).max()), 1.0)
        along = ((xs - crease[:, 0].mean()) * self.axis[0] + (ys - crease[:, 1].mean()) * self.axis[1]) / self.width
        toward = np.clip(down / depth, 0, 1)[..., None]
        skin = (self.lid_top * (1 - toward) + self.lid_edge * toward) * (1.03 - 0.35 * along**2)[..., None]
        thick = max(1, round(2 * 0.034 * self.width))
        curve = np.round((edge * 2 + 0.5) * (1 << SUBPIXEL)).astype(np.int32)
        large = np.zeros((part.shape[0] * 2, part.shape[1] * 2), np.uint8)
        cv2.polylines(large, [curve], False, 255, thick, cv2.LINE_AA, SUBPIXEL)
        lash: np.ndarray = cv2.resize(large, part.shape[1::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        lash = np.asarray(cv2.GaussianBlur(lash, (0, 0), max(0.5, 0.012 * self.width)) * np.float32(0.7 * closed))
        painted = part * (1 - share[..., None]) + skin * share[..., None]
        painted += (self.lash - painted) * lash[..., None]
        part[:] = np.clip(painted + 0.5, 0, 255).astype(np.uint8)

    def _ball(self, part: np.ndarray, mask: np.ndarray, gaze: tuple[float, float]) -> None:
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.010 * self.width))[..., None]
        ball = self.straight
        size = float(np.hypot(*gaze))
        if size > 0:
            across = np.array([-self.axis[1], self.axis[0]])
            lift = gaze[1] * min(
                1.0, self.rest_open / (0.22 * self.width)
            )  # narrow eyes roll less before the iris is gone
            shift = (gaze[0] * self.axis + lift * across) * self.width
            matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
            into = (part.shape[1], part.shape[0])
            disc = cv2.warpAffine(self.disc, matrix, into, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            where = cv2.warpAffine(self.disc_mask, matrix, into, flags=cv2.INTER_LINEAR)[..., None]
            turned = self.white * (1 - where) + disc * where
            amount = min(size / 0.06, 1.0)
            ball = ball + (turned - ball) * (amount * amount * (3 - 2 * amount))
        part[:] = np.clip(part * (1 - mask) + ball * mask + 0.5, 0, 255).astype(np.uint8)


def polygon_cover(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """float32 coverage in [0, 1] of a closed polygon, twice oversampled so that thin openings fade away."""
    mask = np.zeros((shape[0] * 2, shape[1] * 2), np.uint8)
    cv2.fillPoly(mask, [np.round((points * 2 + 0.5) * (1 << SUBPIXEL)).astype(np.int32)], 255, cv2.LINE_AA, SUBPIXEL)
    return cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _around(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """float (3,) median colour at some points of an image."""
    at = np.clip(np.round(points).astype(int), 0, [image.shape[1] - 1, image.shape[0] - 1])
    return np.median(image[at[:, 1], at[:, 0]].astype(np.float32), axis=0)


def _white(patch: np.ndarray, known: np.ndarray, hole: np.ndarray, width: float, skin: np.ndarray) -> np.ndarray:
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
    dim = float(near[hole > 0.5].mean()) if (hole > 0.5).any() else float(near.mean())
    least = float(np.clip(0.85 * skin.mean(), 40, 190))  # no white is much darker than the cheek below it
    if dim < least:
        near = near + (least - dim)
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
