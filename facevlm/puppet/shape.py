"""How the mesh deforms: one displacement of the landmarks for each muscle-like control, in the face's own frame.

Directions and sizes
follow the descriptions of the FACS action units (Ekman & Friesen 1978). The unit is the distance of
the outer eye corners; u runs to the picture's right, v down the face, n away from the viewer.
"""

from dataclasses import dataclass

import numpy as np

from facevlm.puppet.controls import Controls

# Landmarks of MediaPipe's topology, each list from the subject's right to the left.
LIPS_UPPER = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),  # outer contour
    (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306),
    (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292),
    (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),  # inner contour
)
LIPS_LOWER = (
    (146, 91, 181, 84, 17, 314, 405, 321, 375),
    (77, 90, 180, 85, 16, 315, 404, 320, 307),
    (96, 89, 179, 86, 15, 316, 403, 319, 325),
    (95, 88, 178, 87, 14, 317, 402, 318, 324),
)
INNER_LIPS = LIPS_UPPER[3] + LIPS_LOWER[3][::-1]  # closed polygon
LIDS = {  # side -> (upper lid, lower lid), both from corner to corner
    "right": ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
    "left": ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)),
}
BROWS = {  # side -> (upper edge, lower edge), from the nose outwards
    "right": ((107, 66, 105, 63, 70), (55, 65, 52, 53, 46)),
    "left": ((336, 296, 334, 293, 300), (285, 295, 282, 283, 276)),
}
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
        150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
SIGN = {"right": -1.0, "left": 1.0}  # direction of u

JAW_DROP = 0.42  # sizes of the strongest movement, in outer-eye distances
SMILE_LIFT, SMILE_WIDTH = 0.10, 0.085
BROW_LIFT = 0.095


@dataclass(frozen=True)
class FaceFrame:
    """The rest face's own axes: origin between the outer eye corners, columns of `axes` are u, v, n; unit in pixels."""

    origin: np.ndarray
    axes: np.ndarray
    unit: float

    @classmethod
    def of(cls, landmarks: np.ndarray) -> "FaceFrame":
        """Frame of a mesh, float (478, 3) pixels."""
        right, left = landmarks[33].astype(float), landmarks[263].astype(float)
        u = (left - right) / np.linalg.norm(left - right)
        down = (landmarks[152] - landmarks[10]).astype(float)
        down -= u * (down @ u)
        v = down / np.linalg.norm(down)
        return cls((right + left) / 2, np.column_stack([u, v, np.cross(u, v)]), float(np.linalg.norm(left - right)))

    def to_local(self, points: np.ndarray) -> np.ndarray:
        """Pixels (N, 3) → units (N, 3)."""
        return (points - self.origin) @ self.axes / self.unit

    def vectors(self, local: np.ndarray) -> np.ndarray:
        """Displacements in units (N, 3) → pixels (N, 3)."""
        return local @ self.axes.T * self.unit


