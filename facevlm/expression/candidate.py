"""A possible event before it is graded: what was seen, when, and how far beyond its threshold."""

from dataclasses import dataclass

import numpy as np

from facevlm.expression.runs import Run, Segment


@dataclass(frozen=True)
class Candidate:
    """One possible event.

    Attributes:
        action: A key of `facevlm.expression.event.ACTIONS`.
        t0: Start in seconds.
        peak: Time of the highest level in seconds.
        t1: End in seconds.
        level: Highest level in the unit of the action's rule (docs/actions.md).
        side: The subject's own side, "left" or "right", None where none applies.
    """

    action: str
    t0: float
    peak: float
    t1: float
    level: float
    side: str | None = None


def during(run: Run, found: list[Candidate], margin_s: float = 0.0) -> np.ndarray:
    """bool (N,): samples inside any of the candidates, widened by a margin in seconds."""
    mask = np.zeros(len(run.times), bool)
    for f in found:
        start, stop = np.searchsorted(run.times, [f.t0 - margin_s, f.t1 + margin_s + 1e-9])
        mask[start:stop] = True
    return mask


def candidate(run: Run, segment: Segment, action: str, level: np.ndarray, side: str | None = None) -> Candidate:
    """The candidate of a segment; its level is the 90th percentile inside, which one noisy frame cannot raise."""
    inside = level[segment.start : segment.stop]
    return Candidate(
        action,
        float(run.times[segment.start]),
        float(run.times[segment.peak]),
        float(run.times[segment.stop - 1]),
        float(np.nanpercentile(inside, 90)),
        side,
    )
