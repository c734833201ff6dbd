"""Signals per frame: what lids, brows, gaze, mouth, jaw, nose and head do, from the pose-normalised mesh.

Lengths are in e, the template's distance between the outer eye corners, of the face turned to the front.
"""

from dataclasses import dataclass

import numpy as np

from facevlm.expression.head_pose import normalise


@dataclass(frozen=True)
class Signal:
    """What one signal means.

    Attributes:
        label: A few words for plots.
        unit: "deg", "e" (outer-eye distances), "eye widths" or "ratio".
        group: Part of the face it belongs to.
    """

    label: str
    unit: str
    group: str


SIGNALS: dict[str, Signal] = {
    "yaw": Signal("head turn, + to the subject's left", "deg", "head"),
    "pitch": Signal("head up (+) and down", "deg", "head"),
    "roll": Signal("head tilt, + to the subject's left shoulder", "deg", "head"),
    "lid_left": Signal("opening of the left eye / its width", "ratio", "eyes"),
    "lid_right": Signal("opening of the right eye / its width", "ratio", "eyes"),
    "gaze_x": Signal("gaze in the head, + to the subject's left", "eye widths", "gaze"),
    "gaze_y": Signal("gaze in the head, + up", "eye widths", "gaze"),
    "brow_inner_left": Signal("height of the left inner brow", "e", "brows"),
    "brow_inner_right": Signal("height of the right inner brow", "e", "brows"),
    "brow_outer_left": Signal("height of the left outer brow", "e", "brows"),
    "brow_outer_right": Signal("height of the right outer brow", "e", "brows"),
    "brow_distance": Signal("distance of the inner brows", "e", "brows"),
    "brow_lines": Signal("vertical lines between the brows", "ratio", "brows"),
    "mouth_aperture": Signal("opening between the lips", "e", "mouth"),
    "mouth_width": Signal("width of the mouth", "e", "mouth"),
    "corner_left": Signal("lift of the left mouth corner", "e", "mouth"),
    "corner_right": Signal("lift of the right mouth corner", "e", "mouth"),
    "protrusion": Signal("lips pushed forward", "e", "mouth"),
    "lip_height": Signal("visible height of both lips", "e", "mouth"),
    "mouth_shift": Signal("mouth pulled aside, + to the subject's left", "e", "mouth"),
    "jaw_shift": Signal("chin moved aside, + to the subject's left", "e", "mouth"),
    "nose_height": Signal("length of the nose's side", "e", "nose"),
    "size": Signal("outer-eye distance in the picture", "px", "head"),
    "centre_x": Signal("place in the picture", "px", "head"),
    "centre_y": Signal("place in the picture", "px", "head"),
}

# Mesh indices, subject's right first. Pairs are (right, left).
LID_UPPER = ([160, 159, 158, 157], [387, 386, 385, 384])
LID_LOWER = ([144, 145, 153, 154], [373, 374, 380, 381])
EYE_OUTER, EYE_INNER, IRIS = (33, 263), (133, 362), (468, 473)
BROW_INNER = ([107, 55, 66, 65], [336, 285, 296, 295])
BROW_OUTER = ([70, 63, 46, 53], [300, 293, 276, 283])
BROW_ENDS = ([107, 55], [336, 285])
CORNER = (61, 291)
LIP_INNER_TOP, LIP_INNER_BOTTOM = [82, 13, 312], [87, 14, 317]
LIP_TOP, LIP_BOTTOM = [37, 0, 267], [84, 17, 314]
CHIN = [152, 148, 377]
ALA, BRIDGE = ([48, 64], [278, 294]), ([193, 122], [417, 351])


def signals(landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """Measure all signals.

    Args:
        landmarks: float (T, 478, 3) pixels, all finite.

    Returns:
        Each name of `SIGNALS` but "brow_lines", which is measured on the picture → float32 (T,).
    """
    face = normalise(landmarks)
    p = face.points
    out = {"yaw": face.yaw, "pitch": face.pitch, "roll": face.roll, "size": face.scale}
    out["centre_x"], out["centre_y"] = face.centre[:, 0], face.centre[:, 1]
    for side, name in ((0, "right"), (1, "left")):
        width = _distance(p[:, EYE_OUTER[side]], p[:, EYE_INNER[side]])
        gap = _mean(p, LID_LOWER[side]) - _mean(p, LID_UPPER[side])
        out[f"lid_{name}"] = np.linalg.norm(gap[:, :2], axis=1) * np.sign(gap[:, 1]) / width
        middle = (p[:, EYE_OUTER[side]] + p[:, EYE_INNER[side]]) / 2
        out[f"brow_inner_{name}"] = -_mean(p, BROW_INNER[side])[:, 1]
        out[f"brow_outer_{name}"] = -_mean(p, BROW_OUTER[side])[:, 1]
        out[f"_gaze_x_{name}"] = (p[:, IRIS[side], 0] - middle[:, 0]) / width
        out[f"_gaze_y_{name}"] = (middle[:, 1] - p[:, IRIS[side], 1]) / width
    lips_y = (p[:, LIP_INNER_TOP, 1].mean(1) + p[:, LIP_INNER_BOTTOM, 1].mean(1)) / 2
    out["gaze_x"] = (out.pop("_gaze_x_left") + out.pop("_gaze_x_right")) / 2
    out["gaze_y"] = (out.pop("_gaze_y_left") + out.pop("_gaze_y_right")) / 2
    out["brow_distance"] = _distance(_mean(p, BROW_ENDS[0]), _mean(p, BROW_ENDS[1]))
    out["mouth_aperture"] = _mean(p, LIP_INNER_BOTTOM)[:, 1] - _mean(p, LIP_INNER_TOP)[:, 1]
    out["mouth_width"] = _distance(p[:, CORNER[0], :2], p[:, CORNER[1], :2])
    out["corner_right"], out["corner_left"] = (lips_y - p[:, c, 1] for c in CORNER)
    out["protrusion"] = -_mean(p, LIP_TOP + LIP_BOTTOM)[:, 2] + _mean(p, list(CORNER))[:, 2]
    out["lip_height"] = _mean(p, LIP_BOTTOM)[:, 1] - _mean(p, LIP_TOP)[:, 1] - out["mouth_aperture"]
    out["mouth_shift"] = _mean(p, [*CORNER, 0, 17, 13, 14])[:, 0]
    out["jaw_shift"] = _mean(p, CHIN)[:, 0]
    out["nose_height"] = _mean(p, ALA[0] + ALA[1])[:, 1] - _mean(p, BRIDGE[0] + BRIDGE[1])[:, 1]
    return {name: out[name].astype(np.float32) for name in SIGNALS if name in out}


def _mean(points: np.ndarray, indices: list[int]) -> np.ndarray:
    return points[:, indices].mean(1)


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.linalg.norm(a - b, axis=1)
