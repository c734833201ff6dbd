"""When a person is in the picture, and the words for coming into view and going out of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from facevlm.captioning.grammar import BASE, THIRD, Pronouns, say, verb

_GAP_S = 1.0  # seconds: shorter absences are not told
_CUT_S = 0.2  # seconds between the end of a shot and that of a span for the cut to have ended it
_MANY = 6  # changes above which they are summed up


@dataclass(frozen=True)
class Change:
    """The person comes into view or leaves it.

    Attributes:
        time: When, in seconds.
        seen: Whether the person is in the picture afterwards.
        first: The person was not seen before.
        last: The person is not seen again.
        cut: A cut of the film did it.
    """

    time: float
    seen: bool
    first: bool = False
    last: bool = False
    cut: bool = False

    def words(self, who: str, form: str, pronouns: Pronouns) -> str:
        """The clause that says it.

        Args:
            who: The subject: a name or pronoun.
            form: The verb form that agrees with it.
            pronouns: How the person is spoken of.
        """
        be = verb("be", BASE if pronouns.plural else THIRD)
        whom = pronouns.object if who == pronouns.subject else who
        gone = f", and {pronouns.subject} {be} not seen again"
        if self.seen:
            if self.cut:
                return f"the picture cuts {'' if self.first else 'back '}to {whom}"
            return f"{who} {say('<come> into view' if self.first else '<come> back into view', form, pronouns)}"
        if self.cut:
            return f"the picture cuts away from {whom}" + (gone if self.last else "")
        return f"{who} {say('<go> out of view', form, pronouns)}" + (gone if self.last else "")


def stretches(
    spans: Sequence[tuple[float, float]], *, start: float, end: float, gaps: Sequence[tuple[float, float]] = ()
) -> list[tuple[float, float]]:
    """Stretches in which the person is in the picture, short absences filled.

    Args:
        spans: (start, end) seconds per shot; none means the whole time.
        start: Start of the described part in seconds.
        end: End of the described part in seconds.
        gaps: (start, end) seconds of each stretch of which the video has no picture: nobody is absent there.
    """
    result: list[tuple[float, float]] = []
    for t0, t1 in sorted(spans):
        t0, t1 = max(t0, start), min(t1, end)
        if t1 <= t0:
            continue
        if result and _absent(result[-1][1], t0, gaps) < _GAP_S:
            result[-1] = result[-1][0], max(result[-1][1], t1)
        else:
            result.append((t0, t1))
    return result or [(start, end)]


def _absent(left: float, back: float, gaps: Sequence[tuple[float, float]]) -> float:
    """Seconds between two sights of which there are pictures."""
    return back - left - sum(max(0.0, min(back, t1) - max(left, t0)) for t0, t1 in gaps)


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

    def change(time: float, *, seen: bool, first: bool = False, last: bool = False) -> Change:
        return Change(time, seen, first, last, cut=any(abs(time - cut) <= _CUT_S for cut in cuts))

    result = []
    if seen[0][0] - start >= _GAP_S:
        result.append(change(seen[0][0], seen=True, first=True))
    for (_, left), (back, _) in pairwise(seen):
        result += [change(left, seen=False), change(back, seen=True)]
    if end - seen[-1][1] >= _GAP_S:
        result.append(change(seen[-1][1], seen=False, last=True))
    return [] if often(seen) else result


def often(seen: Sequence[tuple[float, float]]) -> bool:
    """Whether the person comes and goes too often for each time to be told."""
    return 2 * len(seen) - 2 > _MANY


def share(seen: Sequence[tuple[float, float]], t0: float, t1: float) -> float:
    """Share in [0, 1] of t0 … t1 in which the person is in the picture."""
    inside = sum(max(0.0, min(b, t1) - max(a, t0)) for a, b in seen)
    return inside / max(t1 - t0, 1e-9)
