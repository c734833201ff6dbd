"""The phases of a video: its beginning, progress, middle and end, or minute by minute, and what is said in each.

Short clips get fewer phases, long ones windows with their times; boundaries move a little so as to fall between
happenings. A lasting action that crosses a boundary is said to start, to go on, and to end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from facevlm.captioning.grammar import clock
from facevlm.captioning.predicates import lasting
from facevlm.captioning.timeline import DO, END, START, STATE, Happening, Mention, count_repeats, in_general
from facevlm.expression.event import ACTIONS

WINDOWS_FROM_S = 60.0  # seconds: longer videos are told window by window
_EDGE_S = 0.15  # seconds: what starts or ends this near to an edge was there before or goes on after
_JUST_S = 0.3  # seconds before its end in which an action is no longer said to go on
_BUSY = 6  # mentions in a phase above which blinks are told in one sentence
_CROWDED = 9  # mentions in a phase above which slight actions are left out
_CHRONICLE = 16  # mentions in a phase above which they are counted instead of told in order
_NEVER_ENDED = ("_swing", "_bob", "_nod", "_shake")  # whose end goes without saying

_BEGINNING = "at the beginning of the video"
_PROGRESS = "as the video progresses"
_MIDDLE = "in the middle of the video"
_END = "towards the end of the video"
_CUTS: dict[int, tuple[float, ...]] = {1: (), 2: (0.5,), 3: (0.35, 0.7), 4: (0.25, 0.45, 0.72)}
_OPENERS: dict[int, tuple[str, ...]] = {
    1: ("",),
    2: (_BEGINNING, _END),
    3: (_BEGINNING, _PROGRESS, _END),
    4: (_BEGINNING, _PROGRESS, _MIDDLE, _END),
}


@dataclass(frozen=True)
class Phase:
    """A stretch of the video and what is said of it.

    Attributes:
        opener: "at the beginning of the video", or "" for a clip too short for phases.
        t0: Start in seconds.
        t1: End in seconds.
        mentions: In order of time.
        going_on: Happenings that began in an earlier phase and go on.
        counts: The mentions are counted, their order is not told.
        aside: What is done in between, counted.
    """

    opener: str
    t0: float
    t1: float
    mentions: tuple[Mention, ...] = ()
    going_on: tuple[Happening, ...] = ()
    counts: bool = False
    aside: tuple[Mention, ...] = ()


def cut(happenings: Sequence[Happening], *, start: float, end: float, coming: int = 0) -> list[Phase]:
    """Empty phases that cover start … end.

    Args:
        happenings: What will be told, in order of start.
        start: Start of the described part in seconds.
        end: End of the described part in seconds.
        coming: How often the person comes and goes.
    """
    duration = end - start
    if duration > WINDOWS_FROM_S:
        size = 30.0 if duration <= 180 else 60.0 if duration <= 1200 else 300.0
        edges = [start]
        while (edge := (edges[-1] // size + 1) * size) <= end - 0.25 * size:
            edges.append(edge)
        edges.append(end)
        return [Phase(f"between {clock(a)} and {clock(b)}", a, b) for a, b in pairwise(edges)]
    if len(happenings) == 1 and not coming and 1.5 <= duration < 5:
        return [Phase(opener_at((happenings[0].t0 + happenings[0].t1) / 2, start=start, end=end), start, end)]
    count = 1 if duration < 1.5 or not (happenings or coming) else 2 if duration < 3 else 3 if duration < 5 else 4
    if len(happenings) >= 6 and duration >= 2.5:
        count = 4
    edges = [start, *(_calm(start + part * duration, duration, happenings) for part in _CUTS[count]), end]
    return [Phase(opener, a, b) for opener, a, b in zip(_OPENERS[count], edges[:-1], edges[1:], strict=True)]


def opener_at(time: float, *, start: float, end: float) -> str:
    """The opener for one moment of a video of start … end seconds; "" where it is too short for any."""
    if end - start < 1.5:
        return ""
    if end - start > WINDOWS_FROM_S:
        return f"at {clock(time)}"
    where = (time - start) / (end - start)
    return _BEGINNING if where < 0.33 else _MIDDLE if where < 0.67 else _END


def fill(
    phases: Sequence[Phase], happenings: Sequence[Happening], *, stretches: Sequence[tuple[float, float]]
) -> tuple[list[Phase], list[Happening]]:
    """Puts happenings into phases.

    Args:
        phases: As `cut` makes them.
        happenings: In order of start.
        stretches: (start, end) seconds in which the person is in the picture.

    Returns:
        The phases, and the happenings that fill the whole time.
    """
    mentions: list[list[Mention]] = [[] for _ in phases]
    going_on: list[list[Happening]] = [[] for _ in phases]
    throughout: list[Happening] = []
    start, end = phases[0].t0, phases[-1].t1
    for happening in happenings:
        seen_from, seen_to = _stretch(happening, stretches, (start, end))
        was_there = lasting(happening) and happening.t0 <= seen_from + _EDGE_S
        goes_on = lasting(happening) and happening.t1 >= seen_to - _EDGE_S
        length = happening.t1 - happening.t0
        if was_there and goes_on and length >= 0.9 * (end - start):
            throughout.append(happening)
            continue
        first = _index(phases, happening.t0)
        last = max(first, _index(phases, happening.t1 - 0.25))
        long = lasting(happening) and length >= max(0.8, 0.12 * min(end - start, WINDOWS_FROM_S))
        if not (long or was_there):
            last = first
        for k in range(first + 1, last + 1):
            there = min(happening.t1, phases[k].t1) - phases[k].t0
            alone = not any(phases[k].t0 <= h.t0 < happening.t1 - _JUST_S for h in happenings)
            if there >= 0.5 * (phases[k].t1 - phases[k].t0) and (k < last or goes_on or not alone):
                going_on[k].append(happening)
        ends = not goes_on and (last > first or was_there) and not happening.key.endswith(_NEVER_ENDED)
        ends = ends and not _followed(happening, [h for h in happenings if h is not happening])
        aspect = STATE if was_there else START if last > first else DO
        to_end = goes_on and seen_to >= end - _EDGE_S and aspect == DO and long and first == len(phases) - 1
        mentions[first].append(Mention(happening, aspect, to_end=to_end))
        if ends:
            mentions[last].append(Mention(happening, END))
    return [
        _finished(phase, mentions[i], _recent(phases, mentions, i), going_on[i]) for i, phase in enumerate(phases)
    ], throughout


def _finished(phase: Phase, said: list[Mention], before: list[Mention], held: list[Happening]) -> Phase:
    """The phase with its mentions in order, repeats counted, and "again" where it is due."""
    done = [m.happening for m in said if m.aspect == DO and not m.to_end]
    others = [m for m in said if m.aspect != DO or m.to_end]
    aside: list[Happening] = []
    held_too = [m.happening for m in others]
    counted = count_repeats(done, others=held_too)
    if len(counted) + len(others) > _BUSY:
        blinks = [h for h in done if h.key == "blink"]
        if len(blinks) > 2:
            aside = count_repeats(blinks, apart=True)
            done = [h for h in done if h.key != "blink"]
            counted = count_repeats(done, others=held_too)
    if len(counted) + len(others) > _CROWDED:
        done = [h for h in done if any(e.strength != "slight" for e in h.events)]
        counted = count_repeats(done, others=held_too)
    counts = len(counted) + len(others) > _CHRONICLE
    if counts:  # starts are counted with the rest; their ends go without saying
        done = [*done, *aside, *(m.happening for m in others if m.aspect == START)]
        counted, aside = count_repeats(in_general(done), apart=True), []
        others = [m for m in others if m.aspect not in (START, END)]
    mentions = [*others, *(Mention(h) for h in counted)]
    mentions.sort(key=lambda m: (_place(m) if counts else (), m.t0, m.aspect == END, m.happening.ids))
    known = {(m.happening.key, m.happening.side) for m in before}
    result = []
    for mention in mentions:
        name = (mention.happening.key, mention.happening.side)
        if mention.aspect == DO:
            single = mention.happening.count == 1
            mention = replace(mention, again=single and name in known and not counts, only=single and name not in known)
        known.add(name)
        known.update((part.key, part.side) for part in mention.happening.parts)
        result.append(mention)
    asides = tuple(Mention(h) for h in aside)
    return replace(phase, mentions=tuple(result), going_on=tuple(held), counts=counts, aside=asides)


def _place(mention: Mention) -> tuple[int, int]:
    """Place in a count: states first, then mouth, brows, eyes, gaze, head, the most frequent first in each."""
    if mention.aspect != DO:
        return 0, 0
    region = ACTIONS[mention.happening.events[0].action].region
    regions = ("mouth", "cheeks", "nose", "brows", "eyes", "gaze", "head")
    speaks = mention.happening.key == "speaking"
    return 1 + regions.index(region), -1000 if speaks else -mention.happening.count


def _recent(phases: Sequence[Phase], mentions: Sequence[Sequence[Mention]], i: int) -> list[Mention]:
    """What was said in the minute before phase i."""
    return [m for k in range(i) if phases[i].t0 - phases[k].t1 < WINDOWS_FROM_S / 2 for m in mentions[k]]


def _calm(time: float, duration: float, happenings: Sequence[Happening]) -> float:
    """The time within 8 % of the duration that is furthest from the start of any happening."""
    candidates = [time + duration * 0.01 * k for k in sorted(range(-8, 9), key=abs)]
    return max(candidates, key=lambda t: min((abs(h.t0 - t) for h in happenings), default=0.0) - 0.1 * abs(t - time))


def _index(phases: Sequence[Phase], time: float) -> int:
    return next((i for i, phase in enumerate(phases) if time < phase.t1), len(phases) - 1)


def _stretch(
    happening: Happening, stretches: Sequence[tuple[float, float]], whole: tuple[float, float]
) -> tuple[float, float]:
    """The stretch in the picture that the happening shares most time with."""
    best = max(stretches, key=lambda s: min(s[1], happening.t1) - max(s[0], happening.t0), default=whole)
    return max(best[0], whole[0]), min(best[1], whole[1])


def _followed(happening: Happening, others: Sequence[Happening]) -> bool:
    """Whether its end is not seen: an action of the same kind takes over, the eyes are closed, or speech begins."""
    kind = happening.key.split("_")[-1 if happening.key.startswith("open_") else 0]
    kinds = (kind, *{"gaze": ("eyes_closed",), "eyes": ("eyes_closed",), "mouth": ("speaking",)}.get(kind, ()))
    if kind == "gaze" and any(h.key == "eyes_closed" and h.t0 < happening.t1 + 0.3 <= h.t1 for h in others):
        return True
    next_ones = [other for other in others if abs(other.t0 - happening.t1) < 0.3]
    return any(kind in other.key for other in next_ones for kind in kinds)
