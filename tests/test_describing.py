"""From video to words: scripted moves are found at their times, the document keeps its promises, people are chosen."""

import json
import math
import weakref
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from facevlm import describe
from facevlm.errors import UsageError, VideoError
from facevlm.exports.json_document import read_description
from facevlm.expression.event import ACTIONS
from facevlm.perceiving import PerceptionConfig
from tests.squares import BLUE, GREEN, RED, Square, film, still

PLAIN = PerceptionConfig(occlusion=False)  # a plain square looks hidden
ONSET_S, END_S = 0.25, 0.4  # tolerance of a start and of a slow end
ALIKE = {"wink": {"wink", "eyes_squint"}, "smile": {"smile", "laugh"}, "blink": {"blink", "eyes_closed"}}


def found(events, action: str, t0: float, t1: float):
    """Events that may stand for the action and overlap its time."""
    return [e for e in events if e.action in ALIKE.get(action, {action}) and e.t0 < t1 and e.t1 > t0]


# --- a puppet, all defaults


@pytest.mark.parametrize("action", ["blink", "smile", "head_turn_left", "wink"])
def test_a_scripted_move_is_found_at_its_time(puppet_clip, described, action):
    (true,) = [e for e in puppet_clip.events["A"] if e.action == action and e.sure]
    events = found(described.people[0].events, action, true.t0, true.t1)
    assert len(events) == 1
    assert true.t0 <= events[0].peak <= true.t1
    if action != "smile":  # the portrait smiles a little at rest, so the edges of a smile are open to judgement
        assert events[0].t0 == pytest.approx(true.t0, abs=ONSET_S)
        assert events[0].t1 == pytest.approx(true.t1, abs=END_S)


def test_a_quiet_face_is_not_said_to_move(puppet_clip, described):
    true = [e for e in puppet_clip.events["A"] if e.t1 - e.t0 < 4]
    for event in described.people[0].events:
        assert any(event.t0 < e.t1 + ONSET_S and event.t1 > e.t0 - ONSET_S for e in true), event


def test_sides_are_the_subjects_in_the_name_and_the_pictures_beside_it(described):
    for event in described.people[0].events:
        if event.action == "head_turn_left":  # the subject's left is the picture's right
            assert event.image_side == "right"
        if event.action == "blink":
            assert event.image_side is None
        assert event.image_side in (None, "left", "right")
    (wink,) = found(described.people[0].events, "wink", 4.0, 4.6)
    assert wink.image_side == "right"


def test_there_is_one_person_who_is_the_main_one(described):
    (person,) = described.people
    assert person.main and person.track_id == 1 and person.track.reason
    assert person.track.spans == (pytest.approx((0.0, 4.96), abs=0.05),)
    assert described.shots == (pytest.approx((0.0, 4.96), abs=0.05),)
    assert described.decoding.frames_decoded == 125
    assert len(person.signals.times) == 125


def test_words_name_events_and_every_plain_event_is_in_words(described):
    (person,) = described.people
    ids = {event.id for event in person.events}
    told = {event for sentence in person.sentences for event in sentence.events}
    assert told <= ids
    assert {e.id for e in person.events if e.strength != "slight"} <= told
    assert described.caption and "blink" in described.caption and "smil" in described.caption
    assert "  " not in described.caption and described.caption.endswith(".")


def test_a_caption_is_the_same_every_time_and_infers_only_when_asked(puppet_clip, described):
    again = describe(puppet_clip.path)
    inferring = describe(puppet_clip.path, infer=True)
    assert again.to_json() == described.to_json()
    assert "[" not in described.caption and "[" in inferring.caption
    assert inferring.people[0].events == described.people[0].events


def test_sixteen_frames_a_second_still_find_the_moves(puppet_clip):
    events = describe(puppet_clip.path, fps="16").people[0].events
    true = [e for e in puppet_clip.events["A"] if e.action in ("blink", "smile", "head_turn_left", "wink") and e.sure]
    assert len(true) == 4 and all(found(events, e.action, e.t0, e.t1) for e in true)


def test_a_part_of_the_clip_has_the_times_of_the_clip(puppet_clip):
    part = describe(puppet_clip.path, start=2.2, end=4.0)
    assert part.people[0].track.spans == (pytest.approx((2.2, 3.96), abs=0.05),)
    assert found(part.people[0].events, "head_turn_left", 2.5, 3.6)
    assert all(e.t0 >= 2.2 and e.t1 <= 4.0 for e in part.people[0].events)


# --- the document


