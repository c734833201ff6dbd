"""Raised and furrowed brows, from the height of both brows over the eyes and the distance of their inner ends."""

import numpy as np

from facevlm.expression.candidate import Candidate, candidate
from facevlm.expression.rest import FINE_PX
from facevlm.expression.runs import Run, hysteresis, smooth

RAISE_ON, RAISE_OFF = 0.036, 0.020  # e over the rest level
FURROW_ON, FURROW_OFF = 0.026, 0.014  # e: closer by this much, lowering counted half


def find(run: Run, rest: dict[str, float], smiling: np.ndarray) -> list[Candidate]:
    """All brow actions of one run, not under closed eyes; a smile, which squeezes the brows, is no furrow."""
    shut = (run["lid_left"] / rest["lid_left"] + run["lid_right"] / rest["lid_right"]) / 2 < 0.5
    skip = shut | (np.abs(run["yaw"]) > 40)
    change = {
        (part, side): np.where(skip, np.nan, run[f"brow_{part}_{side}"] - rest[f"brow_{part}_{side}"])
        for part in ("inner", "outer")
        for side in ("left", "right")
    }
    inner = (change["inner", "left"] + change["inner", "right"]) / 2
    left, right = ((change["inner", s] + change["outer", s]) / 2 for s in ("left", "right"))
    height = smooth(np.maximum((left + right) / 2, inner), 0.06)
    found = [
        candidate(run, segment, "brow_raise", height)
        for segment in hysteresis(height, RAISE_ON, RAISE_OFF, min_s=0.15, bridge_s=0.25)
    ]
    blurred = smiling | (run["size"] < FINE_PX)
    closer = rest["brow_distance"] - np.where(skip, np.nan, run["brow_distance"])
    level = smooth(closer + 0.5 * np.maximum(-inner, 0), 0.08)
    for segment in hysteresis(
        np.where((closer < 0.012) | blurred, np.nan, level), FURROW_ON, FURROW_OFF, min_s=0.25, bridge_s=0.25
    ):
        found.append(candidate(run, segment, "brow_furrow", level))
    return found
