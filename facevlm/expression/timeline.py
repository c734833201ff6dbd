"""From events to happenings: what belongs together is merged, what repeats is counted, sides are the subject's own.

    events --merge--> happenings --phases--> mentions in named stretches of time (facevlm.expression.phases)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from facevlm.expression.event import ACTIONS, STRENGTHS, Event

DO, START, STATE, KEEP, END = "do", "start", "state", "keep", "end"  # which part of a happening is said

LONG_S = 2.0  # seconds from which a length is said
_JOIN_S = 0.4  # seconds: one lasting action broken by a shorter pause is one
_REPEAT_S = 1.5  # seconds: short actions no further apart than this are counted together
_SWING_S = 1.0  # seconds: left and right no further apart than this are one swing
_MOMENTARY = frozenset({"blink", "wink", "mouth_close"})
_SWINGING = ("head_turn", "head_tilt", "gaze", "jaw_sideways")


@dataclass(frozen=True)
class Happening:
    """One or more events that are said together.

    Attributes:
        key: A key of `facevlm.expression.phrases.PHRASES`.
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


def merge(events: Sequence[Event]) -> list[Happening]:
    """Happenings in order of start; every event is in exactly one.

    Args:
        events: In any order; one person's.
    """
    happenings = [happening_of(event) for event in sorted(events, key=lambda e: (e.t0, -e.t1, e.id))]
    happenings = _repeat(happenings, _continues)
    happenings = _absorb(happenings, "head_nod", {"head_up", "head_down"}, "head_nod")
    happenings = _absorb(happenings, "head_shake", {"head_turn_sided"}, "head_shake")
    happenings = _absorb(happenings, "laugh", {"smile"}, "laugh_smile", cover=0.6)
    happenings = _absorb(happenings, "laugh", {"mouth_open"}, "open_laugh", cover=0.4)
    happenings = _absorb(happenings, "smile", {"mouth_open"}, "open_smile", cover=0.4)
    happenings = _absorb(happenings, "speaking", {"mouth_open", "mouth_close"}, "speaking_mouth")
    for base in _SWINGING:
        happenings = _swings(happenings, base, least=3)
    happenings = _bobs(happenings)
    happenings = _head_and_eyes(happenings)
    for base in _SWINGING:
        happenings = _swings(happenings, base, least=2)
    happenings = _open_and_close(happenings)
    happenings = _in_turn(happenings)
    return _repeat(happenings, _repeats)


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


def _ordered(happenings: Sequence[Happening]) -> list[Happening]:
    return sorted(happenings, key=lambda h: (h.t0, -h.t1, h.ids))


def _overlap(first: Happening, second: Happening) -> float:
    """Share of the second that lies inside the first."""
    inside = min(first.t1, second.t1) - max(first.t0, second.t0)
    return max(0.0, inside) / max(second.t1 - second.t0, 1e-6)


def _continues(first: Happening, second: Happening) -> Happening | None:
    """A lasting action that goes on after a very short pause."""
    if first.key in _MOMENTARY or second.t0 - first.t1 >= _JOIN_S or not alike(first, second):
        return None
    if min(first.t1 - first.t0, second.t1 - second.t0) < _JOIN_S and first.key not in ("speaking", "laugh"):
        return None
    return together((first, second), first.key, count=1, side=first.side)


def _repeats(first: Happening, second: Happening) -> Happening | None:
    """A short action done again soon."""
    short = max(first.t1 - first.t0, second.t1 - second.t0) < _REPEAT_S or first.count > 1
    return counted(first, second) if short and alike(first, second) and second.t0 - first.t1 < _REPEAT_S else None


def _repeat(happenings: list[Happening], join: Callable[[Happening, Happening], Happening | None]) -> list[Happening]:
    """Joins each happening with the last one of its kind, unless something else begins and ends in between."""
    result: list[Happening] = []
    for happening in _ordered(happenings):
        last = next((i for i in reversed(range(len(result))) if alike(result[i], happening)), None)
        joined = None
        if last is not None and not any(_between(h, result[last], happening) for h in result[last + 1 :]):
            joined = join(result[last], happening)
        if last is not None and joined is not None:
            result[last] = joined
        else:
            result.append(happening)
    return _ordered(result)


def _between(happening: Happening, first: Happening, second: Happening) -> bool:
    return happening.t0 >= first.t1 - 0.1 and happening.t1 <= second.t0 + 0.1


