"""Draw what passes before a face: a hand or a bar."""

import cv2
import numpy as np

from facevlm.errors import UsageError
from facevlm.puppet.shot import Key, Occluder


def occlude(canvas: np.ndarray, occluder: Occluder, key: Key) -> np.ndarray:
    """Draw an occluder over the canvas, in place; float32 (H, W) what it covers."""
    height, width = canvas.shape[:2]
    size = key.scale * height
    turn = np.radians(key.angle)
    axis, across = np.array([np.sin(turn), -np.cos(turn)]), np.array([np.cos(turn), np.sin(turn)])
    centre = np.array([key.x * width, key.y * height])
    mask = np.zeros((height, width), np.uint8)

    def at(u: float, v: float) -> tuple[int, int]:
        x, y = centre + (u * across + v * axis) * size
        return round(float(x)), round(float(y))

    shade = np.ones((height, width), np.float32)
    if occluder.kind == "bar":
        cv2.fillConvexPoly(
            mask, np.array([at(-0.25, -0.5), at(0.25, -0.5), at(0.25, 0.5), at(-0.25, 0.5)]), 255, cv2.LINE_AA
        )
    elif occluder.kind == "hand":
        cv2.ellipse(
            mask,
            at(0, -0.12),
            (max(1, int(0.21 * size)), max(1, int(0.24 * size))),
            key.angle,
            0,
            360,
            255,
            -1,
            cv2.LINE_AA,
        )
        cv2.line(mask, at(0, -0.2), at(0, -1.6), 255, max(1, int(0.26 * size)), cv2.LINE_AA)
        for u, reach in ((-0.15, 0.40), (-0.05, 0.50), (0.05, 0.47), (0.15, 0.36)):
            cv2.line(mask, at(u, 0), at(u * 1.25, reach), 255, max(1, int(0.085 * size)), cv2.LINE_AA)
            cv2.line(
                shade, at(u + 0.05, -0.05), at((u + 0.05) * 1.25, reach), 0.72, max(1, int(0.018 * size)), cv2.LINE_AA
            )
        cv2.line(mask, at(0.16, -0.2), at(0.34, 0.08), 255, max(1, int(0.095 * size)), cv2.LINE_AA)
    else:
        raise UsageError(f"unknown occluder {occluder.kind!r}", mend='use "hand" or "bar"')
    share = mask.astype(np.float32) / 255
    deep = cv2.GaussianBlur(share, (0, 0), max(1.0, 0.03 * size))
    colour = (
        np.array(occluder.colour, np.float32)
        * ((0.6 + 0.42 * deep) * cv2.GaussianBlur(shade, (0, 0), max(0.6, 0.01 * size)))[..., None]
    )
    canvas[:] = np.clip(canvas * (1 - share[..., None]) + colour * share[..., None] + 0.5, 0, 255).astype(np.uint8)
    return share
