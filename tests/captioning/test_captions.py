"""Captions: complete, true to their events, well formed, and sensible for short, long, busy and empty videos."""

import re
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facevlm.captioning.captions import caption_person, caption_text, caption_video
from facevlm.captioning.feelings import PROTOTYPES
from facevlm.captioning.grammar import SHE
from facevlm.captioning.sentence import AppearanceValue, Sentence
from facevlm.expression.event import ACTIONS, STRENGTHS, Event

FEELING_WORDS = {p.feeling for p in PROTOTYPES}.union(
    re.findall(
        r"\w+",
        """happiness sadness anger angrily fear fearful disgust joy joyful amused cheerful calm serious worried nervous
        upset excited pleased bored confused sly playful pensive anxious relaxed emotion mood feels feeling""",
    )
)
BAD = re.compile(r"  | [,.]|,,|[{}<>]|\ba (eyes|lips|[aeiou])|\b(a|an|and|the|to|with) ?[.,]|\b(\w+) \3\b")


def event(number: int, action: str, t0: float, t1: float, strength: str = "clear", side: str | None = None) -> Event:
    return Event(number, action, t0, (t0 + t1) / 2, t1, strength, 0.9, side)


def told(rows, duration, **options) -> tuple[Sentence, ...]:
    some = [event(i + 1, *row) for i, row in enumerate(rows)]
    keep = {"spans": [(0, duration)], "start": 0, "end": duration, "appearance": {}}
    return caption_person(some, **(keep | options))


def text(rows, duration, **options) -> str:
    return caption_text(told(rows, duration, **options))


@pytest.mark.parametrize(
    ("situation", "rows", "duration", "phrases"),
    [
        ("nothing happens", [], 6, ["steady face", "no obvious change"]),
        ("nothing in a second", [], 1, ["steady face"]),
        ("one blink", [("blink", 2, 2.2)], 4, ["In the middle of the video, the person blinks once", "Otherwise"]),
        ("one second, two things", [("blink", 0.3, 0.5), ("smile", 0.6, 0.8)], 1, ["The person blinks once"]),
        ("two blinks", [("blink", 1, 1.2), ("blink", 1.8, 2)], 10, ["blinks twice", "For the rest of the video"]),
        ("a second blink later", [("blink", 1, 1.2), ("blink", 6, 6.2)], 10, ["blinks once", "they blink again"]),
        ("smiling at the start", [("smile", 0, 1)], 10, ["the person is smiling"]),
        ("smiling all the time", [("smile", 0, 10), ("blink", 5, 5.2)], 10, ["Throughout the video", "is smiling"]),
        ("smiling to the end", [("smile", 8, 10)], 10, ["until the very end"]),
        ("eyes closed at the start", [("eyes_closed", 0, 2)], 10, ["has their eyes closed", "opens their eyes"]),
        (
            "a long smile",
            [("smile", 1, 8), ("blink", 5.6, 5.8)],
            10,
            ["still smiling", "In the middle of the video, still smiling, they blink"],
        ),
        (
            "head turns while smiling",
            [("smile", 1, 2.5), ("head_turn_left", 1.1, 2.4)],
            4,
            ["to their left"],
        ),
        ("lopsided smile", [("smile", 1, 2, "clear", "right")], 4, ["left"]),
        ("a quiet start", [("smile", 1, 3), ("blink", 3.1, 3.3)], 3.5, ["keeps a steady face at first and then"]),
        ("a quiet end", [("smile", 0, 2), ("blink", 2.2, 2.4), ("blink", 3, 3.1)], 4, ["face shows no obvious change"]),
        (
            "a look to the left, then a grin",
            [("gaze_left", 0.4, 1.1), ("smile", 0.7, 2.7), ("gaze_right", 1.2, 1.6), ("gaze_left", 1.7, 2.2)],
            3.1,
            ["to their left, then", "still smiling, they look to their right and then their left"],
        ),
        (
            "a smile with teeth ends in a closed mouth",
            [("smile", 1, 3), ("mouth_open", 1, 3), ("mouth_close", 2.9, 3.1)],
            4,
            ["close"],
        ),
        (
            "many blinks in a busy phase",
            [
                *(("blink", k, k + 0.2) for k in range(6)),
                *((action, k + 0.3, k + 0.8) for k, action in enumerate(("smile", "pout", "gaze_up", "lip_press"))),
            ],
            20,
            ["In between, they blink several times."],
        ),
        ("head up and down", [("head_up", 1, 1.5), ("head_down", 1.5, 2)], 4, ["lifts their head and lowers it"]),
        ("eyes strongly closed", [("eyes_closed", 1, 3, "strong")], 4, ["their eyes"]),
        (
            "a gaze that ends behind closed lids",
            [("gaze_down", 0, 0.8), ("eyes_closed", 0.6, 3)],
            4,
            ["looking down"],
        ),
        ("a long look", [("gaze_up", 1, 4)], 12, ["for about three seconds"]),
    ],
)
def test_situations(situation, rows, duration, phrases):
    words = text(rows, duration)
    assert [phrase for phrase in phrases if phrase not in words] == [], words