def promises(document: dict, last: float) -> None:
    """What every document keeps, whatever the video."""
    schema = json.loads(files("facevlm.exports").joinpath("description.schema.json").read_text())
    jsonschema.validate(document, schema)
    events = [(person["track_id"], event) for person in document["people"] for event in person["events"]]
    ids = [event["id"] for _, event in events]
    assert len(ids) == len(set(ids))
    tracks = [person["track_id"] for person in document["people"]]
    assert len(tracks) == len(set(tracks))
    assert not tracks or (document["people"][0]["main"] and any(person["main"] for person in document["people"]))
    assert all(0 <= e["t0"] <= e["peak"] <= e["t1"] <= last + 1e-3 and e["action"] in ACTIONS for _, e in events)
    alike: dict[tuple, list[tuple[float, float]]] = {}
    for track, e in events:
        alike.setdefault((track, e["action"], e["image_side"]), []).append((e["t0"], e["t1"]))
    for spans in alike.values():
        ordered = sorted(spans)
        assert all(a[1] <= b[0] for a, b in pairwise(ordered)), spans
    for person in document["people"]:
        own = {event["id"] for event in person["events"]}
        assert all(set(sentence["events"]) <= own for sentence in person["sentences"])
        assert all(0 <= a <= b <= last + 1e-3 for a, b in person["spans"])


def test_the_document_of_a_puppet_keeps_its_promises(described, tmp_path):
    promises(json.loads(described.to_json()), 4.96)
    (tmp_path / "a.json").write_text(described.to_json())
    document = read_description(tmp_path / "a.json")
    assert [e.to_event().action for e in document.people[0].events] == [e.action for e in described.people[0].events]


SCENES = {
    "nobody": ([], ()),
    "one": ([Square(RED, still(60, 40, 50))], ()),
    "two, one leaves and returns": (
        [Square(RED, still(10, 30, 70)), Square(GREEN, still(110, 40, 60, (0, 1), (2.4, 9)))],
        (),
    ),
    "three shots": ([Square(RED, still(60, 40, 40))], (1.0, 2.0)),
    "one comes, another goes": (
        [Square(RED, still(5, 40, 50, (0, 1.5))), Square(BLUE, still(120, 40, 50, (1, 9)))],
        (),
    ),
    "at the rim": ([Square(RED, lambda t: (-40 + 20 * t, -10, 70))], ()),
}


@pytest.mark.parametrize("scene", SCENES)
def test_the_document_of_any_scene_keeps_its_promises(tmp_path, squares, scene):
    people, cuts = SCENES[scene]
    description = describe(film(tmp_path / "a.mp4", 3.2, people, cuts=cuts), config=PLAIN)
    promises(json.loads(description.to_json()), 3.16)
    assert len(description.people) == len(people)
    assert description.caption


def test_a_video_without_a_face_says_so(tmp_path, squares):
    description = describe(film(tmp_path / "a.mp4", 1.0, []), config=PLAIN)
    assert description.people == () and "face" in description.caption.lower()
    assert "No face was found." in description.warnings


def test_a_video_of_one_frame_is_described(tmp_path, squares):
    description = describe(film(tmp_path / "a.mp4", 0.04, [Square(RED, still(60, 40, 60))]), config=PLAIN)
    promises(json.loads(description.to_json()), 0.0)
    (person,) = description.people
    assert person.events == () and person.caption and person.track.spans == ((0.0, 0.0),)
    assert len(description.filmstrip) == 1


def test_a_small_face_is_warned_of(tmp_path, squares):
    description = describe(film(tmp_path / "a.mp4", 1.0, [Square(RED, still(60, 40, 24))]), config=PLAIN)
    assert any("small" in warning for warning in description.warnings)
    assert "no obvious change" not in description.caption and "Too little of their face was seen" in description.caption


@pytest.mark.parametrize(("fps", "warned"), [("native", None), ("16", None), ("10", "Only 9.9 frames a second")])
def test_a_rate_too_low_for_blinks_is_warned_of(tmp_path, squares, fps, warned):
    clip = film(tmp_path / "a.mp4", 4.0, [Square(RED, still(60, 40, 60))])  # at 25 frames a second
    warnings = [w for w in describe(clip, fps=fps, config=PLAIN).warnings if "a second" in w]
    assert [w.split(" were")[0] for w in warnings] == ([warned] if warned else [])


def test_spans_are_told_per_shot(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 3.0, [Square(RED, still(60, 40, 40))], cuts=[1.0, 2.0])
    description = describe(clip, config=PLAIN)
    document = json.loads(description.to_json())
    assert [len(person["spans"]) for person in document["people"]] == [3]
    assert len(description.shots) == 3


# --- whom to describe


@pytest.fixture
def two_people(tmp_path, squares) -> Path:
    """A large person at the right, and a small one at the left."""
    return film(tmp_path / "two.mp4", 1.6, [Square(GREEN, still(8, 20, 32)), Square(RED, still(80, 30, 90))])


@pytest.mark.parametrize(
    ("who", "sides"),
    [("all", ["right", "left"]), ("main", ["right"]), ("20,30", ["left"]), ("130.5,70", ["right"]), ("0,0", ["left"])],
)
def test_people_are_chosen_by_who(two_people, who, sides):
    description = describe(two_people, who=who, config=PLAIN)
    assert ["left" if p.track.first_box[0] < 60 else "right" for p in description.people] == sides
    assert description.people[0].main
    promises(json.loads(description.to_json()), 1.56)


