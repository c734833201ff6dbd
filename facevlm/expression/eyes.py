"""Blink, eyes closed, wink, squint and widened eyes, from the openings of both lids."""

from itertools import pairwise

import numpy as np

from facevlm.expression.candidate import Candidate, candidate, during
from facevlm.expression.rest import FINE_PX
from facevlm.expression.runs import STEP_S, Run, Segment, hysteresis, smooth, tops

BLINK_PROMINENCE = 0.30  # share of the open level that a short dip must lose against both its shoulders
CLOSED_ON, CLOSED_OFF = 0.74, 0.62  # share lost for as long as the eyes are closed, not lowered
BLINK_MAX_S = 0.45  # seconds at half depth; longer is eyes_closed
SQUINT_ON, SQUINT_OFF, SQUINT_MIN_S = 0.24, 0.14, 0.25
WINK_DIFFERENCE, WINK_SHUT = 0.40, 0.55
WIDEN_ON, WIDEN_OFF = 0.17, 0.10  # share above the open level
MAX_YAW = 50.0  # degrees: beyond, the far eye is not seen and the near one is seen from the side
HELD_S = 2.0  # seconds out of sight through which eyes that were closed before and are closed after stay closed


def find(run: Run, rest: dict[str, float]) -> list[Candidate]:
    """All eye actions of one run."""
    profile = np.abs(run["yaw"]) > MAX_YAW
    left, right = (
        _held(np.where(profile, np.nan, 1 - run[f"lid_{side}"] / rest[f"lid_{side}"])) for side in ("left", "right")
    )
    both = (left + right) / 2
    found = _closures(run, left, right, both)
    taken = during(run, found, margin_s=0.06)
    found += _winks(run, left, right, taken)
    taken |= during(run, found, margin_s=0.06)
    found += _squints(run, left, right, taken)
    small = run["size"] < FINE_PX
    wide = smooth(np.where(taken | small, np.nan, -np.maximum(left, right)), 0.05)
    for segment in hysteresis(wide, WIDEN_ON, WIDEN_OFF, min_s=0.2, bridge_s=0.25):
        found.append(candidate(run, segment, "eyes_widen", wide))
    return found


def _held(level: np.ndarray) -> np.ndarray:
    """The closure of an eye with short gaps between closed moments filled: what hides eyes does not open them."""
    known = np.flatnonzero(np.isfinite(level))
    filled = level.copy()
    for before, after in pairwise(known):
        closed = min(level[before], level[after])
        if 1 < after - before <= HELD_S / STEP_S and closed > CLOSED_OFF:
            filled[before + 1 : after] = closed
    return filled


def _closures(run: Run, left: np.ndarray, right: np.ndarray, both: np.ndarray) -> list[Candidate]:
    """Dips of both lids: short ones are blinks, long ones closed eyes."""
    level = np.nan_to_num(both, nan=0.0)
    found = []
    for segment in hysteresis(both, CLOSED_ON, CLOSED_OFF, min_s=0.0, bridge_s=0.1):
        if (segment.stop - segment.start) * STEP_S > BLINK_MAX_S:
            found.append(_widened(run, segment, both, "eyes_closed"))
    for top in tops(level, BLINK_PROMINENCE):
        half = level[top.at] - top.prominence / 2
        start = stop = top.at
        while start > top.before and level[start - 1] > half:
            start -= 1
        while stop < top.after and level[stop + 1] > half:
            stop += 1
        agree = min(float(lid[top.at]) - _shoulder(lid, start, stop) for lid in (left, right))
        if (stop - start) * STEP_S <= BLINK_MAX_S and agree > 0.12:
            blink = _widened(run, Segment(start, stop + 1, top.at), both, "blink")
            if not any(f.t0 - 0.05 <= blink.peak <= f.t1 + 0.05 for f in found):
                found.append(blink)
    return found


def _shoulder(level: np.ndarray, start: int, stop: int) -> float:
    """Closure of one lid just outside a dip."""
    reach = round(0.16 / STEP_S)
    before, after = level[max(start - reach, 0) : start], level[stop + 1 : stop + 1 + reach]
    shoulder = [np.nanmin(part) for part in (before, after) if np.isfinite(part).any()]
    return float(max(shoulder)) if shoulder else 0.0


def _widened(run: Run, segment: Segment, level: np.ndarray, action: str) -> Candidate:
    """From where the lids begin to fall to where they are up again: a quarter of the depth."""
    depth = float(level[segment.peak])
    reach = round(0.3 / STEP_S)
    start, stop = segment.start, segment.stop - 1
    while (
        start > max(0, segment.start - reach) and level[start - 1] > depth * 0.25 and level[start - 1] <= level[start]
    ):
        start -= 1
    while (
        stop < min(len(level) - 1, segment.stop + reach)
        and level[stop + 1] > depth * 0.25
        and level[stop + 1] <= level[stop]
    ):
        stop += 1
    return Candidate(action, float(run.times[start]), float(run.times[segment.peak]), float(run.times[stop]), depth)


def _winks(run: Run, left: np.ndarray, right: np.ndarray, taken: np.ndarray) -> list[Candidate]:
    found = []
    frontal = np.abs(run["yaw"]) < 25
    for side, mine, other in (("left", left, right), ("right", right, left)):
        level = np.where(taken | ~frontal | (mine < WINK_SHUT) | (other > 0.4), np.nan, mine - other)
        for segment in hysteresis(level, WINK_DIFFERENCE, WINK_DIFFERENCE * 0.75, min_s=0.08, bridge_s=0.06):
            found.append(candidate(run, segment, "wink", mine, side))
    return found


def _squints(run: Run, left: np.ndarray, right: np.ndarray, taken: np.ndarray) -> list[Candidate]:
    """Lids narrowed but open; one-sided where the other eye keeps clearly more of its opening."""
    found = []
    skip = taken | (run["size"] < FINE_PX)
    levels = {side: smooth(np.where(skip, np.nan, level), 0.05) for side, level in (("left", left), ("right", right))}
    mean = (levels["left"] + levels["right"]) / 2
    for segment in hysteresis(mean, SQUINT_ON, SQUINT_OFF, min_s=SQUINT_MIN_S, bridge_s=0.3):
        found.append(candidate(run, segment, "eyes_squint", mean))
    covered = during(run, found, margin_s=0.1)
    for side, other in (("left", "right"), ("right", "left")):
        one = np.where(covered | (np.abs(run["yaw"]) > 25), np.nan, levels[side] - levels[other].clip(0))
        for segment in hysteresis(one, SQUINT_ON * 0.8, SQUINT_OFF * 0.8, min_s=SQUINT_MIN_S, bridge_s=0.2):
            found.append(candidate(run, segment, "eyes_squint", levels[side], side))
    return found
