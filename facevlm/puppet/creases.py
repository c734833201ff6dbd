"""Folds of skin that a warp alone cannot make: the lines between furrowed brows."""

import cv2
import numpy as np

GLABELLA = (107, 55, 336, 285)  # inner ends of the brows
LINES = ((-0.042, 0.011, 0.30), (0.038, 0.010, 0.26))  # place across, width (outer-eye distances), depth at furrow 1


def furrow_lines(image: np.ndarray, moved: np.ndarray, furrow: float) -> None:
    """Darken two upright lines between the brows.

    Args:
        image: uint8 (H, W, 3), changed in place.
        moved: float (V, 2) vertices of the mesh in this image.
        furrow: The control, 1 at the strongest.
    """
    if furrow <= 0:
        return
    across = moved[263] - moved[33]
    unit = float(np.linalg.norm(across))
    right = across / unit
    centre = moved[list(GLABELLA)].mean(0)
    low = np.clip(np.floor(centre - 0.2 * unit).astype(int), 0, None)
    high = np.clip(np.ceil(centre + 0.2 * unit).astype(int), 0, image.shape[1::-1])
    if (high <= low).any():
        return
    part = image[low[1] : high[1], low[0] : high[0]]
    ys, xs = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    xs, ys = (xs - np.float32(centre[0])) / unit, (ys - np.float32(centre[1])) / unit
    u, v = xs * right[0] + ys * right[1], -xs * right[1] + ys * right[0]
    fade = np.exp(-((v / 0.062) ** 4))
    shade = np.zeros_like(u)
    for place, width, depth in LINES:
        beside = (u - place * (1 + 1.5 * v)) / width  # the lines lean apart towards the forehead
        shade += depth * fade * (np.exp(-(beside**2)) - 0.35 * np.exp(-(((beside - 1.9) / 1.3) ** 2)))
    dark = 1 - np.clip(furrow, 0, 1.2) * cv2.GaussianBlur(shade.astype(np.float32), (0, 0), 0.6)
    part[:] = np.clip(part * dark[..., None] + 0.5, 0, 255).astype(np.uint8)