def test_speech_starts_goes_on_and_stops():
    words = text([("speaking", 1, 9), ("blink", 5.5, 5.7)], 12)
    assert re.search(r"(start|begin)\w* (speaking|to speak|to talk)", words), words
    assert "still speaking" in words
    assert re.search(r"stop (speaking|talking)", words), words


def test_ten_minutes_are_told_in_windows_with_rates():
    rows = [("blink", 4.0 * k + 1, 4.0 * k + 1.2) for k in range(75)] + [("smile", 125, 128)]  # quiet from 5:00 on
    sentences = told(rows, 600)
    words = caption_text(sentences)
    assert "about 8 times a minute" in words or "about eight times a minute" in words, words
    assert "Between 2:00 and 3:00, the person" in words
    assert "Between 5:00 and 10:00, " in words
    assert words.count("\n") == 6
    assert [s.kind for s in sentences if s.kind == "summary"] == ["summary"]


def test_a_person_who_leaves_and_returns():
    words = text([("blink", 1, 1.2), ("blink", 15, 15.2)], 20, spans=[(0, 5), (12, 16)])
    assert re.search(r"(go|goes) out of view.*come back into view.*go out of view, and they are not seen again", words)


def test_nobody_leaves_where_the_video_has_no_picture():
    rows, spans = [("blink", 1, 1.2), ("smile", 13, 14)], [(0, 5), (12, 20)]
    assert "out of view" in text(rows, 20, spans=spans)
    assert "view" not in text(rows, 20, spans=spans, gaps=[(5, 11.5)])


def test_what_lies_between_coming_back_and_a_state_is_not_lost():
    rows = [("blink", 3.6, 5.1), ("gaze_down", 3.65, 5.05)]
    sentences = told(rows, 9, spans=[(0, 2.5), (3.6, 5)])
    assert {number for s in sentences for number in s.events} == {1, 2}


def test_a_cut_takes_the_person_away():
    words = text([("blink", 1, 1.2)], 6, spans=[(0, 2.4)], shots=[(0, 2.4), (2.4, 6)])
    assert "the picture cuts away from them, and they are not seen again" in words
    assert "no obvious change" not in words


def test_a_cut_shows_the_person_at_once():
    rows = [("smile", 2.4, 5), ("blink", 5.5, 5.7)]
    words = text(rows, 8, spans=[(2.4, 8)], shots=[(0, 2.4), (2.4, 8)], name="Person 2")
    assert "the picture cuts to Person 2, who is smiling." in words
    alone = text([("blink", 6, 6.2)], 8, spans=[(2.4, 8)], shots=[(0, 2.4), (2.4, 8)])
    assert "At the beginning of the video, no face is visible." in alone
    assert "the picture cuts to the person, who keeps a steady face at first." in alone


def test_someone_among_several_who_is_seen_briefly():
    words = text([("blink", 7.5, 7.7)], 9, spans=[(7, 8)], name="Person 5")
    assert words == "Towards the end of the video, Person 5 is seen for about one second. They blink once."
    words = text([], 9, spans=[(7, 8)], name="Person 5")
    assert words.endswith("Person 5 is seen for about one second, with no obvious change in their expression.")


def test_a_turned_head_is_not_said_to_face_the_camera():
    looks = {"facing": AppearanceValue("facing the camera", 0.9)}
    assert "facing" not in text([("head_turn_left", 0.5, 5)], 6, appearance=looks)
    looks = {"facing": AppearanceValue("with the head turned to their right", 1.0)}
    assert text([], 6, appearance=looks, name="Person 4").startswith("Person 4 has their head turned to their right.")


def test_long_windows_count_in_general_terms():
    turns = [(f"head_turn_{'left' if k % 3 else 'right'}", 2.0 * k, 2.0 * k + 0.6) for k in range(30)]
    kinds = ["smile", "pout", "brow_raise", "brow_furrow", "eyes_widen", "lip_press", "gaze_up", "tongue_out"]
    others = [(kind, 1 + 3.0 * i + 24 * j, 1.7 + 3.0 * i + 24 * j) for i, kind in enumerate(kinds) for j in range(5)]
    words = text(turns + others, 200)
    assert re.search(r"turns? their head to either side 30 times", words)
    assert "in turn" not in words


def test_a_person_who_comes_and_goes_often():
    words = text([("blink", 1, 1.2)], 30, spans=[(3 * k, 3 * k + 1.5) for k in range(10)])
    assert "The person comes and goes, and is in the picture 10 times, for about 15 seconds of 30 seconds" in words


