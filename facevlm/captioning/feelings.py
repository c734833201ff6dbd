"""Feelings that combinations of actions may show, for `--infer`: bracketed guesses, never part of the plain words.

The rules are prototypes of EMFACS (Ekman & Friesen 1983; FACS Investigator's Guide 2002, table 10-2), reduced to the
actions that are measured here: happiness 6+12, surprise 1+2+5+26, fear 1+2+4+5, anger 4+5/7+24, disgust 9 (+ 4 or 15),
sadness 4+15; and distress 4+43, after studies of pain (Prkachin & Solomon 2008). A face shows actions, not feelings: a
prototype is weak evidence, posed and felt are not told apart.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from facevlm.expression.event import Event

_SURE_FROM = 0.6  # confidence from which "possibly" is left out
_SHARED_S = 0.1  # seconds that all actions of a prototype must share


@dataclass(frozen=True)
class Prototype:
    """A combination of actions that may show a feeling.

    Attributes:
        feeling: Its name.
        needs: For each part the actions any of which will do; the first part carries the bracket in the caption.
        weight: Confidence in [0, 1] where every event is certain and clear.
        least: Smallest strength of the first part: "slight", "clear" or "strong".
        unless: Actions at the same time that speak against it.
    """

    feeling: str
    needs: tuple[tuple[str, ...], ...]
    weight: float
    least: str = "clear"
    unless: tuple[str, ...] = ()


_JOY = ("smile", "laugh")
_AGAINST_JOY = ("brow_furrow", "mouth_corner_down", "nose_wrinkle")
_AGAINST_ANGER = (*_JOY, "eyes_closed", "brow_raise")
PROTOTYPES = (  # of those that share their first event, the first that fits is taken
    Prototype("afraid", (("brow_raise",), ("brow_furrow",), ("eyes_widen",)), 0.6),
    Prototype("surprised", (("brow_raise",), ("eyes_widen",), ("mouth_open",)), 0.8),
    Prototype("surprised", (("brow_raise",), ("eyes_widen",)), 0.55),
    Prototype("surprised", (("brow_raise",), ("mouth_open",)), 0.4, "strong"),
    Prototype("happy", (("laugh",),), 0.75, unless=_AGAINST_JOY),
    Prototype("happy", (("smile",), ("eyes_squint",)), 0.75, unless=_AGAINST_JOY),
    Prototype("happy", (("smile",),), 0.5, "strong", unless=_AGAINST_JOY),
    Prototype("disgusted", (("nose_wrinkle",), ("brow_furrow", "mouth_corner_down")), 0.65, unless=_JOY),
    Prototype("disgusted", (("nose_wrinkle",),), 0.45, unless=_JOY),
    Prototype("sad", (("mouth_corner_down",), ("brow_furrow",)), 0.65, "slight", unless=_JOY),
    Prototype("sad", (("mouth_corner_down",), ("gaze_down", "head_down", "brow_raise")), 0.45, unless=_JOY),
    Prototype("distressed", (("brow_furrow",), ("eyes_closed",)), 0.55, "strong", unless=_JOY),
    Prototype("angry", (("brow_furrow",), ("lip_press",), ("eyes_squint", "eyes_widen")), 0.7, unless=_AGAINST_ANGER),
    Prototype("angry", (("brow_furrow",), ("lip_press",)), 0.5, unless=_AGAINST_ANGER),
)
_STRENGTHS = {"slight": 0.7, "clear": 0.9, "strong": 1.0}
_LEAST = {"slight": ("slight", "clear", "strong"), "clear": ("clear", "strong"), "strong": ("strong",)}


@dataclass(frozen=True)
class Feeling:
    """An inferred feeling and its evidence.

    Attributes:
        name: Such as "happy".
        confidence: In [0, 1]: the prototype's weight times the scores and strengths of its events.
        events: Ids of the evidence; the first is the one whose sentence carries the bracket.
        t0: Start in seconds of the time that all evidence shares.
        t1: End of that time in seconds.
    """

    name: str
    confidence: float
    events: tuple[int, ...]
    t0: float
    t1: float

    @property
    def anchor(self) -> int:
        """Id of the event whose sentence carries the bracket."""
        return self.events[0]

    @property
    def words(self) -> str:
        """The guess as it stands in a caption: "[happy]" or "possibly [happy]"."""
        return f"[{self.name}]" if self.confidence >= _SURE_FROM else f"possibly [{self.name}]"


def feelings(events: Sequence[Event]) -> tuple[Feeling, ...]:
    """Feelings that the events may show, in order of time; none where nothing fits.

    One-sided actions are no evidence (a lopsided smile is not the prototype's).

    Args:
        events: One person's, in any order.
    """
    both = [e for e in events if e.image_side is None or e.action.endswith(("_left", "_right"))]
    both.sort(key=_order)
    found: dict[int, Feeling] = {}
    for prototype in PROTOTYPES:
        for lead in both:
            if lead.action not in prototype.needs[0] or lead.strength not in _LEAST[prototype.least]:
                continue
            best = max(_fits(lead, prototype, both), key=lambda feeling: feeling.confidence, default=None)
            if best is not None and lead.id not in found:
                found[lead.id] = best
    return tuple(sorted(found.values(), key=lambda feeling: (feeling.t0, feeling.events)))


def _fits(lead: Event, prototype: Prototype, events: Sequence[Event]) -> Iterator[Feeling]:
    near = [e for e in events if e is not lead and min(e.t1, lead.t1) - max(e.t0, lead.t0) >= _SHARED_S]
    for rest in product(*([e for e in near if e.action in part] for part in prototype.needs[1:])):
        evidence = (lead, *rest)
        t0, t1 = max(e.t0 for e in evidence), min(e.t1 for e in evidence)
        if t1 - t0 < _SHARED_S or any(e.action in prototype.unless and e.t0 < t1 and e.t1 > t0 for e in near):
            continue
        certainty = sum(e.score * _STRENGTHS[e.strength] for e in evidence) / len(evidence)
        yield Feeling(prototype.feeling, prototype.weight * certainty, tuple(e.id for e in evidence), t0, t1)


def _order(event: Event) -> tuple[float, float, int]:
    return event.t0, event.t1, event.id