def count_repeats(happenings: Sequence[Happening], *, apart: bool = False) -> list[Happening]:
    """Counts what is done repeatedly, whatever the time between.

    Args:
        happenings: In order of start.
        apart: Count also where something else begins and ends in between.
    """
    if not apart:
        short = [h for h in happenings if h.t1 - h.t0 < _REPEAT_S or h.count > 1]
        return _ordered([*_repeat(short, counted), *(h for h in happenings if h not in short)])
    result: list[Happening] = []
    for happening in _ordered(happenings):
        last = next((i for i, h in enumerate(result) if alike(h, happening)), None)
        if last is None:
            result.append(happening)
        else:
            result[last] = counted(result[last], happening)
    return result


def _absorb(
    happenings: list[Happening], key: str, parts: set[str], into: str, *, cover: float = 0.0
) -> list[Happening]:
    """Puts parts that lie mostly inside a happening of `key`, and cover that share of it, into it."""
    result: list[Happening] = []
    taken: set[tuple[int, ...]] = set()
    for main in [h for h in happenings if h.key == key]:
        if main.ids in taken:
            continue
        taken.add(main.ids)
        inside = [h for h in happenings if h.key in parts and h.ids not in taken and _overlap(main, h) >= 0.6]
        inside = [h for h in inside if _overlap(h, main) >= cover]
        taken.update(h.ids for h in inside)
        result.append(together([main, *inside], into, count=main.count) if inside else main)
    return _ordered(result + [h for h in happenings if h.ids not in taken])


def _swings(happenings: list[Happening], base: str, *, least: int) -> list[Happening]:
    """Left, right, left, … in a row, at least so many, as one swing; a single left and right as a pair."""
    result: list[Happening] = []
    row: list[Happening] = []

    def close() -> None:
        if len(row) < least:
            result.extend(row)
        else:
            name = f"{base}_swing" if len(row) > 2 else f"{base}_pair"
            result.append(together(row, name, count=len(row), side=row[0].side))
        row.clear()

    for happening in happenings:
        if happening.key != f"{base}_sided":
            result.append(happening)
        else:
            if row and (happening.side == row[-1].side or happening.t0 - row[-1].t1 > _SWING_S):
                close()
            row.append(happening)
    close()
    return _ordered(result)


def _bobs(happenings: list[Happening]) -> list[Happening]:
    """Head up, down, up, … in a row as one movement up and down."""
    result: list[Happening] = []
    row: list[Happening] = []
    for happening in [*happenings, None]:
        if happening is not None and happening.key not in ("head_up", "head_down"):
            result.append(happening)
            continue
        if row and (happening is None or happening.key == row[-1].key or happening.t0 - row[-1].t1 > _SWING_S):
            result.extend([together(row, "head_bob", count=len(row))] if len(row) > 2 else row)
            row = []
        if happening is not None:
            row.append(happening)
    return _ordered(result)


def _head_and_eyes(happenings: list[Happening]) -> list[Happening]:
    """A turn of the head with a look to the same side."""
    result = list(happenings)
    for turn in [h for h in happenings if h.key == "head_turn_sided"]:
        for look in [h for h in result if h.key == "gaze_sided" and h.side == turn.side]:
            if _overlap(turn, look) >= 0.5 and _overlap(look, turn) >= 0.5:
                result.remove(turn)
                result.remove(look)
                result.append(together((turn, look), "head_eyes_sided", count=1, side=turn.side))
                break
    return _ordered(result)


def _open_and_close(happenings: list[Happening]) -> list[Happening]:
    """A mouth that opens and closes."""
    result = list(happenings)
    for close in [h for h in happenings if h.key == "mouth_close"]:
        for opening in [h for h in result if h.key == "mouth_open"]:
            if opening.t1 - opening.t0 < LONG_S and -0.3 <= close.t0 - opening.t1 <= 0.3:
                result.remove(close)
                result.remove(opening)
                result.append(together((opening, close), "open_close", count=1))
                break
    return _ordered(result)


def _in_turn(happenings: list[Happening]) -> list[Happening]:
    """Two short actions done in turn, A B A B …, as one."""
    result: list[Happening] = []
    i = 0
    while i < len(happenings):
        j = i + 2
        while (
            j < len(happenings)
            and alike(happenings[j], happenings[j - 2])
            and not happenings[j].parts
            and all(b.t0 - a.t1 < 0.5 and b.t0 >= a.t1 - 0.1 for a, b in pairwise(happenings[j - 2 : j + 1]))
        ):
            j += 1
        turns = (j - i) // 2
        if turns < 2 or alike(happenings[i], happenings[i + 1]):
            result.append(happenings[i])
            i += 1
            continue
        row = happenings[i : i + 2 * turns]
        first, second = (together(row[k::2], row[k].key, count=1, side=row[k].side) for k in (0, 1))
        result.append(replace(together(row, "in_turn", count=turns), parts=(first, second)))
        i += 2 * turns
    return _ordered(result)
