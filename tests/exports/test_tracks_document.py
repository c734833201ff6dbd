"""Tracks as JSON and as MOTChallenge text hold the final ids and leave out what is in no summary."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import facevlm.exports
from facevlm.errors import InputError
from facevlm.exports.tracks_document import FaceRow, read_tracks, tracks_json, write_mot, write_tracks_json

BOX = np.array([10.004, 20.0, 60.5, 90.25], np.float32)
POINTS = np.array([[20, 40], [40, 40.123], [30, 55], [22, 70], [38, 70]], np.float32)


@pytest.fixture
def rows() -> list[FaceRow]:
    """Person 1 in frames 0 and 1, then re-linked as 3; a short false track 9; person 2."""
    return [
        FaceRow(0.0, 0, 1, BOX, 0.99),
        FaceRow(0.0, 0, 2, BOX + 100, 0.9),
        FaceRow(0.0, 0, 9, BOX + 200, 0.6),
        FaceRow(0.04, 1, 1, BOX, 0.98, POINTS),
        FaceRow(1.04, 26, 3, BOX + 1, 0.97),
    ]


@pytest.fixture
def tracks(two_people):
    """Summaries of two people; the first joins the provisional ids 1 and 3."""
    first, second = (person.track for person in two_people.people)
    return [replace(first, parts=(1, 3)), second]


def test_json_joins_parts_and_drops_false_tracks(two_people, tracks, rows):
    document = json.loads("".join(tracks_json(two_people.video, two_people.decoding, tracks=tracks, rows=rows)))
    assert [[frame["index"] for frame in person["frames"]] for person in document["people"]] == [[0, 1, 26], [0]]
    second = {"index": 1, "t": 0.04, "box": [10.0, 20.0, 60.5, 90.25], "presence": 0.98}
    points = [[20.0, 40.0], [40.0, 40.12], [30.0, 55.0], [22.0, 70.0], [38.0, 70.0]]
    assert document["people"][0]["frames"][1] == {**second, "points": points}
    assert document["people"][0]["frames"][0]["points"] is None


def test_json_obeys_the_schema_and_reads_back(two_people, tracks, rows, tmp_path):
    write_tracks_json(two_people.video, two_people.decoding, tmp_path / "t.json", tracks=tracks, rows=rows)
    schema = json.loads((Path(facevlm.exports.__file__).parent / "tracks.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads((tmp_path / "t.json").read_text()))
    people = read_tracks(tmp_path / "t.json").people
    assert [len(person.frames) for person in people] == [3, 1]
    assert people[0].frames[0].points is None and people[0].frames[1].points[2] == (30.0, 55.0)


def test_no_name_can_be_taken_for_frames(two_people, tracks, rows, tmp_path):
    video = replace(two_people.video, path='"frames": [] \\"frames": []')
    write_tracks_json(video, two_people.decoding, tmp_path / "t.json", tracks=tracks, rows=rows)
    document = read_tracks(tmp_path / "t.json")
    assert document.video.path == video.path and [len(person.frames) for person in document.people] == [3, 1]
    text = (tmp_path / "t.json").read_text()
    assert text == json.dumps(json.loads(text), ensure_ascii=False) + "\n"


def test_an_older_file_is_read(two_people, tracks, rows, tmp_path):
    document = json.loads("".join(tracks_json(two_people.video, two_people.decoding, tracks=tracks, rows=rows)))
    for person in document["people"]:
        for frame in person["frames"]:
            del frame["points"]
    del document["chosen"]
    (tmp_path / "t.json").write_text(json.dumps(document))
    read = read_tracks(tmp_path / "t.json")
    assert all(frame.points is None for person in read.people for frame in person.frames) and read.chosen is None


def person(number, *path):
    return ("people", number, *path)


FRAME = {"index": 1, "t": 0.04, "box": [1, 2, 3, 4], "presence": 0.9}
JOIN = {"former": 1, "latter": 3, "how": "user", "score": None, "across_cut": False}
MADE_BY_HAND = {
    # what stands where -> what is told
    "no span": (person(0, "spans"), [], "people[0].spans: "),
    "a reversed span": (person(1, "spans"), [[0, 1], [3, 2]], "people[1].spans[1]: Value error, ends at 2.0 s before"),
    "a reversed shot": (("shots",), [[2, 1]], "shots[0]: Value error, ends at 1.0 s before"),
    "a box upside down": (person(0, "frames", 1, "box"), [1, 9, 3, 4], "people[0].frames[1]: Value error, box (1.0, 9"),
    "a box from right to left": (person(0, "frames", 1, "box"), [3, 2, 1, 4], "inverted"),
    "a frame twice": (person(1, "frames"), [FRAME, FRAME], "people[1]: Value error, person 2: frame 1 comes twice"),
    "a join with itself": (person(0, "joins"), [{**JOIN, "latter": 1}], "people[0].joins[0]: Value error, track 1 is"),
    "too many vectors": (("likeness", "vectors"), [10**400, 1], "likeness.vectors[0]: "),
    "huge products": (("likeness", "products"), [[1e308] * 2] * 2, "likeness: Value error, products[0][0] is 1e+308"),
    "a product without vectors": (("likeness", "products"), [[0, 0], [0, 1]], "products[1][1] is 1.0"),
    "too few products": (("likeness", "products"), [[0, 0]], "likeness: Value error, likeness of 2 tracks needs"),
    "more than the picture": (person(0, "area_share"), 1.01, "people[0].area_share: "),
    "nobody chosen": (("chosen",), 9, "person 9 is chosen, and so must be the only main character"),
    "another chosen than is main": (("chosen",), 2, "person 2 is chosen, and so must be the only main character"),
}


@pytest.mark.parametrize("name", MADE_BY_HAND)
def test_what_cannot_be_is_refused_with_its_place(two_people, tracks, rows, tmp_path, name):
    (*way, last), value, says = MADE_BY_HAND[name]
    document = json.loads("".join(tracks_json(two_people.video, two_people.decoding, tracks=tracks, rows=rows)))
    place = document
    for step in way:
        place = place[step]
    place[last] = value
    (tmp_path / "t.json").write_text(json.dumps(document))
    with pytest.raises(InputError) as error:
        read_tracks(tmp_path / "t.json")
    assert str(error.value).startswith(f"{tmp_path / 't.json'}: ") and says in str(error.value)


def test_memory_grows_with_people_not_with_pairs_of_them(two_people, tracks, tmp_path):
    crowd = [
        replace(tracks[0], track_id=i, parts=(i,), vectors=1, vector_sum=np.array([1.0, 0.0])) for i in range(1, 501)
    ]
    tracemalloc.start()
    try:
        write_tracks_json(two_people.video, two_people.decoding, tmp_path / "t.json", tracks=crowd, rows=[])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000 * len(crowd)
    assert read_tracks(tmp_path / "t.json").likeness.products[3] == (1.0,) * len(crowd)


def test_mot_counts_frames_from_one(tracks, rows, tmp_path):
    write_mot(tracks, tmp_path / "t.txt", rows=rows)
    assert (tmp_path / "t.txt").read_text().splitlines() == [
        "1,1,10.00,20.00,50.50,70.25,0.9900,-1,-1,-1",
        "1,2,110.00,120.00,50.50,70.25,0.9000,-1,-1,-1",
        "2,1,10.00,20.00,50.50,70.25,0.9800,-1,-1,-1",
        "27,1,11.00,21.00,50.50,70.25,0.9700,-1,-1,-1",
    ]


def test_a_writer_that_fails_leaves_no_file(tracks, tmp_path):
    def broken():
        yield FaceRow(0.0, 0, 1, BOX, 0.9)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        write_mot(tracks, tmp_path / "t.txt", rows=broken())
    assert list(tmp_path.iterdir()) == []
