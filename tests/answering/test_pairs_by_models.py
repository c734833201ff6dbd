"""`facevlm eval verification` end to end, over pairs that `facevlm data pairs` draws from a small tree."""

import json
import xml.etree.ElementTree as ET

import cv2
import numpy as np
import pytest

from facevlm.answering import face_vectors
from facevlm.answering.chat_answerer import ChatAnswerer
from facevlm.cli import main
from facevlm.endpoints.scripted_server import ScriptedServer
from facevlm.evaluation.answers import Footage, Question, Told
from tests.answering.conftest import colour_of, pictures_of, text_of
from tests.squares import SquareEmbedder

PEOPLE = 12


@pytest.fixture
def tree(tmp_path, capfd):
    """YouTube Faces of twelve people in three colours, two videos of eight frames each; and pairs of four frames."""
    root = tmp_path / "ytf"
    for person in range(PEOPLE):
        for video in (0, 1):
            folder = root / f"frame_images_DB/Person_{person:02d}/{video}"
            folder.mkdir(parents=True)
            for number in range(8):
                picture = np.full((72, 96, 3), 40, np.uint8)
                picture[11:61, 20:70] = 90
                picture[11:61, 20:70, 2 - person % 3] = 250  # BGR
                cv2.imwrite(str(folder / f"{video}.{number}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    (root / "splits.txt").write_text("split number, pair number, first name, second name, is same\n")
    drawn = ["data", "pairs", "--dataset", "ytf", "--root", str(root), "--frames", "4", "-o", str(tmp_path / "pairs")]
    assert main(drawn) == 0 and "12 pairs, 6 same" in capfd.readouterr().err
    return root


@pytest.fixture
def pairs(tree, tmp_path):
    return [json.loads(line) for line in (tmp_path / "pairs").read_text().splitlines()]


def colour(segment):
    return int(segment["identity"].removeprefix("Person_")) % 3


def report_of(folder):
    return json.loads((folder / "report.json").read_text())


def script(body):
    """Says yes for equal colours; describes by colour; of red says nothing readable."""
    last = body["messages"][-1]
    shown = [colour_of(picture) for picture in pictures_of(last)]
    if "Please describe" in text_of(last):
        return f"A face of colour {shown[0]}."
    assert len(shown) == 4
    return "Hm." if shown[0] == shown[-1] == 0 else "Yes." if shown[0] == shown[-1] else "No, they differ."


def test_answers_in_words(run, tree, pairs, tmp_path):
    pytest.importorskip("openai")
    with ScriptedServer(script) as server:
        asked = ["verification", "--pairs", tmp_path / "pairs", "--root", tree, "--frames", 2, "--model", "openai:V"]
        code, out, _ = run(*asked, "--model-url", server.base_url, "-o", tmp_path / "run")
    report = report_of(tmp_path / "run")
    equal = [colour(pair["a"]) == colour(pair["b"]) for pair in pairs]
    unread = [one and colour(pair["a"]) == 0 for one, pair in zip(equal, pairs, strict=True)]
    right = [not u and e == pair["same"] for u, e, pair in zip(unread, equal, pairs, strict=True)]
    assert code == 0 and report["metrics"]["accuracy"]["value"] == pytest.approx(100 * np.mean(right))
    assert report["metrics"]["unparsed"]["value"] == sum(unread)
    assert report["reference_set"] == "12 pairs, 50.0 % of one person" and "'same' scores accuracy 50.0" in out
    assert set(report["run_card"]["model"]["prompts"]) == {"same_person"}


def test_descriptions_of_another_model_are_in_the_prompt(run, tree, pairs, tmp_path):
    pytest.importorskip("openai")
    with ScriptedServer(script) as server:
        asked = ["verification", "--pairs", tmp_path / "pairs", "--root", tree, "--frames", 2, "--model", "openai:V"]
        asked += ["--model-url", server.base_url, "--describe-with", "openai:FaVChat"]
        assert run(*asked, "-o", tmp_path / "run")[0] == 0
    compared = [body for body in server.requests if "same person" in text_of(body["messages"][-1])]
    assert {body["model"] for body in compared} == {"V"}
    assert {body["model"] for body in server.requests} == {"V", "FaVChat"}
    for body in compared:
        shown = [colour_of(picture) for picture in pictures_of(body["messages"][-1])]
        told = text_of(body["messages"][-1])
        first, second = told.split("First clip:\n")[1].split("\n\nSecond clip:\n")
        assert first.startswith(f"A face of colour {shown[0]}.") and second.startswith(f"A face of colour {shown[-1]}.")
    card = report_of(tmp_path / "run")["run_card"]["model"]
    assert card["described_with"]["model"] == "FaVChat" and set(card["prompts"]) == {
        "same_person_described",
        "describe_identity",
    }


def test_our_own_model_describes_the_faces(run, tree, pairs, squares, tmp_path):
    pytest.importorskip("openai")
    pytest.importorskip("torch")
    with ScriptedServer(lambda body: "yes") as server:
        asked = [
            *("verification", "--model", "openai:V", "--pairs", tmp_path / "pairs", "--root", tree, "--frames", 2),
            *("--model-url", server.base_url, "--describe-with", "chat:tiny-facetrack-mm", "--answer-tokens", 6),
        ]
        code, _, _ = run(*asked, "-o", tmp_path / "run")
    assert code == 0 and not report_of(tmp_path / "run")["failures"] and server.requests
    rows = [json.loads(line) for line in (tmp_path / "run" / "faces.jsonl").read_text().splitlines()]
    assert len(rows) == 1 + 2 * len(pairs) and all(row["text"].strip() for row in rows[1:])
    assert "as videos of 25 a second" in json.dumps(rows[0])
    assert any(rows[1]["text"] in text_of(body["messages"][-1]) for body in server.requests)


@pytest.mark.parametrize("model", ["tiny", "tiny-favchat-v2", "tiny-facetrack-mm"])
def test_our_own_model_compares(model, run, tree, squares, tmp_path):
    pytest.importorskip("torch")
    asked = ["verification", "--pairs", tmp_path / "pairs", "--root", tree, "--model", f"chat:{model}"]
    code, out, _ = run(*asked, "--answer-tokens", 6, "-o", tmp_path / "run")
    assert code == 0 and "scored 12 / 12" in out
    rows = [json.loads(line) for line in (tmp_path / "run" / "comparisons.jsonl").read_text().splitlines()]
    assert len(rows) == 13 and all(row["text"].strip() for row in rows[1:])


def test_our_own_model_sees_both_clips_of_a_pair(tree, pairs, squares, told):
    pytest.importorskip("torch")
    answerer = ChatAnswerer("tiny-facetrack-mm", max_tokens=3, device="cpu")
    shown = [Footage(tree, pairs[0][side]["path"], tuple(pairs[0][side]["frames"])) for side in "ab"]
    asked = Question("x", "First clip:\nA scar.\n\nThe same?", "Compare.", tuple(shown))
    assert isinstance(answerer.answer([asked])[0], Told)
    ((seen, (message,)),) = told
    assert [part["type"] for part in message["content"][:2]] == ["video", "video"]
    texts = [part["text"] for part in message["content"][2:]]
    assert texts == ["Compare.", "First clip:\nA scar.", "The same?"]  # encoders read the last one
    for clip, footage in zip(seen, shown, strict=True):
        red = clip.clip.frames[0][36, 48]
        first = cv2.imread(str(footage.path / footage.frames[0]))[36, 48, ::-1]
        assert np.abs(red.astype(int) - first).max() < 6


def test_descriptions_in_a_file_and_one_that_is_missing(run, tree, pairs, tmp_path):
    pytest.importorskip("openai")
    names = [f"{pair['id']}/{side}" for pair in pairs for side in "ab"][1:]
    (tmp_path / "said.json").write_text(json.dumps([{"id": name, "caption": "A face."} for name in names]))
    with ScriptedServer(script) as server:
        asked = ["verification", "--pairs", tmp_path / "pairs", "--root", tree, "--frames", 2, "--model", "openai:V"]
        asked += ["--model-url", server.base_url, "--describe-with", tmp_path / "said.json"]
        code, out, _ = run(*asked, "-o", tmp_path / "run")
    assert code == 1 and "scored 11 / 12, 1 failed" in out and "no description of a: not in the file" in out


def test_similarities_of_the_appearance_vector(run, tree, pairs, squares, tmp_path):
    asked = ["verification", "--pairs", tmp_path / "pairs", "--root", tree, "--frames", 2, "--model", "appearance"]
    code, out, err = run(*asked, "-o", tmp_path / "run")
    report = report_of(tmp_path / "run")
    assert code == 0, out + err
    metrics = report["metrics"]
    equal = [colour(pair["a"]) == colour(pair["b"]) for pair in pairs]
    missed = sum(one and not pair["same"] for one, pair in zip(equal, pairs, strict=True))
    assert metrics["auc"]["value"] == pytest.approx(100 * (1 - 0.5 * missed / 6), abs=20)
    assert set(metrics) == {"accuracy", "auc", "tar_at_far_0.1", "tar_at_far_0.01", "tar_at_far_0.001"}
    assert metrics["accuracy"]["interval"] and ET.fromstring((tmp_path / "run" / "roc.svg").read_text()) is not None
    assert "recognises" not in out and report["run_card"]["model"]["answerer"]["model"] == "appearance descriptor"
    rows = [json.loads(line) for line in (tmp_path / "run" / "samples.jsonl").read_text().splitlines()]
    assert all(-1 <= float(row["answer"]) <= 1.000001 for row in rows)


def test_similarities_of_an_embedder_by_path(run, tree, squares, tmp_path, monkeypatch):
    monkeypatch.setattr(face_vectors, "OnnxEmbedder", lambda path: SquareEmbedder())
    (tmp_path / "faces.onnx").write_bytes(b"x")
    asked = ["verification", "--pairs", tmp_path / "pairs", "--root", tree, "-o", tmp_path / "run"]
    assert run(*asked, "--model", f"onnx:{tmp_path / 'faces.onnx'}")[0] == 0
    card = report_of(tmp_path / "run")["run_card"]["model"]["answerer"]
    assert card["model"] == "onnx faces.onnx" and len(card["revision"]) == 64


def test_a_segment_without_a_face_is_a_failure(run, tree, pairs, squares, tmp_path):
    for name in pairs[0]["a"]["frames"]:
        cv2.imwrite(str(tree / pairs[0]["a"]["path"] / name), np.full((72, 96, 3), 40, np.uint8))
    asked = ["verification", "--pairs", tmp_path / "pairs", "--root", tree, "--model", "appearance"]
    code, out, _ = run(*asked, "-o", tmp_path / "run")
    assert code == 1 and "scored 11 / 12, 1 failed" in out and "no face was found" in out


@pytest.mark.parametrize("other", ["another person", "other frames"])
def test_answers_are_not_used_for_other_pairs(other, run, tree, pairs, tmp_path):
    pytest.importorskip("openai")
    number, pair = next((k, pair) for k, pair in enumerate(pairs) if pair["same"])
    side = pair["b"]
    if other == "another person":  # whose folder of frames has the same name
        name = next(p["b"]["identity"] for p in pairs if colour(p["b"]) != colour(side))
        side = side | {key: side[key].replace(side["identity"], name) for key in ("path", "identity", "source_clip_id")}
    else:
        side = side | {"frames": side["frames"][::-1]}
    changed = [*pairs[:number], pair | {"b": side}, *pairs[number + 1 :]]
    said = json.dumps([{"id": pair["id"], "answer": "yes"} for pair in pairs])
    (tmp_path / "said.json").write_text(said)
    asked = ["verification", "--pairs", tmp_path / "pairs", "--root", tree, "--frames", 2]
    with ScriptedServer(script) as server:
        by_model = ["--model", "openai:V", "--model-url", server.base_url, "-o", tmp_path / "run"]
        assert run(*asked, *by_model)[0] == 0
        assert run(*asked, "--model", tmp_path / "said.json", "-o", tmp_path / "file")[0] == 0
        (tmp_path / "pairs").write_text("".join(json.dumps(one) + "\n" for one in changed))
        code, _, err = run(*asked, *by_model)
        assert code == 2 and f"another question about {pair['id']}" in err
    code, _, err = run(*asked, "--model", tmp_path / "said.json", "-o", tmp_path / "file")
    assert code == 2 and "differs in its references" in err


def test_answers_in_a_file_and_a_leak(run, tree, pairs, tmp_path):
    (tmp_path / "said.json").write_text(
        json.dumps([{"id": pair["id"], "answer": "yes" if pair["same"] else "no"} for pair in pairs])
    )
    row = {"source_dataset": "ytf", "source_clip_id": "Other/0", "identity": pairs[0]["a"]["identity"]}
    (tmp_path / "trained.jsonl").write_text(json.dumps(row) + "\n")
    asked = ["verification", "--pairs", tmp_path / "pairs", "--model", tmp_path / "said.json", "-o", tmp_path / "run"]
    code, out, _ = run(*asked, "--trained-on", tmp_path / "trained.jsonl")
    report = report_of(tmp_path / "run")
    assert code == 0 and report["metrics"]["accuracy"]["value"] == 100 and "not zero-shot" in out
    assert report["run_card"]["zero_shot"]["shared_identities"] == 1


def test_models_that_cannot_compare(run, tree, tmp_path):
    asked = ["verification", "--pairs", tmp_path / "pairs", "--root", tree, "-o", tmp_path / "run"]
    code, _, err = run(*asked, "--model", "describe")
    models = "chat:FOLDER, openai:NAME, hf:FOLDER, hf-video:FOLDER, appearance, onnx:FILE"
    assert code == 2 and f"no model 'describe' for this (give {models}" in err
    code, _, err = run(*asked, "--model", "appearance", "--describe-with", "openai:V")
    assert code == 2 and "vectors read no descriptions" in err


BROKEN = {
    "no JSON": ("hello\n", "is no pair"),
    "no pair": ('{"id": "0"}\n', "is no pair"),
    "a way out": (None, "leads out of the dataset"),
    "empty": ("", "holds no pairs"),
}


@pytest.mark.parametrize("situation", BROKEN)
def test_files_that_are_no_pairs(situation, run, tree, pairs, tmp_path):
    text, told = BROKEN[situation]
    if text is None:
        text = json.dumps(pairs[0] | {"a": pairs[0]["a"] | {"path": "../elsewhere"}}) + "\n"
    (tmp_path / "pairs").write_text(text)
    code, _, err = run("verification", "--pairs", tmp_path / "pairs", "--model", "appearance", "-o", tmp_path / "run")
    assert code == 1 and told in err
