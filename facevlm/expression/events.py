"""From signals to events: find candidates region by region, grade their strength, score them, merge and number them."""

from dataclasses import dataclass


from facevlm.expression import brows, eyes, gaze, head, mouth
from facevlm.expression.candidate import Candidate, during
from facevlm.expression.event import Event, SignalTable
from facevlm.expression.rest import rest_levels
from facevlm.expression.runs import Run, runs


@dataclass(frozen=True)
class Grade:
    """Levels from which an event is clear or strong, in the unit of the action's level."""

    clear: float
    strong: float


GRADES: dict[str, Grade] = {
    "blink": Grade(0.45, 9.0),
    "eyes_closed": Grade(0.5, 0.95),
    "wink": Grade(0.6, 0.9),
    "eyes_squint": Grade(0.30, 0.5),
    "eyes_widen": Grade(0.2, 0.35),
    "brow_raise": Grade(0.042, 0.09),
    "brow_furrow": Grade(0.03, 0.055),
    "mouth_open": Grade(0.11, 0.30),
    "mouth_close": Grade(0.12, 0.30),
    "speaking": Grade(0.06, 0.25),
    "smile": Grade(0.125, 0.20),
    "laugh": Grade(0.2, 0.3),
    "lip_press": Grade(0.12, 0.3),
    "pout": Grade(0.10, 0.2),
    "mouth_corner_down": Grade(0.025, 0.05),
    "jaw_sideways": Grade(0.06, 0.12),
    "nose_wrinkle": Grade(0.05, 0.08),
    "head_turn_left": Grade(10.0, 25.0),
    "head_turn_right": Grade(10.0, 25.0),
    "head_tilt_left": Grade(9.0, 20.0),
    "head_tilt_right": Grade(9.0, 20.0),
    "head_up": Grade(7.5, 15.0),
    "head_down": Grade(7.5, 15.0),
    "head_nod": Grade(5.0, 10.0),
    "head_shake": Grade(7.0, 15.0),
    "gaze_left": Grade(0.11, 0.2),
    "gaze_right": Grade(0.11, 0.2),
    "gaze_up": Grade(0.07, 0.13),
    "gaze_down": Grade(0.07, 0.13),
}


def find_events(table: SignalTable, *, first_id: int = 1) -> tuple[Event, ...]:
    """All events of one person.

    Args:
        table: Signals at the times of the frames.
        first_id: Id of the first event.

    Returns:
        Events in order of start; those of one action and side never overlap.
    """
    if len(table.times) == 0:
        return ()
    rest = rest_levels(table)
    usual = gaze.usual_gaze(table.values, rest)
    found = [c for run in runs(table) for c in candidates(run, rest, usual)]
    found.sort(key=lambda c: (c.t0, c.action, c.side or ""))
    return tuple(
        Event(
            id=first_id + i,
            action=c.action,
            t0=round(c.t0, 3),
            peak=round(min(max(c.peak, c.t0), c.t1), 3),
            t1=round(c.t1, 3),
            strength=strength(c),
            score=0.9,
            image_side=None if c.side is None else ("right" if c.side == "left" else "left"),
        )
        for i, c in enumerate(_disjoint(found))
    )


def candidates(run: Run, rest: dict[str, float], usual: tuple[float, float]) -> list[Candidate]:
    """All candidates of one run, every region."""
    shapes = mouth.find(run, rest)
    smiling = during(run, [c for c in shapes if c.action == "smile"])
    return [
        *eyes.find(run, rest),
        *brows.find(run, rest, smiling),
        *gaze.find(run, rest, usual),
        *shapes,
        *head.find(run),
    ]


def strength(c: Candidate) -> str:
    """ "slight", "clear" or "strong" by the action's grades."""
    grade = GRADES[c.action]
    return "strong" if c.level >= grade.strong else "clear" if c.level >= grade.clear else "slight"


def _disjoint(found: list[Candidate]) -> list[Candidate]:
    """Join overlapping candidates of one action and side."""
    kept: list[Candidate] = []
    last: dict[tuple[str, str | None], int] = {}
    for c in found:
        key = (c.action, c.side)
        i = last.get(key)
        if i is not None and c.t0 <= kept[i].t1:
            a = kept[i]
            best = a if a.level >= c.level else c
            kept[i] = Candidate(a.action, a.t0, best.peak, max(a.t1, c.t1), best.level, a.side)
        else:
            last[key] = len(kept)
            kept.append(c)
    return kept



