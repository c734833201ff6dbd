"""Two warps of a photo: piecewise affine over the face's triangles, and a turn of the head through a height field."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
from scipy.spatial import Delaunay

from facevlm.puppet.shape import BROWS, INNER_LIPS, LIDS, OVAL, FaceFrame

STEP = 4  # pixels per cell of the coarse grid on which the turn of the head is solved
SETTLE = 10  # fixed-point steps; each shrinks the error by the slope of the displacement (about 0.5 at 25 degrees)
RINGS = (
    (1.14, 0.75),
    (1.34, 0.35),
    (1.7, 0.0),
)  # radius of outer vertices / radius of the face's oval, how much they follow
LID_ROWS = (0.16, 0.38, 0.62)  # share of the way from the edge of the upper lid to the brow
SUBPIXEL = 4  # fractional bits of polygon vertices


@dataclass(frozen=True)
class FaceTriangles:
    """The mesh of the face with rings of outer vertices, cut open at the mouth and the eyes.

    Attributes:
        rest: float (V, 3) vertices in the photo, pixels; the first 468 are the mesh's landmarks.
        follow: float (V,) share in [0, 1] of the face's displacements that a vertex takes.
        triangles: int (T, 3).
    """

    rest: np.ndarray
    follow: np.ndarray
    triangles: np.ndarray

    @classmethod
    def of(cls, landmarks: np.ndarray, spread: np.ndarray) -> "FaceTriangles":
        """Triangulate a face.

        Args:
            landmarks: float (478, 3) mesh of the photo.
            spread: float (V, 2) positions of `vertices(landmarks)` with mouth and eyes open, where lips do not touch.
        """
        rest, follow = vertices(landmarks)
        triangles = Delaunay(spread).simplices
        for hole in (INNER_LIPS, *({*upper, *lower} for upper, lower in LIDS.values())):
            triangles = triangles[~np.isin(triangles, list(hole)).all(1)]
        return cls(rest, follow, triangles)

    def warp(self, image: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """Draw the image with the vertices moved.

        Args:
            image: uint8 (H, W, 3).
            moved: float (V, 2) new positions in pixels.

        Returns:
            uint8 (H, W, 3), a copy.
        """
        result = image.copy()
        drawn = (np.abs(moved - self.rest[:, :2]).max(1) > 0.03)[self.triangles].any(1)
        if not drawn.any():
            return result
        triangles = self.triangles[drawn]
        target, source = moved[triangles], self.rest[triangles, :2]
        size = np.array(image.shape[1::-1])
        low = np.clip(np.floor(target.min((0, 1))).astype(int) - 1, 0, size)
        high = np.clip(np.ceil(target.max((0, 1))).astype(int) + 2, 0, size)
        if (high - low <= 0).any():
            return result
        edges = target[:, 1:] - target[:, :1]
        area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
        sides = source[:, 1:] - source[:, :1]
        area_before = sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0]
        order = np.argsort(
            area * area_before > 0, kind="stable"
        )  # folded triangles first, so that the others lie over them
        usable = order[np.abs(area[order]) > 1e-3]
        affine = _affines(target[usable], source[usable])
        index = np.zeros((high[1] - low[1], high[0] - low[0]), np.int32)
        corners = np.round((target[usable] - low) * (1 << SUBPIXEL)).astype(np.int32)
        for number, corner in enumerate(corners, start=1):
            cv2.fillConvexPoly(index, corner, number, cv2.LINE_8, SUBPIXEL)
        identity = np.array([[1, 0, 0], [0, 1, 0]], float)
        table = np.concatenate([identity[None], affine]).astype(np.float32)
        flat = index.ravel()
        x = np.tile(np.arange(low[0], high[0], dtype=np.float32), index.shape[0])
        y = np.repeat(np.arange(low[1], high[1], dtype=np.float32), index.shape[1])
        chosen = table.reshape(-1, 6).take(flat, axis=0)
        where_x = chosen[:, 0] * x + chosen[:, 1] * y + chosen[:, 2]
        where_y = chosen[:, 3] * x + chosen[:, 4] * y + chosen[:, 5]
        result[low[1] : high[1], low[0] : high[0]] = cv2.remap(
            image,
            where_x.reshape(index.shape),
            where_y.reshape(index.shape),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        return result


def vertices(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks plus rings around the face: float (V, 3) pixels, and float (V,) how much each follows the face."""
    points = landmarks[:468].astype(float)
    oval = points[list(OVAL)]
    centre = oval.mean(0)
    lids = []  # rows between the edge of the upper lid and the brow, so that lashes move whole and only skin stretches
    for side, (upper, _) in LIDS.items():
        brow = points[list(BROWS[side][1])]
        brow = brow[np.argsort(brow[:, 0])]
        edge = points[list(upper[1:-1])]
        at, by = np.linspace(0.5, 3.5, len(edge)), np.arange(len(brow))  # both from the picture's left to its right
        above = np.stack([np.interp(at, by, brow[:, axis]) for axis in range(3)], 1)
        lids += [edge + (above - edge) * share for share in LID_ROWS]
    rings = [centre + (oval - centre) * [radius, radius, 1.0] for radius, _ in RINGS]
    follow = np.concatenate([np.ones(468 + sum(map(len, lids))), *(np.full(len(OVAL), share) for _, share in RINGS)])
    return np.concatenate([points, *lids, *rings]), follow


def _affines(target: np.ndarray, source: np.ndarray) -> np.ndarray:
    """float (T, 2, 3): target pixels → source pixels."""
    ones = np.ones((*target.shape[:2], 1))
    return np.linalg.solve(np.concatenate([target, ones], 2), source).transpose(0, 2, 1)


