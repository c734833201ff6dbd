"""Head pose and pose-normalised landmarks: a rigid fit of stable mesh points to a frontal template.

The template is the symmetrised mean of meshes of many photos (`benchmarks/make_face_template.py`), in units of the
distance between the outer eye corners, x to the picture's right, y down, z away from the camera, origin between the
eyes.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

# Points that expressions move least: nose, eye corners, temples, sides of the nose bridge.
NOSE = [6, 168, 197, 195, 5, 4, 1, 98, 327, 94, 2, 193, 417, 122, 351, 196, 419, 174, 399, 236, 456, 198, 420]
EYES_AND_TEMPLES = [133, 362, 243, 463, 33, 263, 130, 359, 226, 446, 127, 356, 234, 454, 162, 389, 21, 251]
STABLE = np.array(NOSE + EYES_AND_TEMPLES)


@dataclass(frozen=True)
class Template:
    """The frontal template: float64 (478, 3) points, int (478,) index of each point's mirror image."""

    points: np.ndarray
    mirror: np.ndarray


@dataclass(frozen=True)
class NormalisedFace:
    """Meshes turned to the front and scaled to the template.

    Attributes:
        points: float64 (T, 478, 3) in units of the template's outer-eye distance.
        yaw: float64 (T,) degrees, positive when the subject turns to their own left.
        pitch: float64 (T,) degrees, positive when the face points up.
        roll: float64 (T,) degrees, positive when the head tilts to the subject's own left shoulder.
        scale: float64 (T,) pixels per unit (about the outer-eye distance in pixels if seen from the front).
        centre: float64 (T, 2) pixels, where the template's origin lies in the picture.
    """

    points: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    scale: np.ndarray
    centre: np.ndarray


@cache
def template() -> Template:
    """The template shipped with the package."""
    with np.load(Path(__file__).with_name("face_template.npz"), allow_pickle=False) as data:
        return Template(data["points"].astype(np.float64), data["mirror"].astype(np.int64))


def normalise(landmarks: np.ndarray) -> NormalisedFace:
    """Fit the template rigidly (Umeyama 1991: rotation, scale, shift) and undo the pose.

    Args:
        landmarks: float (T, 478, 3) pixels, all finite.

    Returns:
        Pose and pose-normalised points.
    """
    meshes = np.asarray(landmarks, np.float64)
    target = template().points[STABLE]
    source = meshes[:, STABLE]
    source_mean, target_mean = source.mean(1, keepdims=True), target.mean(0)
    spread = source - source_mean
    u, s, vt = np.linalg.svd(np.swapaxes(spread, 1, 2) @ (target - target_mean))
    sign = np.ones_like(s)
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[:, None, :]) @ vt  # row vectors: camera @ rotation = template
    scale = (s * sign).sum(1) / (spread**2).sum((1, 2))
    points = (meshes - source_mean) @ rotation * scale[:, None, None] + target_mean
    forward, across = -rotation[:, :, 2], rotation[:, :, 0]  # the face's own axes in the picture
    origin = source_mean[:, 0] - (target_mean @ np.swapaxes(rotation, 1, 2)) / scale[:, None]
    return NormalisedFace(
        points=points,
        yaw=np.degrees(np.arctan2(forward[:, 0], -forward[:, 2])),
        pitch=np.degrees(np.arcsin((-forward[:, 1]).clip(-1, 1))),
        roll=np.degrees(np.arctan2(across[:, 1], across[:, 0])),
        scale=1 / scale,
        centre=origin[:, :2],
    )
