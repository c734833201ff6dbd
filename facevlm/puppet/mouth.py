"""The inside of a mouth: the photo's own teeth where it shows any, else a dark hollow, teeth and a tongue."""

import cv2
import numpy as np

from facevlm.puppet.eyes import polygon_cover
from facevlm.puppet.shape import INNER_LIPS, LIPS_LOWER, LIPS_UPPER, FaceFrame

PARTED = 0.025  # opening of the photo's lips, in outer-eye distances, from which its own mouth interior is used
TOOTH_EDGES = (0.0, 0.088, 0.160, 0.240, 0.315)  # outlines of upper teeth from the middle, in outer-eye distances
UPPER, LOWER = LIPS_UPPER[3], (78, *LIPS_LOWER[3], 308)
HOLLOW = np.array([46, 16, 16], np.float32)
TOOTH = np.array([222, 212, 196], np.float32)
TONGUE = np.array([158, 82, 80], np.float32)


class Mouth:
    """The inside of one mouth.

    Args:
        image: uint8 (H, W, 3) RGB photo.
        landmarks: float (478, 3) its mesh.
    """

    def __init__(self, image: np.ndarray, landmarks: np.ndarray) -> None:
        frame = FaceFrame.of(landmarks)
        self.unit = frame.unit
        points = landmarks[:, :2].astype(float)
        height, width = image.shape[:2]
        centre = points[[13, 14, 78, 308]].mean(0)
        above, below = np.array([0.62, 0.50]) * self.unit, np.array([0.62, 0.95]) * self.unit
        self.low = np.clip(np.floor(centre - above).astype(int), 0, [width - 1, height - 1])
        self.high = np.clip(np.ceil(centre + below).astype(int), self.low + 1, [width, height])
        patch = image[self.low[1] : self.high[1], self.low[0] : self.high[0]]
        right = points[308] - points[78]
        right = right / np.linalg.norm(right)
        self.down = np.array([-right[1], right[0]])
        ys, xs = np.mgrid[: patch.shape[0], : patch.shape[1]].astype(np.float32)
        xs, ys = xs + self.low[0] - np.float32(centre[0]), ys + self.low[1] - np.float32(centre[1])
        self.u = ((xs * right[0] + ys * right[1]) / self.unit).astype(np.float32)
        self.v = ((xs * self.down[0] + ys * self.down[1]) / self.unit).astype(np.float32)
        self.centre = centre
        skin = image[tuple(np.round(np.clip(points[[50, 280, 199], ::-1], 0, [height - 1, width - 1])).astype(int).T)]
        self.light = float(np.clip(np.median(skin.mean(1)) / 185, 0.25, 1.1))
        self.gap = float(np.linalg.norm(points[14] - points[13]) / self.unit)
        hole = polygon_cover(points[list(INNER_LIPS)] - self.low, patch.shape[:2])
        soft = max(0.6, 0.012 * self.unit)
        self.own_mask = cv2.GaussianBlur(cv2.erode(hole, np.ones((3, 3))), (0, 0), soft)
        self.own = patch.astype(np.float32)
        self.has_own = self.gap > PARTED and float(hole.sum()) > 12
        lower_half = (hole > 0.8) & (self.v > 0)
        bright = float(np.median(self.own[lower_half].mean(1))) if lower_half.any() else 0.0
        self.teeth_shut = bright > 0.55 * float(np.median(skin.mean(1)))  # teeth fill the opening: the jaw is closed
        if self.has_own:  # colours of the photo's own mouth
            inner = self.own[hole > 0.8]
            light = inner.mean(1)
            self.tooth = (
                np.median(inner[light >= np.percentile(light, 70)], axis=0) if self.teeth_shut else TOOTH * self.light
            )
            self.hollow = np.minimum(np.median(inner[light <= np.percentile(light, 15)], axis=0) * 0.6, HOLLOW * 1.2)
        else:
            self.tooth, self.hollow = TOOTH * self.light, HOLLOW * self.light
        self.top, self.bottom = self._contour(points, UPPER), self._contour(points, LOWER)
        self.tongue = TONGUE * self.light
        chroma = float(np.clip(np.median(np.ptp(skin.astype(float), axis=1)) / 30, 0, 1))  # 0 in a photo without colour
        self.tooth, self.hollow, self.tongue = (
            colour.mean() + (colour - colour.mean()) * chroma for colour in (self.tooth, self.hollow, self.tongue)
        )
        self.tooth_line = self._tooth_texture()

    def draw(self, image: np.ndarray, moved: np.ndarray, jaw: float) -> None:
        """Draw the inside into the opening of the lips.

        Args:
            image: uint8 (H, W, 3), changed in place.
            moved: float (V, 2) vertices of the mesh in this image.
            jaw: How far the jaw has dropped from the photo's, in outer-eye distances.
        """
        part = image[self.low[1] : self.high[1], self.low[0] : self.high[0]]
        ring = moved[list(INNER_LIPS)]
        mask = polygon_cover(ring - self.low, part.shape[:2])
        if mask.max() <= 0.02:
            return
        fine = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.008 * self.unit))
        inside = self._inside(moved, max(jaw, 0.0))
        shade = cv2.GaussianBlur(mask, (0, 0), max(0.8, 0.03 * self.unit))
        shade = 0.55 + 0.45 * np.clip(shade * 2 - 0.75, 0, 1)
        inside = inside * (shade[..., None] if not self.has_own or jaw > 0.02 else 1.0)
        if self.has_own:
            inside = self._with_own(inside, moved, max(jaw, 0.0))
        part[:] = np.clip(part * (1 - fine[..., None]) + inside * fine[..., None] + 0.5, 0, 255).astype(np.uint8)

    def _v_of(self, point: np.ndarray) -> float:
        return float((point - self.centre) @ self.down) / self.unit

    def _inside(self, moved: np.ndarray, jaw: float) -> np.ndarray:
        """float32 patch of the synthetic inside."""
        u, v = self.u, self.v
        lower = self._v_of(moved[14])
        result = self.hollow + np.zeros((*u.shape, 3), np.float32)
        tongue = np.clip(1.3 - ((u / 0.24) ** 2 + ((v - lower + 0.02) / 0.13) ** 2), 0, 1) * min(1.0, jaw / 0.10)
        result += (self.tongue * 0.75 - result) * (tongue * 0.9)[..., None]
        rows = np.clip((v - (lower - 0.035 + 0.10 * u * u)) * 60, 0, 1) * (np.abs(u) < 0.2) * min(1.0, jaw / 0.06)
        result += (self.tooth * 0.72 - result) * (rows * 0.85)[..., None]
        edge = 0.055 - 0.25 * u * u if not self.has_own else 0.06 - 0.25 * u * u
        upper = np.clip((edge - v) * 70, 0, 1)
        return (result + (self.tooth * self.tooth_line[..., None] - result) * upper[..., None]).astype(np.float32)

    def _with_own(self, inside: np.ndarray, moved: np.ndarray, jaw: float) -> np.ndarray:
        """Lay the photo's own mouth over the synthetic one: shut teeth stay with the skull, an open mouth stretches."""
        own, mask = self.own, self.own_mask
        if self.teeth_shut:
            top = self._contour(moved, UPPER)
            raised = np.clip(self.top - top, 0, None)
            tall = np.clip(self.bottom - self.top, 0.01, None)
            stretch = raised / (tall + raised)  # gums hold: teeth only grow longer
            slide = np.clip(self.bottom - self.v, 0, None) * stretch
            if slide.max() > 0.002:
                own, mask = (self._slid(layer, slide) for layer in (own, mask))
        elif jaw > 0.004:
            over, under = self._v_of(moved[13]), self._v_of(moved[14])
            share = np.clip((self.v - over) / max(under - over, 0.02), 0, 1)
            slide = -share * share * (3 - 2 * share) * jaw
            own, mask = (self._slid(layer, slide) for layer in (own, mask))
        return inside + (own - inside) * mask[..., None]

    def _slid(self, layer: np.ndarray, slide: np.ndarray) -> np.ndarray:
        """The layer, each pixel taken from `slide` outer-eye distances further down."""
        pixels = (slide * self.unit).astype(np.float32)
        ys, xs = np.mgrid[: self.u.shape[0], : self.u.shape[1]].astype(np.float32)
        at = (xs + pixels * np.float32(self.down[0]), ys + pixels * np.float32(self.down[1]))
        return cv2.remap(layer, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _contour(self, points: np.ndarray, ring: tuple[int, ...]) -> np.ndarray:
        """Height (v) of a lip's inner contour above or below each pixel of the patch."""
        right = np.array([self.down[1], -self.down[0]])
        local = (points[list(ring), :2] - self.centre) / self.unit
        return np.interp(self.u, local @ right, local @ self.down)

    def _tooth_texture(self) -> np.ndarray:
        """float32 brightness of the upper row: lines between teeth, darker to the sides."""
        distance = np.abs(self.u)
        line = np.ones_like(self.u)
        for edge in TOOTH_EDGES:
            line -= 0.16 * np.exp(-(((distance - edge) / 0.007) ** 2)).astype(np.float32)
        return line * np.clip(1.03 - 4.2 * self.u**2, 0.35, 1) * np.clip(0.93 - 1.2 * (self.v - 0.02), 0.7, 1)