def test_a_person_is_chosen_by_the_id_of_an_earlier_run(two_people):
    for person in describe(two_people, config=PLAIN).people:
        (chosen,) = describe(two_people, who=str(person.track_id), config=PLAIN).people
        assert chosen.track_id == person.track_id and chosen.main
        np.testing.assert_array_equal(chosen.track.first_box, person.track.first_box)


@pytest.mark.parametrize(
    ("who", "message"),
    [("7", r"no person 7 .*ids in this video: (1, 2|2, 1)"), ("0", "no person 0"), ("-1", "no person -1")],
)
def test_an_unknown_id_is_answered_with_the_known_ones(two_people, who, message):
    with pytest.raises(UsageError, match=message):
        describe(two_people, who=who, config=PLAIN)


@pytest.mark.parametrize("who", ["", "everyone", "1.5", "1,2,3", "nan,3", "inf,0", "a,b", "1;2"])
def test_a_who_that_names_nobody_is_refused_before_any_work(tmp_path, who):
    with pytest.raises(UsageError, match="names nobody"):
        describe(tmp_path / "missing.mp4", who=who)


@pytest.mark.parametrize("who", ["1", "50,50"])
def test_nobody_can_be_chosen_where_no_face_is(tmp_path, squares, who):
    with pytest.raises(UsageError, match="no face was found"):
        describe(film(tmp_path / "a.mp4", 0.6, []), who=who, config=PLAIN)


@pytest.mark.parametrize(
    ("who", "message"),
    [
        ("9999,5", r"outside the picture of \d+x\d+"),
        ("-1,5", "outside the picture"),
        ("150,110", r"no face is near the point .*there are: 1 at \d+,\d+"),
    ],
)
def test_a_point_where_no_face_is_names_nobody(tmp_path, squares, who, message):
    clip = film(tmp_path / "a.mp4", 0.8, [Square(RED, still(10, 10, 40))])
    with pytest.raises(UsageError, match=message):
        describe(clip, who=who, config=PLAIN)


@pytest.mark.parametrize(("number", "text"), [({"who": 1}, {"who": "1"}), ({"fps": 12}, {"fps": "12"})])
def test_numbers_are_taken_as_numbers(two_people, number, text):
    first, second = (describe(two_people, config=PLAIN, **options).to_json() for options in (number, text))
    assert first == second


def test_a_point_may_be_a_pair(two_people):
    (person,) = describe(two_people, config=PLAIN, who=(20, 30)).people
    assert person.track.first_box[0] < 60


@pytest.mark.parametrize("options", [{"start": -1}, {"start": math.nan}, {"end": math.inf}, {"start": "x"}, {"fps": 0}])
def test_times_and_rates_that_are_none_are_refused(two_people, options):
    with pytest.raises(UsageError, match=r"is no time|is no frame rate"):
        describe(two_people, config=PLAIN, **options)


# --- what cannot be told


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        ({"fps": 3}, "Only 3"),
        ({"end": 0.01}, "Person 1 was seen too shortly to tell"),
    ],
)
def test_what_falls_between_the_frames_is_not_said_not_to_happen(puppet_clip, options, warning):
    description = describe(puppet_clip.path, **options)
    assert any(warning in text for text in description.warnings)
    assert "no obvious" not in description.caption and "steady" not in description.caption


# --- how it runs


def test_pictures_are_let_go_while_it_runs(tmp_path, squares):
    shown: list[weakref.ref] = []
    alive: list[int] = []

    def look(moment) -> None:
        shown.append(weakref.ref(moment.image))
        alive.append(sum(reference() is not None for reference in shown))

    describe(film(tmp_path / "a.mp4", 4.0, [Square(RED, still(60, 40, 60))]), config=PLAIN, on_moment=look)
    assert len(alive) == 100
    assert max(alive[80:]) <= max(alive[:40]) <= 70  # signals are measured 64 frames at a time


def test_progress_tells_the_time_reached(tmp_path, squares):
    times: list[float] = []
    describe(film(tmp_path / "a.mp4", 1.0, []), config=PLAIN, on_progress=times.append)
    assert times == sorted(times) and times[-1] == pytest.approx(0.96)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"start": 9.0}, UsageError, r"after the end of the clip, whose last frame is at 0\.56 s"),
        ({"start": 0.4, "end": 0.2}, UsageError, "not after the start"),
        ({"fps": "many"}, UsageError, "no frame rate"),
    ],
)
def test_a_wrong_argument_is_said(tmp_path, squares, options, error, message):
    with pytest.raises(error, match=message):
        describe(film(tmp_path / "a.mp4", 0.6, []), config=PLAIN, **options)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(VideoError, match="no such file"):
        describe(tmp_path / "missing.mp4")
