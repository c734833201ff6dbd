"""Subtitles say what each face does now, never overlap, and read back as written."""

import io
from itertools import pairwise

import pytest
import webvtt

from facevlm.errors import OutputError
from facevlm.exports.labels import VERBS, side_of
from facevlm.exports.webvtt import SHORTEST_S, cues, to_srt, to_webvtt, write_srt, write_webvtt
from facevlm.expression.event import ACTIONS

from .conftest import make_description, make_event, make_person


def test_every_action_has_a_verb():
    assert set(VERBS) == set(ACTIONS)


def test_one_blink_is_one_cue_that_can_be_read(one_person):
    (cue,) = cues(one_person)
    assert (cue.t0, cue.lines, cue.events) == (1.28, ("blinks (clear)",), (1,))
    assert cue.t1 - cue.t0 == pytest.approx(SHORTEST_S)


def test_people_are_named_when_there_are_several(two_people):
    cue = next(cue for cue in cues(two_people) if 2 in cue.events)
    assert cue.lines == (
        "Person 1: blinks (clear), smiles, left side (strong)",
        "Person 2: raises the brows (clear)",
    )


def test_side_is_the_subjects_own():
    assert side_of(make_event(1, "wink", 0, 1, image_side="left")) == "right"
    assert side_of(make_event(1, "gaze_left", 0, 1, image_side="right")) is None


def test_cues_never_overlap_and_show_every_event(two_people, every_action):
    for description in (two_people, every_action):
        found = cues(description)
        assert all(a.t1 <= b.t0 for a, b in pairwise(found))
        starts = {event.id: event.t0 for person in description.people for event in person.events}
        assert {number: min(c.t0 for c in found if number in c.events) for number in starts} == starts


def test_a_pause_has_no_cue():
    person = make_person(1, (make_event(1, "smile", 0, 1), make_event(2, "smile", 4, 5)))
    assert [(cue.t0, cue.t1) for cue in cues(make_description((person,)))] == [(0, 1), (4, 5)]


def test_webvtt_reads_back(two_people, tmp_path):
    write_webvtt(two_people, tmp_path / "talk.vtt")
    captions = webvtt.read(str(tmp_path / "talk.vtt")).captions
    expected = cues(two_people)
    assert [c.text for c in captions] == ["\n".join(cue.lines) for cue in expected]
    assert [c.identifier.split()[1:] for c in captions] == [[str(e) for e in cue.events] for cue in expected]
    assert [c.start_in_seconds for c in captions] == [int(cue.t0) for cue in expected]
    assert (tmp_path / "talk.vtt").read_text() == to_webvtt(two_people)


def test_srt_reads_back(two_people, tmp_path):
    write_srt(two_people, tmp_path / "talk.srt")
    captions = webvtt.from_srt(str(tmp_path / "talk.srt")).captions
    assert [c.text for c in captions] == ["\n".join(cue.lines) for cue in cues(two_people)]
    assert "00:00:00,500 --> " in to_srt(two_people)
    assert to_srt(two_people).endswith("\n") and not to_srt(two_people).endswith("\n\n")


def test_nobody_gives_an_empty_valid_file(nobody):
    assert webvtt.from_buffer(io.StringIO(to_webvtt(nobody))).captions == []
    assert to_srt(nobody).strip() == ""


def test_a_missing_folder_is_a_clear_error(two_people, tmp_path):
    with pytest.raises(OutputError, match="folder does not exist"):
        write_webvtt(two_people, tmp_path / "nowhere" / "talk.vtt")