class HeadTurn:
    """Rigid turns of a head, drawn by a height field that falls off to the still background.

    Args:
        landmarks: float (478, 3) mesh of the photo, pixels.
        size: Width and height of the photo in pixels.
    """

    def __init__(self, landmarks: np.ndarray, size: tuple[int, int]) -> None:
        self.frame = FaceFrame.of(landmarks)
        self.size = size
        width, height = size
        oval = landmarks[list(OVAL)].astype(float)
        ears = landmarks[[234, 454]].astype(float).mean(0)
        chin, unit = landmarks[152].astype(float), self.frame.unit
        self.pivot = ears + self.frame.axes[:, 1] * 0.1 * unit  # of turns and nods
        self.neck = chin + self.frame.axes[:, 1] * 0.15 * unit  # of tilts
        self.neck[2] = ears[2]

        xs, ys = np.meshgrid(
            np.arange(0, width + STEP, STEP, dtype=float), np.arange(0, height + STEP, STEP, dtype=float)
        )
        self.grid = np.stack([xs, ys], -1).astype(np.float32)
        centre = oval[:, :2].mean(0)
        away = self.grid - centre
        angle = np.arctan2(away[..., 1], away[..., 0])
        spokes = oval[:, :2] - centre
        at = np.arctan2(spokes[:, 1], spokes[:, 0])
        order = np.argsort(at)
        oval_radius = np.interp(angle, at[order], np.linalg.norm(spokes, axis=1)[order], period=2 * np.pi)
        radius = np.linalg.norm(away, axis=-1) / oval_radius
        up = np.clip(
            -(away @ self.frame.axes[:2, 1]) / np.linalg.norm(away, axis=-1).clip(1), 0, 1
        )  # 1 towards the crown
        back = ears[2]
        rim = [(1.2, 0.5), (1.45, 0.95), (1.9, 1.0), (2.6, 1.0), (4.5, 1.0)]
        points = [landmarks[:468].astype(float)]
        for scale, share in rim:
            ring = centre + (oval[:, :2] - centre) * scale
            points.append(np.column_stack([ring, oval[:, 2] + (back - oval[:, 2]) * share]))
        cloud = np.concatenate(points)
        depth = LinearNDInterpolator(cloud[:, :2], cloud[:, 2])(self.grid)
        missing = np.isnan(depth)
        if missing.any():
            depth[missing] = NearestNDInterpolator(cloud[:, :2], cloud[:, 2])(self.grid[missing])
        self.depth = cv2.GaussianBlur(depth.astype(np.float32), (0, 0), max(0.055 * unit / STEP, 0.6))
        self.turn_weight = (1 - _smooth(1.05 + 0.25 * up, 1.75 + 0.35 * up, radius)).astype(np.float32)
        self.carry_weight = (1 - _smooth(1.3 + 0.35 * up, 2.7 + 0.2 * up, radius)).astype(np.float32)

    def rotation(self, yaw: float, pitch: float) -> np.ndarray:
        """float (3, 3) turn in pixels; degrees, positive to the picture's right and up."""
        a, b = np.radians(yaw), np.radians(pitch)
        about_v = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
        about_u = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
        return self.frame.axes @ about_v @ about_u @ self.frame.axes.T

    def field(self, *, yaw: float, pitch: float, roll: float, shift: tuple[float, float]) -> np.ndarray:
        """Forward displacement of each cell of the grid: float32 (h, w, 2) pixels."""
        turn = self.rotation(yaw, pitch) - np.eye(3)
        x, y = self.grid[..., 0] - self.pivot[0], self.grid[..., 1] - self.pivot[1]
        z = self.depth - np.float32(self.pivot[2])
        turned = [self.turn_weight * (turn[i, 0] * x + turn[i, 1] * y + turn[i, 2] * z) for i in (0, 1)]
        c, s = np.cos(np.radians(roll)) - 1, np.sin(np.radians(roll))
        nx, ny = self.grid[..., 0] - self.neck[0] + turned[0], self.grid[..., 1] - self.neck[1] + turned[1]
        carried = (c * nx - s * ny + shift[0] * self.frame.unit, s * nx + c * ny + shift[1] * self.frame.unit)
        return np.stack(
            [(t + self.carry_weight * m).astype(np.float32) for t, m in zip(turned, carried, strict=True)], -1
        )

    def forward(self, points: np.ndarray, field: np.ndarray) -> np.ndarray:
        """Where points of the photo, float (N, 2) pixels, are drawn."""
        at = (points / STEP).astype(np.float32).reshape(-1, 1, 2)
        return points + sample(field, at, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE).reshape(-1, 2)

    def inverse(self, field: np.ndarray) -> np.ndarray:
        """Where each pixel comes from: float32 (H, W, 2) pixels of the photo."""
        back = np.zeros_like(field)
        for _ in range(SETTLE):
            at = (self.grid + back) / STEP
            seen = sample(field, at, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
            back = -0.85 * seen + 0.15 * back
        return back


def sample(image: np.ndarray, where: np.ndarray, how: int, border: int) -> np.ndarray:
    """cv2.remap with one map of (x, y): float32 (h, w, 2) pixels of the image."""
    return np.asarray(cv2.remap(image, where, None, how, borderMode=border))  # type: ignore[call-overload]


def enlarge(coarse: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Coarse displacement on the grid → float32 (H, W, 2) at every pixel."""
    matrix = np.array([[1 / STEP, 0, 0], [0, 1 / STEP, 0]], np.float32)
    return cv2.warpAffine(
        coarse, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )


def _smooth(low: np.ndarray | float, high: np.ndarray | float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
