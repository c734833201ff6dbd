"""ELAN documents: valid order and times, no overlap within a tier, all events found again by pympi."""

import re
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree

import pytest
from pympi.Elan import Eaf

from facevlm.captioning.sentence import Sentence
from facevlm.exports.eaf import to_eaf, write_eaf
from facevlm.exports.labels import event_name, milliseconds

from .conftest import make_description, make_event, make_person


def read(path: Path) -> Eaf:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Eaf(str(path))


@pytest.mark.parametrize("fixture", ["two_people", "one_person", "nobody", "every_action"])
def test_all_events_read_back(fixture, request, tmp_path):
    description = request.getfixturevalue(fixture)
    write_eaf(description, tmp_path / "talk.eaf")
    document = read(tmp_path / "talk.eaf")
    kinds = document.get_tier_ids_for_linguistic_type("facial action")
    found = {(tier.split()[0], *row) for tier in kinds for row in document.get_annotation_data_for_tier(tier)}
    expected = {
        (f"P{person.track_id}", milliseconds(e.t0), milliseconds(e.t1), event_name(e))
        for person in description.people
        for e in person.events
    }
    assert found == expected


def test_no_tier_overlaps_and_no_label_is_empty(two_people, tmp_path):
    write_eaf(two_people, tmp_path / "talk.eaf")
    document = read(tmp_path / "talk.eaf")
    for tier in document.get_tier_names():
        rows = sorted(document.get_annotation_data_for_tier(tier))
        assert rows and all(text.strip() for _, _, text in rows)
        assert all(start < end for start, end, _ in rows)
        assert all(a[1] <= b[0] for a, b in pairwise(rows)), tier


def test_tiers_are_ordered_by_person_then_from_the_brows_down(two_people, tmp_path):
    write_eaf(two_people, tmp_path / "talk.eaf")
    assert list(read(tmp_path / "talk.eaf").get_tier_names()) == [
        "shots", "P1 caption", "P1 sentences", "P1 sentences 2", "P1 visible",
        "P1 blink", "P1 smile, left side", "P1 smile, right side",
        "P1 head turn left", "P2 caption", "P2 sentences", "P2 visible", "P2 brow raise", "P2 blink",
    ]  # fmt: skip


def test_xml_is_eaf_3_in_its_order(two_people):
    root = ElementTree.fromstring(to_eaf(two_people).encode())
    assert (root.tag, root.get("FORMAT"), root.get("VERSION")) == ("ANNOTATION_DOCUMENT", "3.0", "3.0")
    order = [tag for tag, _ in pairwise([*(child.tag for child in root), None])]
    first = list(dict.fromkeys(order))
    assert first == ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "CONSTRAINT"]
    slots = [int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")]
    assert slots == sorted(slots)
    ids = [a.get("ANNOTATION_ID") for a in root.iter("ALIGNABLE_ANNOTATION")]
    used = {int(re.sub(r"\D", "", number)) for number in ids}
    assert len(ids) == len(set(ids)) and root.find("HEADER/PROPERTY").text == str(max(used))
    kinds = {kind.get("LINGUISTIC_TYPE_ID") for kind in root.iter("LINGUISTIC_TYPE")}
    assert {tier.get("LINGUISTIC_TYPE_REF") for tier in root.iter("TIER")} <= kinds


def test_video_is_linked_absolutely_and_relatively(tmp_path):
    video = tmp_path / "clips" / "a b & ü.mov"
    person = make_person(1, (make_event(1, "blink", 0, 1),), main=True)
    (tmp_path / "out").mkdir()
    write_eaf(make_description((person,), path=str(video)), tmp_path / "out" / "talk.eaf")
    (link,) = read(tmp_path / "out" / "talk.eaf").get_linked_files()
    assert Path(unquote(urlparse(link["MEDIA_URL"]).path)) == video
    assert link["RELATIVE_MEDIA_URL"] == "./../clips/a b & ü.mov" and link["MIME_TYPE"] == "video/quicktime"


def test_same_description_same_bytes(two_people):
    assert to_eaf(two_people) == to_eaf(two_people) and "1970-01-01T00:00:00+00:00" in to_eaf(two_people)


def test_events_without_length_get_a_millisecond(tmp_path):
    events = (make_event(1, "blink", 0.5, 0.5), make_event(2, "blink", 0.5, 0.5004), make_event(3, "blink", 0.501, 0.7))
    write_eaf(make_description((make_person(1, events, main=True),)), tmp_path / "a.eaf")
    rows = sorted(read(tmp_path / "a.eaf").get_annotation_data_for_tier("P1 blink"))
    assert [(start, end) for start, end, _ in rows] == [(500, 501), (501, 502), (502, 700)]


def test_each_sentence_lasts_as_long_as_the_events_it_is_the_first_to_tell(two_people, tmp_path):
    first = two_people.people[0]
    texts = [replace(s, text=s.text + " \x00") for s in first.sentences]  # a character that XML cannot hold
    again = Sentence("The person does it all once more.", tuple(event.id for event in first.events))
    person = replace(first, sentences=(*texts, again))
    write_eaf(replace(two_people, people=(person,)), tmp_path / "a.eaf")
    tiers = read(tmp_path / "a.eaf")
    rows = [tiers.get_annotation_data_for_tier(f"P1 sentences{number}") for number in ("", " 2", " 3")]
    spans = [[(start, end) for start, end, _ in sorted(row)] for row in rows]
    events = [(e.t0, e.t1) for e in first.events]
    whole = (min(t0 for t0, _ in events), max(t1 for _, t1 in events))
    wanted = sorted((round(t0 * 1000), round(t1 * 1000)) for t0, t1 in [*events, whole])
    assert sorted(span for row in spans for span in row) == wanted
    assert all(a[1] <= b[0] for row in spans for a, b in pairwise(row))
