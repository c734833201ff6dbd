"""Raised and furrowed brows, from the height of both brows over the eyes, the distance of their inner ends and the
lines between them."""

import numpy as np

from facevlm.expression.candidate import Candidate, candidate
from facevlm.expression.rest import FINE_PX
from facevlm.expression.runs import Run, hysteresis, smooth

RAISE_ON, RAISE_OFF = 0.035, 0.02  # e over the rest level
FURROW_ON = 0.022  # e: inner ends closer plus lower
LINES_ON, LINES_LEAST = 0.47, 0.013  # lines this many doublings over rest, and at least this contrast
OFF = 0.55  # of either


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
    rough = run["size"] < FINE_PX
    closer = rest["brow_distance"] - np.where(skip, np.nan, run["brow_distance"])
    drawn = smooth(np.maximum(closer, -0.008) - inner, 0.08)
    drawn = np.where((inner > -0.008) | smiling | rough, np.nan, drawn) / FURROW_ON
    lines = smooth(np.where(rough, np.nan, run["brow_lines"]), 0.15)
    folded = np.log2(np.where(lines < LINES_LEAST, np.nan, lines) / rest["brow_lines"]) / LINES_ON
    level = np.fmax(drawn, folded)
    for segment in hysteresis(level, 1.0, OFF, min_s=0.25, bridge_s=0.3):
        found.append(candidate(run, segment, "brow_furrow", level))
    return found
