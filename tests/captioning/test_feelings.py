"""Feelings are said on request only, from prototypes only, and hedged where the evidence is thin."""

import pytest

from facevlm.captioning.captions import caption_person, caption_text
from facevlm.captioning.feelings import PROTOTYPES, feelings
from facevlm.expression.event import ACTIONS, Event


def events(*rows: tuple) -> list[Event]:
    return [
        Event(i + 1, action, t0, (t0 + t1) / 2, t1, strength, 0.95, side)
        for i, (action, t0, t1, strength, side) in enumerate((*row, None)[:5] for row in rows)
    ]


@pytest.mark.parametrize(
    ("situation", "rows", "expected"),
    [
        ("Duchenne smile", [("smile", 0, 2, "strong"), ("eyes_squint", 0.2, 1.8, "clear")], ["[happy]"]),
        ("broad smile alone", [("smile", 0, 2, "strong")], ["possibly [happy]"]),
        ("faint smile", [("smile", 0, 2, "slight")], []),
        ("lopsided smile", [("smile", 0, 2, "strong", "left")], []),
        ("smile with a furrowed brow", [("smile", 0, 2, "strong"), ("brow_furrow", 0, 2, "clear")], []),
        (
            "brows, lids and jaw up",
            [("brow_raise", 0, 1, "strong"), ("eyes_widen", 0, 1, "strong"), ("mouth_open", 0.1, 1, "clear")],
            ["[surprised]"],
        ),
        ("brows and lids", [("brow_raise", 0, 1, "clear"), ("eyes_widen", 0, 1, "clear")], ["possibly [surprised]"]),
        ("brows, then lids", [("brow_raise", 0, 1, "clear"), ("eyes_widen", 1.5, 2, "clear")], []),
        ("corners down", [("mouth_corner_down", 0, 1, "clear")], []),
        ("corners down under a furrow", [("mouth_corner_down", 0, 1, "clear"), ("brow_furrow", 0, 1, "clear")],
         ["possibly [sad]"]),
        ("frown and pressed lips, eyes shut", [("brow_furrow", 0, 1, "strong"), ("lip_press", 0, 1, "strong"),
                                               ("eyes_closed", 0, 1, "strong")], ["possibly [distressed]"]),
        ("a slight frown, eyes shut", [("brow_furrow", 0, 1, "clear"), ("eyes_closed", 0, 1, "strong")], []),
        ("frown, pressed lips, narrow eyes", [("brow_furrow", 0, 1, "strong"), ("lip_press", 0, 1, "strong"),
                                              ("eyes_squint", 0, 1, "strong")], ["[angry]"]),
        ("a blink", [("blink", 0, 0.2, "clear")], []),
    ],
)  # fmt: skip
def test_prototypes(situation, rows, expected):
    assert [feeling.words for feeling in feelings(events(*rows))] == expected


def test_prototypes_name_known_actions():
    assert {a for p in PROTOTYPES for part in (*p.needs, p.unless) for a in part} <= set(ACTIONS)


def test_bracket_follows_the_clause_that_shows_it():
    some = events(("smile", 1, 3, "strong"), ("eyes_squint", 1, 3, "clear"), ("blink", 6, 6.2, "clear"))
    told = caption_person(some, spans=[(0, 8)], start=0, end=8, appearance={}, infer=True)
    bracketed = [s for s in told if "[happy]" in s.text]
    assert len(bracketed) == 1
    assert 1 in bracketed[0].events
    assert "[" not in caption_text(caption_person(some, spans=[(0, 8)], start=0, end=8, appearance={}))
