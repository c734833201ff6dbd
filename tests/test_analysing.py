"""A face-attribute model over tracked faces: when it looks, what is made of its answers, what captions take of it."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

import facevlm.exports  # noqa: E402
from facevlm.analysing import FaceReader, Tendency, analyse  # noqa: E402
from facevlm.captioning.face_attributes import looks_of  # noqa: E402
from facevlm.cli import main  # noqa: E402
from facevlm.describing import describe  # noqa: E402
from facevlm.errors import InputError, UsageError, WeightsError  # noqa: E402
from facevlm.exports.analysis_document import read_analysis, to_json  # noqa: E402
from facevlm.models.checkpoint import open_checkpoint  # noqa: E402
from facevlm.models.face_analyser import FaceAnalyser, config_of  # noqa: E402
from facevlm.models.face_answers import (  # noqa: E402
    ATTRIBUTES,
    PARSING,
    SENSITIVE_ATTRIBUTES,
    NamedFace,
    SensitiveGuess,
    named,
)
from facevlm.models.favchat import FaVChatForConditionalGeneration  # noqa: E402
from facevlm.models.preprocess import face_pixels  # noqa: E402
from facevlm.tracking.track import Moment, TrackedFace, TrackSummary  # noqa: E402
from facevlm.video.encode import VideoWriter  # noqa: E402
from tests.models import public_folders, public_layouts  # noqa: E402

SIDE = 224


class Scripted:
    """An analyser that says what it is told to, and keeps what it was shown."""

    def __init__(self, *scripts, sensitive=False):
        self.scripts, self.shown, self.sensitive = list(scripts), [], sensitive

    def __call__(self, crops):
        self.shown += crops
        return [said(**(self.scripts.pop(0) if self.scripts else {})) for _ in crops]


def said(age=None, gender=None, **attributes):
    points = np.full((68, 2), (SIDE - 1) / 2, np.float32)
    told = {name: 0.1 for name in ATTRIBUTES if name not in SENSITIVE_ATTRIBUTES} | attributes
    guesses = {"age": age and SensitiveGuess(age, 0.9), "gender": gender and SensitiveGuess(gender, 0.95)}
    parsing = np.zeros((SIDE, SIDE), np.uint8)
    return NamedFace(points, 0.0, 0.0, 0.0, told, np.zeros(29, np.float32), parsing, **guesses)


def moment(time, *faces, size=(200, 100)):
    return Moment(int(time * 10), time, 0, np.zeros((size[1], size[0], 3), np.uint8), faces)


def face(track_id=1, box=(40, 20, 80, 60), occlusion=None):
    return TrackedFace(track_id, np.array(box, np.float32), np.zeros((478, 3), np.float32), 1.0, occlusion)


def summary(track_id=1, parts=(1,)):
    return TrackSummary(track_id, parts, ((0.0, 1.0),), 5, 0.1, 0.9, True, "")


LOOKS = {  # what happens -> moments of one track, times of the looks
    "every second": ([(k / 10, None) for k in range(25)], [0.0, 1.0, 2.0]),
    "a variable frame rate": ([(0.0, None), (0.9, None), (1.3, None), (2.2, None), (2.4, None)], [0.0, 1.3, 2.4]),
    "hidden at first": ([(0.0, 0.6), (0.1, 0.4), (0.2, 0.1), (1.0, None), (1.2, None)], [0.2, 1.2]),
    "hidden throughout": ([(0.0, 0.5), (1.0, 0.9)], []),
}


@pytest.mark.parametrize("situation", LOOKS)
def test_faces_are_looked_at_at_even_times(situation):
    moments, expected = LOOKS[situation]
    reader = FaceReader(Scripted())
    for time, occlusion in moments:
        reader(moment(time, face(occlusion=occlusion)))
    assert [reading.time for reading in reader.person(summary()).readings] == expected


def test_two_people_are_looked_at_together_and_told_apart():
    analyser = Scripted({"Smiling": 0.9}, {"Smiling": 0.2})
    reader = FaceReader(analyser)
    reader(moment(0.0, face(1), face(2, (120, 20, 160, 60))))
    assert len(analyser.shown) == 2 and analyser.shown[0].shape == (SIDE, SIDE, 3)
    assert [reader.person(summary(i, (i,))).attributes["Smiling"].value for i in (1, 2)] == ["yes", "no"]


def test_parts_of_one_person_are_read_together_in_order_of_time():
    reader = FaceReader(Scripted({"Bald": 0.9}, {"Bald": 0.7}, {"Bald": 0.2}))
    for time, track_id in ((0.0, 4), (1.0, 4), (5.0, 9)):
        reader(moment(time, face(track_id)))
    person = reader.person(summary(9, (4, 9)))
    assert [reading.time for reading in person.readings] == [0.0, 1.0, 5.0]
    bald = person.attributes["Bald"]
    assert bald.value == "yes" and bald.probability == pytest.approx(0.6) and bald.agreement == pytest.approx(2 / 3)


def test_landmarks_are_in_pixels_of_the_frame():
    reader = FaceReader(Scripted())
    reader(moment(0.0, face(box=(40, 20, 80, 60))))  # widened to 30..90 x 10..70
    (reading,) = reader.person(summary()).readings
    assert np.allclose(reading.landmarks, (59.5, 39.5))  # its middle, pixel centres counted from 0


def test_guesses_are_told_only_when_the_analyser_makes_them():
    reader = FaceReader(Scripted({"age": "20-29"}, {"age": "20-29"}, {"age": "30-39"}, sensitive=True))
    for time in range(3):
        reader(moment(float(time), face()))
    person = reader.person(summary())
    assert set(person.guesses) == {"age"} and person.guesses["age"].value == "20-29"
    assert person.guesses["age"].agreement == pytest.approx(2 / 3)


@pytest.mark.parametrize("every_s", [0, -1.0, float("nan")])
def test_no_time_between_looks_is_told(every_s):
    with pytest.raises(UsageError, match="no time between looks"):
        FaceReader(Scripted(), every_s=every_s)


YES, UNSURE, SPLIT = Tendency("yes", 0.95, 1.0), Tendency("yes", 0.7, 1.0), Tendency("yes", 0.9, 0.6)
CAPTIONS = {  # what the model says -> what is said of the looks
    "nothing sure": ({"Eyeglasses": UNSURE, "Black_Hair": SPLIT}, {}, {}),
    "surely not": ({"Eyeglasses": Tendency("no", 0.99, 1.0)}, {}, {}),
    "glasses": ({"Eyeglasses": YES}, {}, {"glasses": "glasses"}),
    "hair": ({"Gray_Hair": YES, "Wavy_Hair": YES}, {}, {"hair": "wavy gray"}),
    "shape alone": ({"Wavy_Hair": YES}, {}, {}),
    "bald": ({"Bald": YES}, {}, {"hair": "none"}),
    "beard": ({"Goatee": YES, "Mustache": UNSURE}, {}, {"facial_hair": "a goatee"}),
    "sensitive": (
        {},
        {"gender": Tendency("female", 0.9, 1.0), "age": Tendency("20-29", 0.9, 0.9), "race": YES},
        {"gender": "woman", "age_group": "20-29"},
    ),
    "sensitive but unsure": ({}, {"gender": Tendency("female", 0.6, 1.0)}, {}),
}


@pytest.mark.parametrize("situation", CAPTIONS)
def test_only_what_is_sure_is_said(situation):
    attributes, guesses, expected = CAPTIONS[situation]
    assert {name: fact.value for name, fact in looks_of(attributes, guesses).items()} == expected


def test_describe_says_what_the_analyser_is_sure_of(puppet_clip):
    analyser = Scripted(*[{"Eyeglasses": 0.97, "Brown_Hair": 0.9}] * 20)
    (person,) = describe(puppet_clip.path, analyser=analyser).people
    assert person.appearance["hair"].value == "brown" and person.appearance["glasses"].confidence == 0.97
    assert "brown hair" in person.caption and "glasses" in person.caption
    assert len(analyser.shown) == 5  # a clip of five seconds
    without = describe(puppet_clip.path).people[0]
    assert without.events == person.events and "hair" not in without.caption


def to_document(analysis, *, sensitive=False):
    return json.loads(to_json(analysis, weights="model.pt", sensitive=sensitive, parsing=PARSING))


def obeys_the_schema(document):
    schema = json.loads((Path(facevlm.exports.__file__).parent / "analysis.schema.json").read_text())
    return jsonschema.Draft202012Validator(schema).is_valid(document)


@pytest.mark.parametrize("sensitive", [False, True])
def test_the_document_obeys_its_schema_and_reads_back(sensitive, puppet_clip, tmp_path):
    script = {"age": "20-29", "gender": "female"} if sensitive else {}
    document = to_document(analyse(puppet_clip.path, Scripted(*[script] * 9)), sensitive=sensitive)
    assert obeys_the_schema(document) and obeys_the_schema({**document, "people": []})
    (tmp_path / "a.json").write_text(json.dumps(document))
    (person,) = read_analysis(tmp_path / "a.json").people
    assert len(person.readings) == 5 and person.attributes["Bald"].value == "no"
    assert set(person.guesses) == ({"age", "gender"} if sensitive else set())


DAMAGED = {  # what is wrong -> how it is made so, what is told, whether the schema alone tells it
    "no video": (lambda d: d.pop("video"), "video: Field required", True),
    "half a face": (lambda d: d["people"][0]["readings"][0]["landmarks"].pop(), "landmarks", True),
    "more than sure": (lambda d: d["people"][0]["attributes"]["Bald"].update(agreement=1.5), "agreement", True),
    "a guess of another kind": (
        lambda d: d["people"][0].update(guesses={"faith": d["people"][0]["attributes"]["Bald"]}),
        "guesses",
        True,
    ),
    "guesses that nobody asked for": (
        lambda d: d["people"][0].update(guesses={"age": d["people"][0]["attributes"]["Bald"]}),
        "person 1: guesses that were not asked for",
        False,
    ),
    "out of order": (lambda d: d["people"][0]["readings"].reverse(), "not in order of time", False),
}


@pytest.mark.parametrize("situation", DAMAGED)
def test_a_damaged_document_is_refused(situation, puppet_clip, tmp_path):
    damage, message, by_schema = DAMAGED[situation]
    document = to_document(analyse(puppet_clip.path, Scripted()))
    damage(document)
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=message):
        read_analysis(tmp_path / "a.json")
    assert obeys_the_schema(document) != by_schema


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Small random weights in the public layout."""
    return public_folders.facexformer(tmp_path_factory.mktemp("face") / "model.pt")


