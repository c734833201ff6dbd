"""Baselines and the leaderboard: what is ranked with what, what stands apart, what is told of failures."""

import json
import re

import pytest

from facevlm.cli import main
from facevlm.endpoints.scripted_server import ScriptedServer
from facevlm.errors import InputError, UsageError
from facevlm.evaluation.baselines import BASELINES, CONSTANT, SECOND_HUMAN, baseline_predictions
from facevlm.evaluation.leaderboard import group_runs, leaderboard_page, read_runs
from tests.evaluation.grammar_as_model import as_judge

TOLD = {
    "a": "At first, he blinks. Then he smiles and nods.",
    "b": "At first, she opens her mouth. Then she nods twice.",
    "c": "At first, he blinks. Then he smiles and shakes his head.",
    "d": "She talks.",
}


@pytest.fixture
def run(tmp_path, capfd):
    """Runs FEC-Bench on given captions; returns exit code and what was said."""
    told = tmp_path / "ref.json"
    told.write_text(json.dumps([{"id": id, "caption": caption} for id, caption in TOLD.items()]))

    def run_it(name, captions, *arguments):
        said = captions
        if not isinstance(captions, str):
            (tmp_path / f"{name}.json").write_text(json.dumps([{"id": i, "caption": c} for i, c in captions.items()]))
            said = str(tmp_path / f"{name}.json")
        files = ["--model", said, "--references", str(told), "-o", str(tmp_path / "runs" / name)]
        code = main(["eval", "fec-bench", *files, *arguments])
        return code, *capfd.readouterr()

    return run_it


MADE = {
    "constant": [CONSTANT] * 4,
    "nearest": [TOLD["c"], TOLD["d"], TOLD["a"], TOLD["b"]],
    "half": ["At first, he blinks. Then", "At first, she opens her", "At first, he blinks. Then he", "She"],
    "reversed": ["Then he smiles and nods. At first, he blinks.", None, None, "She talks."],
    "reference": list(TOLD.values()),
}


@pytest.mark.parametrize("name", BASELINES)
def test_baselines(name):
    made = baseline_predictions(name, TOLD | {"none": None})
    assert list(made) == list(TOLD) and made == baseline_predictions(name, TOLD)
    for text, wanted in zip(made.values(), MADE.get(name, [None] * 4), strict=True):
        assert wanted is None or text == wanted
    if name in ("random", "same-length", "nearest"):
        assert all(made[id] != TOLD[id] and made[id] in TOLD.values() for id in TOLD)


def test_the_random_baseline_uses_each_caption_once():
    assert sorted(baseline_predictions("random", TOLD).values()) == sorted(TOLD.values())


def test_what_is_no_baseline():
    with pytest.raises(UsageError, match="same-length"):
        baseline_predictions("chance", TOLD)
    with pytest.raises(InputError, match="two references"):
        baseline_predictions("random", {"a": "He nods."})


def test_runs_are_ranked_by_judge_and_baselines_are_not(run, tmp_path):
    pytest.importorskip("openai")
    run("good", TOLD)
    run("bad", dict.fromkeys(TOLD, "She frowns."))
    run("fewer", {"a": TOLD["a"], "b": "She opens her mouth."}, "--metrics", "tem_ref_grammar,rouge_l")
    assert run("chance", "baseline:random")[0] == 0
    with ScriptedServer(as_judge) as server:
        run("judged", TOLD, "--judge", "openai:m", "--base-url", server.base_url)
    by_grammar, by_model = group_runs(read_runs(tmp_path / "runs"))
    assert [(row.rank, row.name) for row in by_grammar.models] == [(1, "good"), (2, "fewer"), (3, "bad")]
    assert [row.name for row in by_grammar.baselines] == ["the caption of another clip"]
    assert "random" not in by_grammar.missing and "nearest" in by_grammar.missing
    assert "tem" in by_grammar.models[0].best and not by_grammar.models[2].best
    assert [row.name for row in by_model.models] == ["judged"] and "detail" in by_model.columns
    assert "detail" not in by_grammar.columns and set(by_model.missing) == {*BASELINES, SECOND_HUMAN}
    page = leaderboard_page(read_runs(tmp_path / "runs"))
    assert "Judge: grammar" in page and "Judge: m prompts" in page and "baseline:nearest" in page
    assert "scored 2 / 4,<br>2 failed" in page
    ours, published = page.split('<section class="published">')
    assert "FaceTrack-MM (Ours)" in published and "FaceTrack-MM (Ours)" not in ours and "arXiv:2501.07978" in published


def test_alignments_are_not_ranked_together(run, tmp_path):
    pytest.importorskip("openai")
    with ScriptedServer(as_judge) as server:
        judge = ("--judge", "openai:m", "--base-url", server.base_url)
        run("plain", TOLD, *judge)
        run("aligned", TOLD, *judge, "--align", "neutral")
    assert [group.align for group in group_runs(read_runs(tmp_path / "runs"))] == ["neutral", "none"]


def test_the_page_is_written_and_names_cannot_break_it(run, tmp_path, capfd):
    run("one", TOLD, "--name", "<script>alert(1)</script>")
    assert main(["report", "bench", str(tmp_path / "runs")]) == 0
    place = tmp_path / "runs" / "leaderboard.html"
    assert capfd.readouterr().out == f"{place}\n" and "<script" not in place.read_text()
    assert not re.search(r"https?://", place.read_text())


def test_a_folder_without_runs(tmp_path, capfd):
    assert main(["report", "bench", str(tmp_path)]) == 1
    assert "holds no runs" in capfd.readouterr().err