class Muscles:
    """Displacement fields of one face, sampled at its vertices.

    Args:
        local: float (V, 3) rest vertices in units of the face frame; the first 468 are the mesh's landmarks.
        follow: float (V,) in [0, 1]: how much a vertex takes part (1 inside the face, 0 on the fixed rim).
    """

    def __init__(self, local: np.ndarray, follow: np.ndarray) -> None:
        self.u, self.v, self.follow = local[:, 0], local[:, 1], follow
        self._lips()
        self.lid_follows = {side: self._lid_follows(side) for side in LIDS}
        self.fields = {name: field * follow[:, None] for name, field in self._linear().items()}

    def displace(self, controls: Controls) -> np.ndarray:
        """float (V, 3) displacement of each vertex in units of the face frame."""
        total = np.zeros((len(self.u), 3))
        for name, field in self.fields.items():
            amount = getattr(controls, name)
            if amount:
                total += amount * field
        for side in LIDS:
            total += self._lid(side, getattr(controls, f"close_{side}"), controls, total) * self.follow[:, None]
        upper, lower = list(LIPS_UPPER[3][1:-1]), list(LIPS_LOWER[3])
        crossed = np.minimum(self.v[lower] + total[lower, 1] - self.v[upper] - total[upper, 1], 0) / 2
        total[upper, 1] += crossed  # lips meet, they do not pass through each other
        total[lower, 1] -= crossed
        return total

    def _bump(self, centre: tuple[float, float], su: float, sv: float) -> np.ndarray:
        return np.exp(-(((self.u - centre[0]) / su) ** 2 + ((self.v - centre[1]) / sv) ** 2) / 2)

    def _at(self, *points: int) -> tuple[float, float]:
        return float(self.u[list(points)].mean()), float(self.v[list(points)].mean())

    def _lips(self) -> None:
        """Where each vertex stands along and across the mouth."""
        count = len(self.u)
        self.upper, self.lower = np.zeros(count, bool), np.zeros(count, bool)
        for ring in LIPS_UPPER:
            self.upper[list(ring[1:-1])] = True
        for below in LIPS_LOWER:
            self.lower[list(below)] = True
        self.mouth = self._at(13, 14)
        half = (self.u[291] - self.u[61]) / 2
        self.half = float(half)
        self.along = np.clip((self.u - (self.u[291] + self.u[61]) / 2) / half, -1.3, 1.3)  # -1 right, 1 left corner
        line = np.interp(self.along, [-1, 0, 1], [self.v[61], self.mouth[1], self.v[291]])
        self.below = self.v - line  # under the line of the mouth
        self.lips = self.upper | self.lower
        ui, li = list(LIPS_UPPER[3]), [78, *LIPS_LOWER[3], 308]
        edge = np.where(self.upper, *(np.interp(self.u, self.u[ring], self.v[ring]) for ring in (ui, li)))
        self.from_edge = np.where(self.lips, self.v - edge, 0.0)  # height of the red over the inner contour of its lip
        self.lips[[61, 76, 62, 78, 291, 306, 292, 308]] = True

    def _linear(self) -> dict[str, np.ndarray]:
        u, v = self.u, self.v
        zero = np.zeros_like(u)
        lift: dict[str, np.ndarray] = {}
        middle = np.clip(1 - self.along**2, 0, 1)  # 1 in the middle of the mouth, 0 at the corners

        # Jaw: the lower lip, the chin and what hangs on them; the corners follow a little.
        ramp = _smooth(-0.16, 0.14, self.below) * np.exp(-((u - self.mouth[0]) ** 2) / (2 * 0.5**2))
        jaw = np.where(self.lower, 0.30 + 0.70 * middle**0.6, ramp)
        jaw = np.where(self.lips & ~self.lower, 0.30 * np.clip(np.abs(self.along), 0, 1) ** 2, jaw)
        narrow = -np.sign(self.along) * np.clip(np.abs(self.along), 0, 1) * self._bump(self.mouth, 0.3, 0.2)
        lift["jaw_open"] = np.column_stack([0.05 * narrow, JAW_DROP * jaw - 0.02 * self._upper_mid(middle), 0.10 * jaw])
        side = np.where(self.lips & ~self.lower, 0.55, _smooth(-0.22, 0.10, self.below)) * self._bump(
            (self.mouth[0], self.mouth[1] + 0.15), 0.42, 0.4
        )
        side = np.where(self.lower, np.maximum(side, 0.9), side)
        lift["jaw_side"] = np.column_stack([0.17 * side, zero, zero])
        lift["shut"] = self._close_gap(middle)

        up, low = self._upper_mid(middle), self._lower_mid(middle)
        lift["part"] = np.column_stack([zero, 0.055 * low - 0.045 * up, zero])

        for name in ("right", "left"):
            s, corner = SIGN[name], 61 if name == "right" else 291
            here = np.clip(s * self.along, 0, 1.0)
            at = self._at(corner)
            pull = np.where(self.lips, here**1.6, self._bump((at[0] + s * 0.03, at[1]), 0.16, 0.15))
            cheek = self._bump((at[0] + s * 0.07, at[1] - 0.28), 0.16, 0.12)
            lift[f"smile_{name}"] = np.column_stack(
                [
                    s * (SMILE_WIDTH * pull + 0.01 * cheek),
                    -SMILE_LIFT * pull - 0.045 * cheek,
                    0.05 * pull - 0.02 * cheek,
                ]
            )
            lid = LIDS[name][1]
            under = self._at(*lid)
            width = abs(self.u[lid[0]] - self.u[lid[-1]])
            below = np.clip((v - under[1]) / 0.16, 0, None)
            squeeze = np.exp(-(((u - under[0]) / (0.75 * width)) ** 2)) * np.exp(-(below**2)) * (v > under[1] - 0.03)
            height = self._aperture(name, u)
            squeeze[[*LIDS[name][0], *lid]] = 0.0
            squeeze[list(lid[1:-1])] = 1.0
            lift[f"squint_{name}"] = np.column_stack(
                [zero, -0.42 * np.minimum(height, 0.12) * squeeze - 0.012 * cheek, zero]
            )

            upper, lower = BROWS[name]
            brow = self._at(*upper, *lower)
            above = self._bump((brow[0] + s * 0.02, brow[1] - 0.05), 0.24, 0.13)
            gap = brow[1] + 0.03 - v  # below the brow the skin of the lid gives way
            give = np.where(gap < 0, np.clip(1 + gap / max(0.02, self._lid_top(name) - brow[1] - 0.05), 0, 1), 1.0)
            lift[f"brow_{name}"] = np.column_stack([zero, -BROW_LIFT * above * give, zero])

        inner = {name: self._at(BROWS[name][0][0], BROWS[name][1][0]) for name in BROWS}
        knit = sum(
            np.column_stack([-SIGN[name] * 0.075 * self._bump(at, 0.13, 0.10), 0.07 * self._bump(at, 0.17, 0.09), zero])
            for name, at in inner.items()
        )
        guard = np.ones_like(u)
        for lids in LIDS.values():
            guard[[*lids[0], *lids[1]]] = 0.1
        lift["furrow"] = knit * guard[:, None]

        ends = np.where(self.lips, np.clip(np.abs(self.along), 0, 1) ** 1.8, 0)
        droop = sum(self._bump((self._at(c)[0], self._at(c)[1] + 0.02), 0.12, 0.11) for c in (61, 291))
        ends = np.where(self.lips, ends, np.clip(droop, 0, 1))
        chin = self._bump(self._at(199, 200), 0.14, 0.10)
        lift["corners_down"] = np.column_stack([0.02 * ends * np.sign(self.along), 0.085 * ends - 0.02 * chin, zero])
        lift["corners_down"][:, 1] -= np.where(self.lips, 0.022 * middle, 0)

        thin = np.zeros_like(u)  # the red of both lips is rolled in: every ring goes towards the line of the mouth
        thin[self.lips] = -0.62 * self.from_edge[self.lips]
        near = self._bump(self.mouth, 0.25, 0.09)
        thin = np.where(self.lips, thin, -0.45 * np.sign(self.below) * np.minimum(np.abs(self.below), 0.07) * near)
        lift["press"] = np.column_stack([0.02 * np.sign(self.along) * ends, thin - 0.012 * chin, 0.03 * near])

        around = self._bump(self.mouth, 0.30, 0.17)
        inwards = -self.along * np.where(self.lips, 1.0, around)
        thick = np.where(self.lips, 0.30 * self.from_edge, 0.10 * self.below * around)
        lift["pout"] = np.column_stack([0.105 * inwards, thick, -0.12 * np.where(self.lips, 1.0, around)])
        lift["wide"] = np.column_stack([-0.065 * inwards, zero, 0.02 * around])

        wings = self._bump(self._at(48, 278, 2), 0.17, 0.12)
        lift["wrinkle"] = np.column_stack([zero, -0.055 * wings - 0.02 * up, zero]) + 0.35 * lift["furrow"]
        lift["wrinkle"][:, 1] -= 0.02 * (self._bump(self._at(117), 0.12, 0.1) + self._bump(self._at(346), 0.12, 0.1))

        puffed = zero.copy()
        for name, spot in (("right", (61, 58)), ("left", (291, 288))):
            puffed = puffed + SIGN[name] * self._bump(self._at(*spot), 0.14, 0.17)
        lift["puff"] = np.column_stack([0.07 * puffed, zero, -0.10 * np.abs(puffed)])
        return lift

    def _upper_mid(self, middle: np.ndarray) -> np.ndarray:
        top = self._bump((self.mouth[0], self.mouth[1] - 0.08), 0.22, 0.07) * (self.below < 0)
        return np.where(self.upper, middle**0.7, np.where(self.lips, 0, 0.6 * top))

    def _lower_mid(self, middle: np.ndarray) -> np.ndarray:
        top = self._bump((self.mouth[0], self.mouth[1] + 0.10), 0.22, 0.08) * (self.below > 0)
        return np.where(self.lower, middle**0.7, np.where(self.lips, 0, 0.6 * top))

    def _close_gap(self, middle: np.ndarray) -> np.ndarray:
        """Displacement that shuts lips which the photo shows apart."""
        ui, li = list(LIPS_UPPER[3]), list(LIPS_LOWER[3])
        top = np.interp(self.u, self.u[ui], self.v[ui])
        bottom = np.interp(self.u, self.u[[78, *li, 308]], self.v[[78, *li, 308]])
        gap = np.clip(bottom - top, 0, None)
        ramp = _smooth(-0.05, 0.14, self.below) * np.exp(-((self.u - self.mouth[0]) ** 2) / (2 * 0.4**2))
        largest = float(gap.max())
        up = 0.62 * np.where(self.lower, gap, 0.8 * largest * ramp * ~self.lips)
        above = self._bump((self.mouth[0], self.mouth[1] - 0.1), 0.2, 0.07) * (self.below < 0)
        down = 0.38 * np.where(self.upper, gap, 0.6 * largest * above * ~self.lips)
        return np.column_stack([np.zeros_like(gap), down - up, np.zeros_like(gap)])

    def _lid_follows(self, side: str) -> float:
        """Closure that moves the upper lid by one eye width, within what a narrow eye can do."""
        upper, lower = LIDS[side]
        height = float(self.v[list(lower)].max() - self.v[list(upper)].min())
        return float(min(abs(self.u[upper[-1]] - self.u[upper[0]]) / (0.9 * max(height, 0.01)), 3.2))

    def _aperture(self, side: str, u: np.ndarray) -> np.ndarray:
        """Opening of the eye in the column of each vertex, 0 beside it."""
        return np.clip(self._edge(side, 1, u) - self._edge(side, 0, u), 0, None)

    def _edge(self, side: str, lid: int, u: np.ndarray) -> np.ndarray:
        points = list(LIDS[side][lid])
        return np.interp(u, self.u[points], self.v[points])

    def _lid_top(self, side: str) -> float:
        return float(self.v[list(LIDS[side][0])].min())

    def _lid(self, side: str, closing: float, controls: Controls, moved: np.ndarray) -> np.ndarray:
        """Closing (or opening wider) of one eye; squinting and looking down are closures too."""
        squint = getattr(controls, f"squint_{side}")
        closing = closing + (1 - max(closing, 0.0)) * (
            0.30 * squint + self.lid_follows[side] * (1.0 * max(controls.gaze_y, 0) + 0.5 * min(controls.gaze_y, 0))
        )
        result = np.zeros((len(self.u), 3))
        if not closing:
            return result
        upper, lower = (list(x) for x in LIDS[side])
        raised = -moved[:, 1] * self.follow  # what a squint has already lifted the lower lid by
        low = np.interp(self.u, self.u[lower], self.v[lower] - raised[lower])
        top = self._edge(side, 0, self.u)
        if closing > 0:
            line = self._closed_line(side, low[lower])
            fall_by, rise_by = np.maximum(line - top, 0), np.maximum(low - line, 0)
        else:
            fall_by, rise_by = 0.75 * self._aperture(side, self.u), 0.25 * self._aperture(side, self.u)
        brow = np.mean([self.v[list(BROWS[side][1])].mean(), self._lid_top(side)])
        reach = np.maximum(top - brow, 0.05) * 1.7
        height = (top - self.v) / reach  # 0 at the edge of the lid, 1 where the skin rests
        width = abs(self.u[upper[-1]] - self.u[upper[0]])
        centre = (self.u[upper[-1]] + self.u[upper[0]]) / 2
        beside = np.clip(1 - ((self.u - centre) / (0.62 * width)) ** 2, 0, 1) ** 0.5
        fall = np.clip((1 - height) / 0.8, 0, 1) ** 1.3 * (height >= -0.02) * beside  # lashes whole, skin stretched
        fall[lower] = 0
        fall[upper[1:-1]] = 1
        result[:, 1] += closing * fall_by * fall
        depth = (self.v - low) / 0.12
        rise = np.clip(1 - depth, 0, 1) ** 2 * (depth > -0.05) * beside
        rise[upper] = 0
        rise[lower[1:-1]] = 1
        rise[[lower[0], lower[-1]]] = 0
        result[:, 1] -= closing * rise_by * rise
        return result

    def _closed_line(self, side: str, low: np.ndarray) -> np.ndarray:
        """Height of the line in which the lids meet, above or below each vertex: a smooth arc near the lower lid."""
        lower = list(LIDS[side][1])
        u = self.u[lower]
        middle, half = (u[0] + u[-1]) / 2, abs(u[-1] - u[0]) / 2
        ends = np.array(sorted(((u[0], low[0]), (u[-1], low[-1]))))
        chord = np.interp(u, ends[:, 0], ends[:, 1])
        shape = 1 - ((u - middle) / half) ** 2
        bulge = low + 0.10 * (self._edge(side, 0, u) - low) - chord
        sag = float((bulge * shape).sum() / (shape * shape).sum())  # least squares; the corners stay
        place = np.clip((self.u - middle) / half, -1, 1)
        return np.interp(self.u, ends[:, 0], ends[:, 1]) + sag * (1 - place**2)


def _smooth(low: float, high: float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
