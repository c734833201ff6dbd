"""When a person is in the picture, and the words for coming into view and leaving it."""

from collections.abc import Sequence
from dataclasses import dataclass

_GAP_S = 1.0  # seconds: shorter absences are not told
_CUT_S = 0.2  # seconds between the end of a shot and that of a span for the cut to have ended it
_MANY = 6  # changes above which they are summed up

APPEARS, LEAVES, GONE, RETURNS, CUT_AWAY, CUT_GONE, CUT_BACK = (
    "<come> into view",
    "<leave> the picture",
    "<leave> the picture and <be> not seen again",
    "<come> back into view",
    "<be> out of the picture after a cut",
    "<be> out of the picture after a cut and <be> not seen again",
    "<be> in the picture again after a cut",
)


@dataclass(frozen=True)
class Change:
    """The person comes into view or leaves it: when, and the predicate that says it."""

    time: float
    predicate: str


def stretches(spans: Sequence[tuple[float, float]], *, start: float, end: float) -> list[tuple[float, float]]:
    """Stretches in which the person is in the picture, short absences filled.

    Args:
        spans: (start, end) seconds per shot; none means the whole time.
        start: Start of the described part in seconds.
        end: End of the described part in seconds.
    """
    result: list[tuple[float, float]] = []
    for t0, t1 in sorted(spans):
        t0, t1 = max(t0, start), min(t1, end)
        if t1 <= t0:
            continue
        if result and t0 - result[-1][1] < _GAP_S:
            result[-1] = result[-1][0], max(result[-1][1], t1)
        else:
            result.append((t0, t1))
    return result or [(start, end)]


def changes(
    seen: Sequence[tuple[float, float]], *, start: float, end: float, shots: Sequence[tuple[float, float]] = ()
) -> list[Change]:
    """Comings and goings in order of time; none where there are too many to tell (see `often`).

    Args:
        seen: As `stretches` gives them.
        start: Start of the described part in seconds.
        end: End of the described part in seconds.
        shots: (start, end) seconds of each shot.
    """
    cuts = [t0 for t0, _ in shots if start < t0 < end]

    def at_cut(time: float) -> bool:
        return any(abs(time - cut) <= _CUT_S for cut in cuts)

    result = []
    if seen[0][0] - start >= _GAP_S:
        result.append(Change(seen[0][0], APPEARS))
    for (_, left), (back, _) in zip(seen, seen[1:], strict=False):
        result.append(Change(left, CUT_AWAY if at_cut(left) else LEAVES))
        result.append(Change(back, CUT_BACK if at_cut(back) else RETURNS))
    if end - seen[-1][1] >= _GAP_S:
        result.append(Change(seen[-1][1], CUT_GONE if at_cut(seen[-1][1]) else GONE))
    return result if len(result) <= _MANY else []


def often(seen: Sequence[tuple[float, float]]) -> bool:
    """Whether the person comes and goes too often for each time to be told."""
    return 2 * len(seen) - 2 > _MANY


def share(seen: Sequence[tuple[float, float]], t0: float, t1: float) -> float:
    """Share in [0, 1] of t0 … t1 in which the person is in the picture."""
    inside = sum(max(0.0, min(b, t1) - max(a, t0)) for a, b in seen)
    return inside / max(t1 - t0, 1e-9)