@pytest.mark.parametrize(
    ("appearance", "expected"),
    [
        ({}, "This video shows the facial changes of a person."),
        (
            {"framing": ("in close-up", 0.9), "facing": ("facing the camera", 0.9)},
            "This video shows the facial changes of a person in close-up, facing the camera.",
        ),
        ({"glasses": ("wears glasses", 0.9)}, "They wear glasses."),
        ({"glasses": ("wears glasses", 0.5)}, "They seem to wear glasses."),
        ({"hair": ("short black", 0.9), "skin_tone": ("light", 0.9)}, "They have short black hair and light skin."),
        ({"age_group": ("elderly", 0.9), "gender": ("man", 0.9)}, "the facial changes of an elderly man."),
        ({"gender": ("woman", 0.9), "glasses": ("wears glasses", 0.9)}, "She wears glasses."),
        ({"scarf": ("a red", 0.9)}, "They have a red scarf."),
    ],
)
def test_appearance(appearance, expected):
    values = {name: AppearanceValue(*value) for name, value in appearance.items()}
    assert expected in text([("blink", 1, 1.2)], 4, appearance=values)


def test_pronouns_agree():
    words = text([("blink", 0.5, 0.7), ("eyes_closed", 4, 5), ("smile", 8, 9)], 10, pronouns=SHE)
    assert re.search(r"\bshe (closes|shuts) her eyes\b", words), words
    assert not re.search(r"\b(they|their)\b", words)


def test_several_people():
    main = told([("blink", 1, 1.2)], 4, name="Person 1")
    other = told([("smile", 1, 2)], 4, name="Person 2", appearance={"facing": AppearanceValue("facing the camera", 1)})
    words = caption_video([main, other])
    assert words.startswith("This video shows the facial changes of two people.\n")
    assert "Person 1 blinks once" in words
    assert "Person 2 is facing the camera." in words
    assert caption_video([]) == "No face is visible in this video."


@st.composite
def _videos(draw):
    duration = draw(st.one_of(st.floats(0.5, 12), st.floats(12, 3600)))
    count = draw(st.integers(0, 200))
    random = Random(draw(st.integers(0, 2**32)))
    some = []
    actions = random.sample(sorted(ACTIONS), random.randint(1, len(ACTIONS)))
    for number in range(1, count + 1):
        action = random.choice(actions)
        t0 = random.choice([0.0, random.uniform(0, duration)])
        t1 = random.choice([duration, min(duration, t0 + random.expovariate(1.0))])
        side = random.choice([None, "left", "right"]) if ACTIONS[action].sided else None
        if any((e.action, e.image_side) == (action, side) and e.t0 <= t1 and t0 <= e.t1 for e in some):
            continue  # events of one action and side never overlap
        some.append(Event(number, action, t0, (t0 + t1) / 2, t1, random.choice(STRENGTHS), random.random(), side))
    edges = sorted(random.uniform(0, duration) for _ in range(random.choice([0, 0, 2, 4, 20])))
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    return some, spans, duration


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(_videos(), st.booleans())
def test_any_events_give_complete_and_well_formed_captions(video, infer):
    some, spans, duration = video
    options = {"spans": spans, "start": 0.0, "end": duration, "appearance": {}, "infer": infer}
    sentences = caption_person(some, **options)
    named = {number for s in sentences if s.kind == "action" for number in s.events}
    assert {e.id for e in some if e.strength != "slight"} <= named
    assert named <= {e.id for e in some}
    for one in sentences:
        assert bool(one.events) == (one.kind in ("action", "summary")), one
        assert one.kind in ("action", "summary", "appearance", "visibility", "still")
        assert re.fullmatch(r"[A-Z].*[^ .,]\.", one.text), one.text
        assert not BAD.search(one.text), one.text
        assert not re.search(r"\b(they|Person \d) (is|has|was|blinks|smiles|closes|turns)\b", one.text), one.text
        if not infer:
            assert "[" not in one.text
            assert not FEELING_WORDS & set(re.findall(r"\w+", one.text.lower())), one.text
    paragraphs = [one.paragraph for one in sentences]
    assert paragraphs == sorted(paragraphs)
    assert caption_person(list(reversed(some)), **options) == sentences


def test_a_mouth_that_goes_on_to_speak_is_not_said_to_close():
    assert "clos" not in text([("mouth_open", 0, 1), ("speaking", 1.05, 5)], 10)
    assert "clos" in text([("mouth_open", 0, 2), ("speaking", 4, 6)], 10)


def test_nobody_is_said_to_be_missing_while_others_are_in_the_picture():
    late = {"spans": [(2, 8)], "name": "the person"}
    alone, among = text([("blink", 4, 4.2)], 10, **late), text([("blink", 4, 4.2)], 10, others=True, **late)
    assert "no face is visible" in alone and "no face" not in among
    assert "comes into view" in alone and "comes into view" in among


@pytest.mark.parametrize("rows", [[], [("head_turn_left", 0.2, 0.9)], [("blink", 1, 1.2), ("blink", 3, 3.1)]])
def test_where_too_little_was_looked_at_nothing_is_said_not_to_happen(rows):
    for name, spans in (("the person", [(0, 6)]), ("Person 2", [(0, 6)]), ("Person 2", [(1, 2)])):
        words = text(rows, 6, judged=False, name=name, spans=spans)
        assert "no obvious" not in words and "no significant" not in words and "steady" not in words
        assert rows or "seen for" in words or "oo little of their face was seen to tell" in words
