"""What is merged into what, and whose left is left."""

import pytest

from facevlm.captioning.merging import merge
from facevlm.captioning.timeline import subject_side
from facevlm.expression.event import Event


def event(number: int, action: str, t0: float, t1: float, strength: str = "clear", side: str | None = None) -> Event:
    return Event(number, action, t0, (t0 + t1) / 2, t1, strength, 0.9, side)


def merged(*rows: tuple) -> list[tuple[str, int, str | None, tuple[int, ...]]]:
    found = merge([event(i + 1, *row) for i, row in enumerate(rows)])
    return [(h.key, h.count, h.side, h.ids) for h in found]


@pytest.mark.parametrize(
    ("action", "image_side", "expected"),
    [
        ("head_turn_left", "right", "left"),
        ("gaze_right", None, "right"),
        ("smile", "left", "right"),
        ("wink", "right", "left"),
        ("smile", None, None),
    ],
)
def test_side_is_the_subjects_own(action, image_side, expected):
    assert subject_side(event(1, action, 0, 1, side=image_side)) == expected


@pytest.mark.parametrize(
    ("situation", "rows", "expected"),
    [
        ("two blinks in a row", [("blink", 0, 0.2), ("blink", 1, 1.2)], [("blink", 2, None, (1, 2))]),
        (
            "two blinks far apart",
            [("blink", 0, 0.2), ("blink", 5, 5.2)],
            [("blink", 1, None, (1,)), ("blink", 1, None, (2,))],
        ),
        ("a smile with a tiny gap is one", [("smile", 0, 2), ("smile", 2.2, 3)], [("smile", 1, None, (1, 2))]),
        (
            "head left, right, left",
            [("head_turn_left", 0, 0.5), ("head_turn_right", 0.6, 1), ("head_turn_left", 1.2, 1.6)],
            [("head_turn_swing", 3, "left", (1, 2, 3))],
        ),
        (
            "a look to either side",
            [("gaze_right", 0, 0.5), ("gaze_left", 0.6, 1)],
            [("gaze_pair", 2, "right", (1, 2))],
        ),
        (
            "turns inside a shake belong to it",
            [("head_shake", 0, 2), ("head_turn_left", 0.1, 0.5), ("head_turn_right", 0.6, 1.0)],
            [("head_shake", 1, None, (1, 2, 3))],
        ),
        ("smile with an open mouth", [("smile", 0, 2), ("mouth_open", 0.1, 1.9)], [("open_smile", 1, None, (1, 2))]),
        (
            "a mouth that opens for a moment of a long smile stays apart",
            [("smile", 0, 5), ("mouth_open", 1, 1.5)],
            [("smile", 1, None, (1,)), ("mouth_open", 1, None, (2,))],
        ),
        (
            "speech holds its mouth openings",
            [("speaking", 0, 4), ("mouth_open", 1, 1.5), ("mouth_close", 1.5, 1.6)],
            [("speaking_mouth", 1, None, (1, 2, 3))],
        ),
        (
            "head and eyes to one side",
            [("head_turn_left", 0, 1, "clear", "right"), ("gaze_left", 0.1, 1)],
            [("head_eyes_sided", 1, "left", (1, 2))],
        ),
        ("open and close", [("mouth_open", 0, 1), ("mouth_close", 0.9, 1.1)], [("open_close", 1, None, (1, 2))]),
        (
            "two things in turn",
            [("lip_press", 0, 0.3), ("mouth_open", 0.4, 0.6), ("lip_press", 0.7, 0.9), ("mouth_open", 1.0, 1.2)],
            [("in_turn", 2, None, (1, 2, 3, 4))],
        ),
        (
            "lopsided smiles to different sides are two",
            [("smile", 0, 0.5, "clear", "left"), ("smile", 0.7, 1.2, "clear", "right")],
            [("smile_sided", 1, "right", (1,)), ("smile_sided", 1, "left", (2,))],
        ),
        (
            "a smile parts the looks before and after it",
            [("gaze_left", 0, 0.7), ("smile", 0.3, 3), ("gaze_right", 0.8, 1.2), ("gaze_left", 1.3, 1.7)],
            [("gaze_sided", 1, "left", (1,)), ("smile", 1, None, (2,)), ("gaze_pair", 2, "right", (3, 4))],
        ),
        (
            "turns with a side twice in a row",
            [("head_turn_left", 0, 0.5), ("head_turn_left", 1, 1.5), ("head_turn_right", 1.6, 2)],
            [("head_turn_swing", 3, None, (1, 2, 3))],
        ),
        ("head up, then down", [("head_up", 0, 0.5), ("head_down", 0.6, 1)], [("head_up_down", 1, None, (1, 2))]),
        (
            "a mouth long open before the smile stays apart",
            [("mouth_open", 0, 9), ("smile", 3, 9)],
            [("mouth_open", 1, None, (1,)), ("smile", 1, None, (2,))],
        ),
        (
            "a blink does not break a pout",
            [("pout", 0, 0.3), ("blink", 0.3, 0.5), ("pout", 0.6, 3)],
            [("pout", 1, None, (1, 3)), ("blink", 1, None, (2,))],
        ),
        ("nothing", [], []),
    ],
)
def test_merge(situation, rows, expected):
    assert merged(*rows) == expected
