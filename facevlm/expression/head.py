"""Head turns, tilts, ups and downs as movements, and nods and shakes as rhythms, from yaw, pitch and roll.

A movement is a swing between two turning points of an angle that is wide and fast enough; drifts are not movements. The
event lasts from where the swing begins to where the head has left its new position again, at most `HOLD_S` after it.
"""

from dataclasses import dataclass, replace

import numpy as np

from facevlm.expression.candidate import Candidate
from facevlm.expression.runs import STEP_S, Run, Swing, known_parts, smooth, turning_points

HOLD_S = 0.7
MAX_YAW = 55.0  # degrees: of a face in profile the mesh knows neither how it is tilted nor how far up it looks
LEAST_S = 0.3  # seconds of known angles that are looked at
RETURN = 0.35  # share of a swing within which an angle counts as the usual one
SWAY_S = 0.9  # longest swing of a sway
RHYTHM_SWINGS = 3  # alternating swings that make a nod or a shake


@dataclass(frozen=True)
class Axis:
    """How one angle is read.

    Attributes:
        signal: Name of the signal in degrees.
        positive, negative: Actions for rising and falling angle.
        sides: The subject's own sides of both actions, None for up and down.
        swing: Degrees that a movement must cover.
        speed: Degrees per second that it must reach on average over its middle 80 %.
        rhythm: Action of a rhythm on this axis, None for tilts.
        rhythm_swing: Degrees that each swing of a rhythm must cover.
        rhythm_swing_s: Longest swing of a rhythm in seconds.
    """

    signal: str
    positive: str
    negative: str
    sides: tuple[str | None, str | None]
    swing: float
    speed: float
    rhythm: str | None = None
    rhythm_swing: float = 0.0
    rhythm_swing_s: float = 0.0


AXES = (
    Axis("yaw", "head_turn_left", "head_turn_right", ("left", "right"), 9.0, 12.0, "head_shake", 5.0, 0.38),
    Axis("pitch", "head_up", "head_down", (None, None), 7.0, 9.0, "head_nod", 4.0, 0.42),
    Axis("roll", "head_tilt_left", "head_tilt_right", ("left", "right"), 11.0, 8.0),
)


def find(run: Run) -> list[Candidate]:
    """All head actions of one run."""
    profile = np.abs(run["yaw"]) > MAX_YAW
    found = []
    for axis in AXES:
        unknown = np.isnan(run["pitch"]) if axis.signal == "yaw" else profile  # a doubtful mesh has no pitch
        angle = np.where(unknown, np.nan, run[axis.signal])
        usual = float(np.nanmedian(angle)) if np.isfinite(angle).any() else 0.0
        for part in known_parts(run, angle, LEAST_S):
            found += _along(axis, part, smooth(part[axis.signal], 0.06), usual)
    return found


def _along(axis: Axis, run: Run, angle: np.ndarray, usual: float) -> list[Candidate]:
    """The actions on one axis while its angle is known."""
    swings = turning_points(angle, reversal=axis.rhythm_swing * 0.6 if axis.rhythm else axis.swing * 0.35)
    rhythms = _rhythms(run, axis, swings) if axis.rhythm else []
    moves: list[Candidate] = []
    for i, swing in enumerate(swings):
        if _returns(angle, swings[max(i - 2, 0) : i + 1], usual):
            continue
        event = _movement(run, axis, angle, swing)
        if event is None or any(r.t0 - 0.1 <= event.peak <= r.t1 + 0.1 for r in rhythms):
            continue
        if moves and moves[-1].t1 > event.t0:  # the head leaves its new position when it moves on
            moves[-1] = replace(moves[-1], t1=max(moves[-1].peak, event.t0))
        moves.append(event)
    return rhythms + moves


def _returns(angle: np.ndarray, last: list[Swing], usual: float) -> bool:
    """Whether the last swing only undoes the one before: out from the usual angle and back to it is one movement.

    Three quick wide swings in a row are a sway, in which every swing counts.
    """
    if len(last) < 2:
        return False
    before, swing = last[-2:]
    wide = all(abs(s.change) > 0.6 * abs(swing.change) for s in last)
    quick = all((s.stop - s.start) * STEP_S < SWAY_S for s in (before, swing))
    if len(last) == 3 and wide and quick:
        return False
    near = RETURN * abs(swing.change)
    return (
        abs(before.change) > 0.6 * abs(swing.change)
        and abs(angle[before.start] - usual) < near
        and abs(angle[swing.stop] - usual) < near
    )


def _movement(run: Run, axis: Axis, angle: np.ndarray, swing: Swing) -> Candidate | None:
    """The fastest part of a swing that is wide and fast enough, with the hold after it."""
    if abs(swing.change) < axis.swing:
        return None
    sign = np.sign(swing.change)
    part = sign * angle[swing.start : swing.stop + 1]
    speed = np.gradient(part, STEP_S) if len(part) > 2 else np.full(len(part), np.inf)
    fastest = int(np.argmax(speed))
    moving = speed > max(0.25 * speed[fastest], axis.speed * 0.5)
    start = stop = fastest
    while start > 0 and moving[start - 1]:
        start -= 1
    while stop < len(part) - 1 and moving[stop + 1]:
        stop += 1
    change, seconds = part[stop] - part[start], max((stop - start) * STEP_S, STEP_S)
    if change < axis.swing * 0.8 or change / seconds < axis.speed:
        return None
    first, arrived = swing.start + start, swing.start + stop
    last = arrived
    while (
        last < len(angle) - 1
        and (last - arrived) * STEP_S < HOLD_S
        and sign * (angle[arrived] - angle[last + 1]) < 0.2 * change
    ):
        last += 1
    action, side = (axis.positive, axis.sides[0]) if sign > 0 else (axis.negative, axis.sides[1])
    return Candidate(
        action, float(run.times[first]), float(run.times[arrived]), float(run.times[last]), float(change), side
    )


def _rhythms(run: Run, axis: Axis, swings: list[Swing]) -> list[Candidate]:
    """Sequences of quick alternating swings."""
    found: list[Candidate] = []
    chain: list[Swing] = []
    for swing in [*swings, None]:
        quick = (
            swing is not None
            and abs(swing.change) >= axis.rhythm_swing
            and (swing.stop - swing.start) * STEP_S <= axis.rhythm_swing_s
        )
        if quick and swing is not None and (not chain or chain[-1].stop == swing.start):
            chain.append(swing)
            continue
        if len(chain) >= RHYTHM_SWINGS and axis.rhythm:
            widest = max(chain, key=lambda s: abs(s.change))
            found.append(
                Candidate(
                    axis.rhythm,
                    float(run.times[chain[0].start]),
                    float(run.times[widest.stop]),
                    float(run.times[chain[-1].stop]),
                    float(np.mean([abs(s.change) for s in chain])),
                )
            )
        chain = [swing] if quick and swing is not None else []
    return found