def test_sizes_are_read_off_the_weights(weights):
    held = open_checkpoint(weights, entry="state_dict_backbone")
    config = config_of(held)
    assert (config.embed_dim, config.depths, config.num_heads) == (8, (1, 1, 2, 1), (1, 2, 4, 8))
    assert (config.width, config.decoder_mlp, config.window_size, config.patch_size) == (32, 48, 7, 4)
    with torch.device("meta"):
        full = {name: torch.empty(shape) for name, shape in public_layouts.facexformer().items()}
    from facevlm.models.facexformer import FaceXFormerConfig

    assert config_of(full) == FaceXFormerConfig()


def test_answers_are_those_of_the_model_with_these_weights(weights, tmp_path):
    crops = [np.random.default_rng(k).integers(0, 255, (50 + k, 40, 3), np.uint8) for k in range(3)]
    told = FaceAnalyser(weights)(crops)
    assert len(told) == 3 and told[0].age is None and "Male" not in told[0].attributes
    assert not np.allclose(told[0].landmarks, told[1].landmarks)
    sensitive = FaceAnalyser(weights, sensitive=True)(crops[:1])[0]
    assert sensitive.race is not None and set(sensitive.attributes) == set(ATTRIBUTES)
    assert np.allclose(sensitive.landmarks, told[0].landmarks, atol=1e-3)
    made, config = tmp_path / "face.safetensors", tmp_path / "sizes.json"
    config.write_text(json.dumps({"facexformer": public_folders.TINY_FACE}))
    words = ["models", "convert", "facexformer", str(weights), "-o", str(made), "--config", str(config)]
    assert main(words) == 0
    assert np.allclose(FaceAnalyser(made)(crops)[2].landmarks, told[2].landmarks, atol=1e-3)


