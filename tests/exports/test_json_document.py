"""The JSON obeys its schema, holds no NaN, says what is unknown, and reads back."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import facevlm.exports
from facevlm.errors import InputError
from facevlm.exports.documents import DescriptionDocument
from facevlm.exports.json_document import read_description, to_dict, to_json, write_json
from facevlm.exports.schema_files import SCHEMA_FILES, json_schema
from facevlm.expression.event import ACTIONS
from facevlm.tracking.track import Join, Selection

from .conftest import make_description, make_event, make_person

FOLDER = Path(facevlm.exports.__file__).parent


def schema(name: str) -> jsonschema.Draft202012Validator:
    document = json.loads((FOLDER / name).read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


@pytest.mark.parametrize("name", SCHEMA_FILES)
def test_schema_files_equal_the_models(name):
    assert json.loads((FOLDER / name).read_text()) == json_schema(SCHEMA_FILES[name]), (
        "run python -m facevlm.exports.schema_files"
    )


@pytest.mark.parametrize("fixture", ["two_people", "one_person", "nobody", "every_action"])
def test_every_description_obeys_the_schema_and_reads_back(fixture, request, tmp_path):
    description = request.getfixturevalue(fixture)
    write_json(description, tmp_path / "a.json")
    schema("description.schema.json").validate(json.loads((tmp_path / "a.json").read_text()))
    document = read_description(tmp_path / "a.json")
    for written, read in zip(description.people, document.people, strict=True):
        assert tuple(event.to_event() for event in read.events) == written.events
    assert document.model_dump(mode="json", by_alias=True) == to_dict(description)


def test_the_issues_example_fields(two_people):
    document = to_dict(two_people)
    assert list(document) == ["schema", "video", "people", "caption", "warnings", "candidates"]
    assert document["schema"] == "facevlm/description/1"
    assert document["video"]["fps"] == 29.97003
    assert document["people"][0]["events"][1] == {
        "id": 2, "action": "blink", "t0": 1.28, "peak": 1.34, "t1": 1.46, "strength": "clear", "score": 0.9,
        "image_side": None, "action_units": ["AU45"],
    }  # fmt: skip
    assert document["people"][0]["selection"]["reason"].startswith("person 1 covers")


def test_unknown_numbers_are_null_with_a_warning(nobody):
    document = to_dict(nobody)
    assert document["video"]["duration_s"] is None and document["video"]["fps"] is None
    assert document["warnings"] == ["The duration of the video is unknown.", "The frame rate of the video is unknown."]


def test_nan_similarity_is_null_with_a_warning(one_person):
    person = one_person.people[0]
    lonely = replace(person, track=replace(person.track, similarity=float("nan")))
    document = to_dict(replace(one_person, people=(lonely,)))
    assert document["people"][0]["selection"]["similarity"] is None
    (warning,) = document["warnings"]
    assert warning == "The appearance similarity of person 1 (how alike the face looks over time) is unknown."
    assert "NaN" not in to_json(replace(one_person, people=(lonely,)))


def test_the_choice_is_explained_by_all_tracks_and_their_features(two_people):
    first, second = (person.track for person in two_people.people)
    chosen = replace(first, selection=Selection(0.07, 0.93, 1.0, -0.54321, "main", 0.45679, 1))
    joined = replace(chosen, joins=(Join(1, 4, "appearance", 0.97123, True),))
    only = replace(two_people.people[0], track=joined)
    document = to_dict(replace(two_people, people=(only,), candidates=(joined, second)))
    assert [c["track_id"] for c in document["candidates"]] == [1, 2]
    features = document["candidates"][0]["selection"]
    assert {name: value for name, value in features.items() if name != "reason"} == {
        "similarity": 0.93, "area_z": 1.0, "similarity_z": -0.5432,
        "cluster": "main", "cluster_merit": 0.4568, "rank": 1,
    }  # fmt: skip
    unknown = document["candidates"][1]["selection"]
    assert unknown["cluster"] is unknown["rank"] is unknown["area_z"] is None
    (join,) = document["people"][0]["joins"]
    assert join == {"former": 1, "latter": 4, "how": "appearance", "score": 0.9712, "across_cut": True}
    DescriptionDocument.model_validate_json(json.dumps(document))


def test_decoder_warnings_are_said_once(one_person):
    one_person.decoding.warnings.append("3 packets are damaged.")
    described = replace(one_person, warnings=("3 packets are damaged.",))
    assert to_dict(described)["warnings"] == ["3 packets are damaged."]


def test_schema_knows_every_action_and_no_other():
    found = json.loads((FOLDER / "description.schema.json").read_text())["$defs"]["EventRecord"]["properties"]["action"]
    assert found["enum"] == list(ACTIONS)


def _drop(document):
    del document["people"][0]["caption"]


def _rename(document):
    document["people"][0]["events"][0]["action"] = "frown"


def _extra(document):
    document["people"][0]["mood"] = "happy"


def _wrong_type(document):
    document["video"]["width"] = "640"


def _wrong_order(document):
    document["people"][0]["events"][0]["peak"] = 99.0


def _twice(document):
    document["people"][1]["events"][0]["id"] = 1
    document["people"][1]["sentences"] = []


def _overlap(document):
    document["people"][0]["events"][2]["image_side"] = "right"


def _unknown_event(document):
    document["people"][0]["sentences"][1]["events"] = [77]


def _no_main(document):
    document["people"][0]["main"] = False


@pytest.mark.parametrize(
    ("damage", "place", "by_schema"),
    [
        (_drop, r"people\[0\].caption: Field required", True),
        (_rename, r"people\[0\].events\[0\].action", True),
        (_extra, r"people\[0\].mood: Extra inputs", True),
        (_wrong_type, r"video.width", True),
        (_wrong_order, "t0 <= peak <= t1", False),
        (_twice, "event ids are not unique", False),
        (_overlap, "events 1 and 3 overlap", False),
        (_unknown_event, r"unknown events \[77\]", False),
        (_no_main, "at least one person must be main", False),
    ],
)
def test_damaged_documents_are_refused_with_the_place(damage, place, by_schema, two_people, tmp_path):
    document = to_dict(two_people)
    damage(document)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=place):
        read_description(path)
    assert schema("description.schema.json").is_valid(document) != by_schema


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"])
def test_no_json_is_refused(content, tmp_path):
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.json"):
        read_description(tmp_path / "bad.json")


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_description(tmp_path / "none.json")


def test_odd_text_survives(tmp_path):
    odd = 'clips/<script>é\u2028 "quoted".mp4'
    person = make_person(1, (make_event(1, "blink", 0, 1),), main=True)
    write_json(make_description((person,), path=odd), tmp_path / "odd.json")
    assert read_description(tmp_path / "odd.json").video.path == odd
