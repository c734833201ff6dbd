"""Gaze left, right, up and down: where the eyes point, as seen from the camera and as moved in the head.

Eyes that stay on the camera while the head turns move in the head (vestibulo-ocular reflex), and eyes that are turned
by the head do not move in it. A gaze event needs both: the eyes moved in the head, and the line of sight left the
camera or the person's usual direction to the same side.
"""

from collections.abc import Mapping

import numpy as np
from scipy import ndimage

from facevlm.expression.candidate import Candidate, candidate
from facevlm.expression.rest import FINE_PX
from facevlm.expression.runs import STEP_S, Run, hysteresis, smooth

PER_DEGREE = 0.0050  # eye widths that the iris moves when eye and head turn against each other by one degree
ON, OFF = 0.085, 0.05  # eye widths off the usual direction
IN_HEAD = 0.04  # eye widths that the eyes must have moved in the head
IN_HEAD_Y = 0.012  # the same, up or down
MOSTLY = 0.85  # share of the time with open eyes
UP_ON, UP_OFF, DOWN_ON, DOWN_OFF = 0.05, 0.03, 0.055, 0.035
LOWERED = 0.74  # share of the open level lost by lids that follow eyes looking down
LEVEL_Y = 0.045  # eye widths: where the iris stands when looking straight ahead


def find(run: Run, rest: dict[str, float], usual: tuple[float, float]) -> list[Candidate]:
    """All gaze actions of one run.

    Args:
        run: Signals on the grid.
        rest: Rest levels.
        usual: The person's usual (x, y) line of sight, from `usual_gaze`.
    """
    lids = (run["lid_left"] / rest["lid_left"] + run["lid_right"] / rest["lid_right"]) / 2
    near = np.ones(2 * round(0.08 / STEP_S) + 1, bool)
    shut = ndimage.binary_dilation(lids < 0.45, near)
    skip = shut | (run["size"] < FINE_PX) | (np.abs(run["yaw"]) > 35)
    x, y = line_of_sight(run)
    closed = ndimage.binary_dilation(lids < 1 - LOWERED, near)
    low = smooth(np.where(closed | (run["size"] < FINE_PX) | (np.abs(run["yaw"]) > 35), np.nan, y), 0.04)
    x, y = (smooth(np.where(skip, np.nan, v), 0.04) for v in (x, y))
    in_head_x = smooth(np.where(skip, np.nan, run["gaze_x"]), 0.04)
    found = []
    for action, sign in (("gaze_left", 1), ("gaze_right", -1)):
        level = sign * (x - usual[0])
        level = np.where(sign * in_head_x < IN_HEAD, np.minimum(level, OFF), level)
        for segment in hysteresis(level, ON, OFF, min_s=0.12, bridge_s=0.2):
            found.append(candidate(run, segment, action, level, action.removeprefix("gaze_")))
    in_head_y = smooth(run["gaze_y"], 0.04) - LEVEL_Y
    for action, level, on, off in (
        ("gaze_up", np.where(in_head_y < IN_HEAD_Y, np.minimum(y - usual[1], UP_OFF), y - usual[1]), UP_ON, UP_OFF),
        ("gaze_down", np.where(in_head_y > -IN_HEAD_Y, np.nan, usual[1] - low), DOWN_ON, DOWN_OFF),
    ):
        for segment in hysteresis(level, on, off, min_s=0.3, bridge_s=0.4):
            found.append(candidate(run, segment, action, level))
    return found


def line_of_sight(values: Mapping[str, np.ndarray] | Run) -> tuple[np.ndarray, np.ndarray]:
    """Direction of the eyes as the camera sees it, in eye widths: + to the subject's left, + up; 0 at the camera."""
    x = values["gaze_x"] + PER_DEGREE * values["yaw"]
    y = values["gaze_y"] + PER_DEGREE * values["pitch"] - LEVEL_Y
    return x, y


def usual_gaze(values: dict[str, np.ndarray], rest: dict[str, float]) -> tuple[float, float]:
    """The person's usual line of sight: the median with open eyes.

    It is held near the camera, unless the eyes are off it for most of the time: who looks one way nearly always looks
    straight on, and the offset is that of the face or of the camera.
    """
    open_eyes = (values["lid_left"] / rest["lid_left"] + values["lid_right"] / rest["lid_right"]) / 2 > 0.7
    x, y = (v[open_eyes & np.isfinite(v)] for v in line_of_sight(values))
    return _usual(x, 0.06, OFF), _usual(y, 0.02, UP_OFF)


def _usual(sight: np.ndarray, band: float, off: float) -> float:
    if len(sight) == 0:
        return 0.0
    low, middle, high = np.percentile(sight, [100 * (1 - MOSTLY), 50, 100 * MOSTLY])
    near = float(np.clip(middle, -band, band))
    return float(middle) if low > near + off or high < near - off else near