def test_weights_of_an_assembled_model_are_taken(weights, tmp_path):
    made, config = tmp_path / "made", tmp_path / "sizes.json"
    config.write_text(json.dumps({**public_folders.CONFIGS["favchat"], "text_config": public_folders.TINY_TEXT,
                                  "video_token_id": 319}))  # fmt: skip
    random = "--random=umt,chain,qformer,moe,language_model"
    words = ["models", "assemble", "favchat", "-o", made, "--config", config, random, f"--from=facexformer={weights}"]
    assert main([str(w) for w in words] + ["--dtype=float32", "--without-processor", "--quiet"]) == 0
    crop = np.full((60, 60, 3), 90, np.uint8)
    model = FaVChatForConditionalGeneration.from_pretrained(made).eval()
    with torch.inference_mode():
        (expected,) = named(model.facexformer(torch.from_numpy(face_pixels([crop]))).answers)
    model.save_pretrained(tmp_path / "saved")  # with other names of Swin's layers
    for folder in (made, tmp_path / "saved"):
        told = FaceAnalyser(folder)([crop])[0]
        assert np.allclose(told.landmarks, expected.landmarks, atol=1e-3) and told.age is None


def test_other_weights_are_told(tmp_path):
    torch.save({"state_dict_backbone": {"x.weight": torch.ones(2)}}, tmp_path / "model.pt")
    with pytest.raises(WeightsError, match="are no weights of FaceXFormer"):
        FaceAnalyser(tmp_path / "model.pt")
    with pytest.raises(WeightsError, match="no such file or folder"):
        FaceAnalyser(tmp_path / "gone.pt")


