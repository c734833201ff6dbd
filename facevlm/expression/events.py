"""From signals to events: find candidates region by region, grade their strength, score them, merge and number them."""

from facevlm.expression import brows, eyes, gaze, head, mouth
from facevlm.expression.calibration import features, score
from facevlm.expression.candidate import Candidate, during
from facevlm.expression.event import Event, SignalTable
from facevlm.expression.grades import GRADES
from facevlm.expression.rest import rest_levels
from facevlm.expression.runs import Run, runs


def find_events(table: SignalTable, *, first_id: int = 1) -> tuple[Event, ...]:
    """All events of one person.

    Args:
        table: Signals at the times of the frames.
        first_id: Id of the first event.

    Returns:
        Events in order of start; those of one action and side never overlap.
    """
    graded = find_graded(table, first_id=first_id)
    return tuple(event for event, _ in graded)


def find_graded(table: SignalTable, *, first_id: int = 1) -> list[tuple[Event, Candidate]]:
    """As `find_events`, each event with the candidate it was made of."""
    if len(table.times) == 0:
        return []
    rest = rest_levels(table)
    usual = gaze.usual_gaze(table.values, rest)
    found = [c for run in runs(table) for c in candidates(run, rest, usual)]
    found.sort(key=lambda c: (c.t0, c.action, c.side or ""))
    return [(_event(first_id + i, c, table), c) for i, c in enumerate(_disjoint(found))]


def _event(number: int, c: Candidate, table: SignalTable) -> Event:
    return Event(
        id=number,
        action=c.action,
        t0=c.t0,
        peak=min(max(c.peak, c.t0), c.t1),
        t1=c.t1,
        strength=strength(c),
        score=round(score(features(c, table), c.action), 3),
        image_side=None if c.side is None else ("right" if c.side == "left" else "left"),
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
