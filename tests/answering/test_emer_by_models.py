"""`facevlm eval emer` end to end: described by a vision endpoint or a file, rated by a judge."""

import json

import pytest

from facevlm.endpoints.scripted_server import ScriptedServer
from tests.answering.conftest import pictures_of, text_of
from tests.squares import RED, Square, film, still

TRUE = {"sample_1": "He smiles; he seems happy.", "sample_2": "She frowns, angry.", "sample_3": "He is sad."}


@pytest.fixture
def tree(tmp_path):
    """Three explained clips, of which the third has no video."""
    root = tmp_path / "emer"
    (root / "EMER/dataset-v2").mkdir(parents=True)
    (root / "train").mkdir()
    rows = "".join(f'{name},文,"{caption}"\n' for name, caption in TRUE.items())
    (root / "EMER/dataset-v2/final-EMER-reason.csv").write_text("name,chinese,english\n" + rows)
    for name in list(TRUE)[:2]:
        film(root / f"train/{name}.mp4", 0.2, [Square(RED, still(40, 30, 100))])
    return root


def script(body):
    """A vision model that always sees a happy smile; a judge that rates equal first words 8, others 2."""
    last = body["messages"][-1]
    if pictures_of(last):
        return "He smiles; he seems happy."
    text = text_of(last)
    if "List the words" in text:
        return json.dumps({"labels": [word for word in ("happy", "angry", "sad") if word in text]})
    first = text.split("(true)")[1].split("(predicted)")
    return json.dumps({"score": 8 if "happy" in first[0] and "happy" in first[1] else 2, "reason": ""})


def test_a_model(run, tree, tmp_path):
    pytest.importorskip("openai")
    with ScriptedServer(script) as server:
        asked = ["emer", "--root", tree, "--model", "openai:V", "--model-url", server.base_url, "--frames", 2]
        code, out, _ = run(*asked, "--judge", "openai:J", "--base-url", server.base_url, "-o", tmp_path / "run")
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert code == 1 and "scored 2 / 3, 1 failed" in out and "no such file" in out
    for name in ("clue_overlap_J", "label_overlap_J"):
        assert report["metrics"][name]["value"] == 5 and report["metrics"][name]["interval"]
    card = report["run_card"]
    assert set(card["judge"]["prompts"]) == {"emer_clue_overlap", "emer_labels", "emer_label_overlap"}
    assert card["model"]["answerer"]["model"] == "V" and set(card["model"]["prompts"]) == {"describe_emotion"}


def test_a_file_of_descriptions_needs_no_videos(run, tree, tmp_path):
    pytest.importorskip("openai")
    (tmp_path / "said.json").write_text(json.dumps([{"id": name, "caption": text} for name, text in TRUE.items()]))
    with ScriptedServer(script) as server:
        asked = ["--judge", "openai:J", "--base-url", server.base_url, "-o", tmp_path / "run"]
        code, out, _ = run("emer", "--root", tree, "--model", tmp_path / "said.json", *asked)
    assert code == 0 and "scored 3 / 3" in out


def test_the_rule_judge_rates_nothing(run, tree, tmp_path):
    code, _, err = run("emer", "--root", tree, "--model", "describe", "--judge", "rule", "-o", tmp_path / "run")
    assert code == 2 and "openai:MODEL" in err
