"""Short texts for events, people and times, the same in every file."""

import math
from collections.abc import Iterable

from facevlm.description import Person
from facevlm.expression.event import ACTIONS, Event

#: Third person singular, as read in a subtitle. Left and right are the person's own.
VERBS = {
    "blink": "blinks",
    "wink": "winks",
    "eyes_closed": "keeps the eyes closed",
    "eyes_widen": "widens the eyes",
    "eyes_squint": "squints",
    "brow_raise": "raises the brows",
    "brow_furrow": "furrows the brows",
    "mouth_open": "opens the mouth",
    "mouth_close": "closes the mouth",
    "speaking": "speaks",
    "smile": "smiles",
    "laugh": "laughs",
    "lip_press": "presses the lips",
    "pout": "pouts",
    "mouth_corner_down": "pulls the mouth corners down",
    "tongue_out": "shows the tongue",
    "cheek_puff": "puffs the cheeks",
    "nose_wrinkle": "wrinkles the nose",
    "jaw_sideways": "moves the jaw sideways",
    "head_turn_left": "turns the head left",
    "head_turn_right": "turns the head right",
    "head_tilt_left": "tilts the head left",
    "head_tilt_right": "tilts the head right",
    "head_up": "raises the head",
    "head_down": "lowers the head",
    "head_nod": "nods",
    "head_shake": "shakes the head",
    "gaze_left": "looks left",
    "gaze_right": "looks right",
    "gaze_up": "looks up",
    "gaze_down": "looks down",
}

REGIONS = ("brows", "eyes", "gaze", "nose", "cheeks", "mouth", "head")  # from the top of the face down, then the head
_FROM_THE_TOP = sorted(ACTIONS, key=lambda action: REGIONS.index(ACTIONS[action].region))


def action_order(action: str) -> int:
    """Place of an action when a face is read from the brows down to the mouth, then the head."""
    return _FROM_THE_TOP.index(action)


def action_name(action: str) -> str:
    """The action as words: "head turn left"."""
    return action.replace("_", " ")


def side_of(event: Event) -> str | None:
    """The subject's own side of a one-sided event whose action does not name it ("left" for a smile on one side).

    A face looks into the camera, so the subject's left is at the picture's right.
    """
    if event.image_side is None or event.action.endswith(("_left", "_right")):
        return None
    return {"left": "right", "right": "left"}[event.image_side]


def event_name(event: Event) -> str:
    """The event as a noun phrase: "smile (strong)", "wink, left side (clear)"."""
    side = side_of(event)
    return f"{action_name(event.action)}{f', {side} side' if side else ''} ({event.strength})"


def event_verb(event: Event) -> str:
    """The event as a verb phrase: "smiles (strong)", "winks, left side (clear)"."""
    side = side_of(event)
    return f"{VERBS[event.action]}{f', {side} side' if side else ''} ({event.strength})"


def lanes(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Sort events into lanes in which they never overlap: "smile", or "smile, left side" for one-sided ones.

    Lanes are in order from the brows down, events in order of start.
    """
    result: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda e: (action_order(e.action), side_of(e) or "", e.t0)):
        side = side_of(event)
        result.setdefault(action_name(event.action) + (f", {side} side" if side else ""), []).append(event)
    return result


def person_name(person: Person) -> str:
    """The person as text: "Person 1"."""
    return f"Person {person.track_id}"


def clock(seconds: float, *, separator: str = ".") -> str:
    """Seconds as "HH:MM:SS.mmm", rounded to the millisecond.

    >>> clock(3661.0456)
    '01:01:01.046'
    """
    hours, rest = divmod(milliseconds(seconds), 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}{separator}{rest % 1000:03d}"


def milliseconds(seconds: float) -> int:
    """Seconds as whole milliseconds, halves up."""
    return math.floor(seconds * 1000 + 0.5)


def extent(events: Iterable[Event]) -> tuple[float, float] | None:
    """Start of the first and end of the last of some events, None where there is none."""
    found = list(events)
    return (min(e.t0 for e in found), max(e.t1 for e in found)) if found else None
