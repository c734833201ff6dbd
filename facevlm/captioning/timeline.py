"""Happenings, what is said of a person: events counted and put together, sides the subject's own, and their mentions.

events --merging--> happenings --phases--> mentions in named stretches of time
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from facevlm.expression.event import ACTIONS, STRENGTHS, Event

DO, START, STATE, KEEP, END = "do", "start", "state", "keep", "end"  # which part of a happening is said

LONG_S = 2.0  # seconds from which a length is said
REPEAT_S = 1.5  # seconds: short actions no further apart than this are counted together
SWINGING = ("head_turn", "head_tilt", "gaze", "jaw_sideways")
_GENERAL = {
    "speaking_mouth": "speaking",
    "open_smile": "smile",
    "open_laugh": "laugh",
    "laugh_smile": "laugh",
    "head_up_down": "head_bob_",
    "head_down_up": "head_bob_",
    "head_bob": "head_bob_",
}


@dataclass(frozen=True)
class Happening:
    """One or more events that are said together.

    Attributes:
        key: A key of `facevlm.captioning.phrases.PHRASES`.
        events: In order of start, at least one.
        t0: Start in seconds from the first displayed frame.
        t1: End in seconds.
        strength: The strongest of its events: "slight", "clear" or "strong".
        count: How often it is done.
        side: The subject's own side, "left" or "right"; the first one of a swing; None where no side applies.
        parts: Two happenings done in turn, `count` times; empty for all others.
    """

    key: str
    events: tuple[Event, ...]
    t0: float
    t1: float
    strength: str
    count: int = 1
    side: str | None = None
    parts: tuple["Happening", ...] = ()

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of its events."""
        return tuple(event.id for event in self.events)


@dataclass(frozen=True)
class Mention:
    """One happening, or its start, state or end, as it is said in one place.

    Attributes:
        happening: What happens.
        aspect: "do", "start", "state", "keep" or "end".
        to_end: Say that it lasts until the end.
        again: Say that it was done before.
        only: It is done once and nothing else is said of it.
    """

    happening: Happening
    aspect: str = DO
    to_end: bool = False
    again: bool = False
    only: bool = False

    @property
    def t0(self) -> float:
        """When what is said begins, in seconds."""
        return self.happening.t1 if self.aspect == END else self.happening.t0

    @property
    def t1(self) -> float:
        """When what is said ends, in seconds."""
        return self.happening.t1


def subject_side(event: Event) -> str | None:
    """The subject's own side of an event, "left" or "right", or None.

    Named by the action where it names one, else the opposite of `image_side`, as for a face that looks at the camera.
    """
    if event.action.endswith(("_left", "_right")):
        return event.action.rsplit("_", 1)[1]
    return {"left": "right", "right": "left", None: None}[event.image_side]


def happening_of(event: Event) -> Happening:
    """One event as a happening."""
    side = subject_side(event)
    key = event.action.removesuffix("_left").removesuffix("_right")
    if side and ACTIONS[event.action].sided:
        key += "_sided"
    else:
        side = None
    return Happening(key, (event,), event.t0, event.t1, event.strength, side=side)


def together(
    happenings: Sequence[Happening], key: str, *, count: int | None = None, side: str | None = None
) -> Happening:
    """Happenings as one, under another key.

    Args:
        happenings: At least one.
        key: Key of the result.
        count: Default: the sum.
        side: Side of the result.
    """
    events = tuple(sorted((e for h in happenings for e in h.events), key=lambda e: (e.t0, e.id)))
    return Happening(
        key,
        events,
        min(h.t0 for h in happenings),
        max(h.t1 for h in happenings),
        max((h.strength for h in happenings), key=STRENGTHS.index),
        sum(h.count for h in happenings) if count is None else count,
        side,
    )


def counted(first: Happening, second: Happening) -> Happening:
    """Two happenings of one key as one that is done more often."""
    if first.parts:
        events = tuple(sorted(first.events + second.events, key=lambda e: (e.t0, e.id)))
        count = first.count + second.count
        return replace(first, events=events, t1=max(first.t1, second.t1), count=count)
    return together((first, second), first.key, side=first.side)


def alike(first: Happening, second: Happening) -> bool:
    """Whether two happenings can be counted together."""
    same_parts = tuple((p.key, p.side) for p in first.parts) == tuple((p.key, p.side) for p in second.parts)
    return first.key == second.key and first.side == second.side and same_parts


def ordered(happenings: Sequence[Happening]) -> list[Happening]:
    return sorted(happenings, key=lambda h: (h.t0, -h.t1, h.ids))


def between(happening: Happening, first: Happening, second: Happening) -> bool:
    """Whether a happening begins and ends between two others."""
    return happening.t0 >= first.t1 - 0.1 and happening.t1 <= second.t0 + 0.1


def _begins(happening: Happening, first: Happening, second: Happening) -> bool:
    """Whether a happening begins between two others."""
    return first.t0 + 0.1 < happening.t0 < second.t0 - 0.1


def repeat(
    happenings: list[Happening],
    join: Callable[[Happening, Happening], Happening | None],
    *,
    interrupted: Callable[[Happening, Happening, Happening], bool] = between,
) -> list[Happening]:
    """Joins each happening with the last one of its kind, unless another one that lies between interrupts them."""
    result: list[Happening] = []
    for happening in ordered(happenings):
        last = next((i for i in reversed(range(len(result))) if alike(result[i], happening)), None)
        joined = None
        if last is not None and not any(interrupted(h, result[last], happening) for h in result[last + 1 :]):
            joined = join(result[last], happening)
        if last is not None and joined is not None:
            result[last] = joined
        else:
            result.append(happening)
    return ordered(result)


def count_repeats(
    happenings: Sequence[Happening], *, apart: bool = False, others: Sequence[Happening] = ()
) -> list[Happening]:
    """Counts what is done repeatedly, whatever the time between.

    Args:
        happenings: In order of start.
        apart: Count also where something else begins in between.
        others: Happenings that are told beside these, for what lies in between.
    """
    if not apart:
        long = [h for h in happenings if h.t1 - h.t0 >= REPEAT_S and h.count == 1]
        short = [h for h in happenings if h not in long]

        def interrupted(_: Happening, first: Happening, second: Happening) -> bool:
            return any(_begins(h, first, second) for h in (*happenings, *others) if not alike(h, first))

        return ordered([*repeat(short, counted, interrupted=interrupted), *long])
    result: list[Happening] = []
    for happening in ordered(happenings):
        last = next((i for i, h in enumerate(result) if alike(h, happening)), None)
        if last is None:
            result.append(happening)
        else:
            result[last] = counted(result[last], happening)
    return result


def in_general(happenings: Sequence[Happening]) -> list[Happening]:
    """Happenings as they are counted: without side where both sides come, without what is done beside them."""
    result: list[Happening] = []
    for happening in happenings:
        if happening.parts:
            result += [replace(part, count=len(part.events)) for part in happening.parts]
        else:
            result.append(replace(happening, key=_GENERAL.get(happening.key, happening.key)))
    for base in (*SWINGING, "head_bob"):
        own = ("head_up", "head_down") if base == "head_bob" else (f"{base}_sided",)
        some = [h for h in result if h.key in own or h.key.startswith(f"{base}_")]
        if len({(h.key, h.side) for h in some}) > 1 or any(h.key not in own for h in some):
            result = [h for h in result if h not in some]
            result += [replace(h, key=f"{base}_any", side=None, count=len(h.events)) for h in some]
    return ordered(result)