def test_no_face_is_a_warning(tmp_path):
    with VideoWriter(tmp_path / "grey.mp4", 160, 120) as writer:
        for k in range(10):
            writer.write(np.full((120, 160, 3), 90 + k, np.uint8), k / 10)
    analyser = Scripted()
    analysis = analyse(tmp_path / "grey.mp4", analyser)
    assert not analyser.shown and not analysis.people and analysis.warnings == ("No face was found.",)


def test_the_verb_writes_the_document(weights, puppet_clip, tmp_path, capsys):
    out = tmp_path / "faces.json"
    words = ["analyze", str(puppet_clip.path), "--weights", str(weights), "--every", "2", "-q"]
    assert main([*words, "-o", str(out)]) == 0
    told = json.loads(out.read_text())
    assert obeys_the_schema(told) and read_analysis(out).weights == "model.pt"
    assert told["schema"] == "facevlm/analysis/1" and told["weights"] == "model.pt" and told["sensitive"] is False
    (person,) = told["people"]
    assert person["main"] and [reading["time"] for reading in person["readings"]] == [0.0, 2.0, 4.0]
    reading = person["readings"][0]
    assert len(reading["landmarks"]) == 68 and len(reading["hidden_points"]) == 29
    assert sum(reading["parsing_shares"].values()) == pytest.approx(1, abs=1e-3)
    assert set(reading["parsing_shares"]) == set(PARSING)
    text = out.read_text()
    assert not any(name in text for name in ("guesses", '"Male"', '"Young"', '"Attractive"'))
    assert main([*words, "--start", "1", "--end", "3.5"]) == 0
    (person,) = json.loads(capsys.readouterr().out)["people"]
    assert [reading["time"] for reading in person["readings"]] == [1.0, 3.0]
    assert main([*words, "--sensitive"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["people"][0]["guesses"]) == {"age", "gender", "race"} and told["sensitive"] is True


USAGE = {
    "no weights given": ([], "--weights"),
    "no such weights": (["--weights", "gone.pt"], "no such file or folder"),
    "output is a folder": (["--weights", "gone.pt", "-o", "."], "is a folder"),
    "no rate": (["--weights", "gone.pt", "--fps", "fast"], "fps"),
}


@pytest.mark.parametrize("situation", USAGE)
def test_wrong_usage_is_told_in_one_line(situation, puppet_clip, capsys, monkeypatch):
    monkeypatch.delenv("FACEVLM_FACE_WEIGHTS", raising=False)
    arguments, message = USAGE[situation]
    assert main(["analyze", str(puppet_clip.path), *arguments]) in (1, 2)
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_describe_from_the_command_line(weights, puppet_clip, capsys):
    assert main(["describe", str(puppet_clip.path), "--sensitive"]) == 2
    assert "give --face-weights" in capsys.readouterr().err
    assert main(["describe", str(puppet_clip.path), "-f", "json", "-q", "--face-weights", str(weights)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["people"][0]["events"]
