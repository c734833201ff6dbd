"""What belongs together is merged: pieces of one action, swings from side to side, a smile with an open mouth."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from facevlm.captioning.timeline import (
    LONG_S,
    REPEAT_S,
    SWINGING,
    Happening,
    alike,
    between,
    counted,
    happening_of,
    ordered,
    repeat,
    together,
)
from facevlm.expression.event import ACTIONS, Event

_JOIN_S = 0.4  # seconds: one lasting action broken by a shorter pause is one
_SWING_S = 1.0  # seconds: left and right no further apart than this are one swing
_MOMENTARY = frozenset({"blink", "wink", "mouth_close"})
_LEADING = ("smile", "laugh", "speaking", "pout")  # whose onset parts a swing in what comes before and after
_LEADING_S = 0.8  # seconds that such an action lasts at least


def merge(events: Sequence[Event]) -> list[Happening]:
    """Happenings in order of start; every event is in exactly one.

    Args:
        events: In any order; one person's.
    """
    happenings = [happening_of(event) for event in sorted(events, key=lambda e: (e.t0, -e.t1, e.id))]
    opens = [h for h in happenings if h.key == "mouth_open"]  # joined after smiles took theirs
    others = [h for h in happenings if h.key != "mouth_open"]
    happenings = ordered(repeat(others, _continues, interrupted=_broken) + opens)
    happenings = _absorb(happenings, "head_nod", {"head_up", "head_down"}, "head_nod")
    happenings = _absorb(happenings, "head_shake", {"head_turn_sided"}, "head_shake")
    happenings = _absorb(happenings, "laugh", {"smile"}, "laugh_smile", cover=0.6, early=0.5)
    happenings = _absorb(happenings, "laugh", {"mouth_open"}, "open_laugh", cover=0.4, early=1.0)
    happenings = _absorb(happenings, "smile", {"mouth_open"}, "open_smile", cover=0.4, early=1.0)
    happenings = _absorb(happenings, "speaking", {"mouth_open", "mouth_close"}, "speaking_mouth")
    happenings = repeat(happenings, _continues, interrupted=_broken)
    for base in SWINGING:
        happenings = _swings(happenings, base, least=3)
    happenings = _bobs(happenings)
    happenings = _head_and_eyes(happenings)
    for base in SWINGING:
        happenings = _swings(happenings, base, least=2)
    happenings = _open_and_close(happenings)
    happenings = _in_turn(happenings)
    return repeat(happenings, _repeats)


def _overlap(first: Happening, second: Happening) -> float:
    """Share of the second that lies inside the first."""
    inside = min(first.t1, second.t1) - max(first.t0, second.t0)
    return max(0.0, inside) / max(second.t1 - second.t0, 1e-6)


def _continues(first: Happening, second: Happening) -> Happening | None:
    """A lasting action that goes on after a very short pause."""
    if first.key in _MOMENTARY or second.t0 - first.t1 >= _JOIN_S or not alike(first, second):
        return None
    brief = min(first.t1 - first.t0, second.t1 - second.t0) < _JOIN_S
    if brief and first.key not in ("speaking", "laugh", "smile", "pout"):
        return None
    return together((first, second), first.key, count=1, side=first.side)


def _repeats(first: Happening, second: Happening) -> Happening | None:
    """A short action done again soon."""
    short = max(first.t1 - first.t0, second.t1 - second.t0) < REPEAT_S or first.count > 1
    return counted(first, second) if short and alike(first, second) and second.t0 - first.t1 < REPEAT_S else None


def _broken(happening: Happening, first: Happening, second: Happening) -> bool:
    """Whether a happening of the same part of the face comes between two pieces of one action."""
    return _region(happening) == _region(first) and between(happening, first, second)


def _region(happening: Happening) -> str:
    return ACTIONS[happening.events[0].action].region


def _absorb(
    happenings: list[Happening], key: str, parts: set[str], into: str, *, cover: float = 0.0, early: float = 60.0
) -> list[Happening]:
    """Puts parts that lie mostly inside a happening of `key`, and cover that share of it, into it.

    The whole keeps the times and the strength of what leads it: the smile of a laugh, else the happening of `key`.
    `early` is the time in seconds by which a part may begin before it.
    """
    result: list[Happening] = []
    taken: set[tuple[int, ...]] = set()
    for main in [h for h in happenings if h.key == key]:
        if main.ids in taken:
            continue
        taken.add(main.ids)
        inside = [h for h in happenings if h.key in parts and h.ids not in taken and _overlap(main, h) >= 0.6]
        inside = [h for h in inside if _overlap(h, main) >= cover and main.t0 - h.t0 <= early]
        taken.update(h.ids for h in inside)
        lead = inside[0] if inside and into == "laugh_smile" else main
        whole = together([main, *inside], into, count=main.count) if inside else main
        result.append(replace(whole, t0=lead.t0, t1=lead.t1, strength=lead.strength))
    return ordered(result + [h for h in happenings if h.ids not in taken])


def _swings(happenings: list[Happening], base: str, *, least: int) -> list[Happening]:
    """Left, right, left, … in a row, at least so many, as one swing; a single left and right as a pair.

    The side of a swing is that of its first part, None where a side comes twice in a row.
    """
    result: list[Happening] = []
    row: list[Happening] = []
    onsets = [h.t0 for h in happenings if any(w in h.key for w in _LEADING) and h.t1 - h.t0 >= _LEADING_S]

    def close() -> None:
        if len(row) < least or len({h.side for h in row}) == 1:
            result.extend(row)
        else:
            name = f"{base}_swing" if len(row) > 2 else f"{base}_pair"
            in_turn = all(a.side != b.side for a, b in pairwise(row))
            result.append(together(row, name, count=len(row), side=row[0].side if in_turn else None))
        row.clear()

    for happening in happenings:
        if happening.key != f"{base}_sided":
            result.append(happening)
        else:
            parted = row and any(row[-1].t0 + 0.1 < onset <= happening.t0 for onset in onsets)
            if row and (parted or happening.t0 - row[-1].t1 > _SWING_S):
                close()
            row.append(happening)
    close()
    return ordered(result)


def _bobs(happenings: list[Happening]) -> list[Happening]:
    """Head up, down, up, … in a row as one movement up and down; a single up and down as a pair."""
    result: list[Happening] = []
    row: list[Happening] = []
    onsets = [h.t0 for h in happenings if h.key not in ("head_up", "head_down", "blink")]
    for happening in [*happenings, None]:
        if happening is not None and happening.key not in ("head_up", "head_down"):
            result.append(happening)
            continue
        if row and (happening is None or happening.key == row[-1].key or happening.t0 - row[-1].t1 > _SWING_S):
            parted = any(row[0].t0 + 0.1 < onset < row[-1].t0 - 0.1 for onset in onsets)
            if len(row) == 1 or (len(row) == 2 and parted):
                result += row
            else:
                key = "head_bob" if len(row) > 2 else "head_up_down" if row[0].key == "head_up" else "head_down_up"
                result.append(together(row, key, count=len(row) if len(row) > 2 else 1))
            row = []
        if happening is not None:
            row.append(happening)
    return ordered(result)


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
    return ordered(result)


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
    return ordered(result)


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
    return ordered(result)
