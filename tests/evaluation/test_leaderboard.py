"""Baselines and the leaderboard: what is ranked with what, what stands apart, what is told of failures."""

import json
import re
from importlib.resources import files
from pathlib import Path

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


def test_leaving_clips_out_makes_no_run_better(run, tmp_path):
    run("nearly all", {**TOLD, "d": "She talks, then nods."})
    code, out, _ = run("one", {"a": TOLD["a"]})
    assert code == 1 and "scored 1 / 4, 3 failed" in out
    (group,) = group_runs(read_runs(tmp_path / "runs"))
    first, second = group.models
    assert (first.rank, first.name, second.rank, second.name) == (1, "nearly all", 2, "one")
    for column in ("cider_d", "rouge_l", "tem_ref"):
        score = second.scores[column]
        assert score["value"] > first.scores[column]["value"] > score["mean_failures_as_zero"] == score["value"] / 4
        assert column in first.best and column not in second.best
    page = leaderboard_page(read_runs(tmp_path / "runs"))
    assert "go by the value with failures as 0" in page and "1.000" in page and "0.250 as 0" in page


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


SCORE = {"value": 50.0, "interval": None, "mean_failures_as_zero": None, "n_scored": 3, "n_failed": 1}
OTHERS = {
    "dfew": ("labels", {"uar": SCORE, "war": SCORE | {"interval": [40.0, 60.0]}, "recall_happy": SCORE}),
    "mafw": ("labels", {"uar": SCORE, "war": SCORE}),
    "emer": ("J", {"clue_overlap_J": SCORE, "label_overlap_J": SCORE}),
    "face-verification": ("similarity", {"accuracy": SCORE, "auc": SCORE, "tar_at_far_0.01": SCORE}),
}


def report_of(benchmark, model, value):
    judge, metrics = OTHERS[benchmark]
    card = {"judge": {"name": judge, "version": "prompts 1"} if benchmark == "emer" else None, "zero_shot": None}
    return {
        **{"benchmark": benchmark, "model": model, "judge": judge, "align": "none", "references": "h", "n": 4},
        **{"baseline": None, "reference_set": "4 clips", "run_card": card},
        "metrics": {name: score | {"value": value} for name, score in metrics.items()},
        **({} if benchmark == "emer" else {"chance": {"answer": "same", "accuracy": 48.0, "war": 20.0, "uar": 14.3}}),
    }


def test_every_published_row_of_a_benchmark_is_packaged():
    given = Path(__file__).resolve().parents[3] / "shared" / "fec_bench" / "published_results.json"
    if not given.is_file():
        pytest.skip(f"the published tables are not in {given.parent}")
    packaged = files("facevlm.evaluation").joinpath("data/published_results.json").read_text(encoding="utf-8")
    rows = [
        {row["method"], *(value for value in row.values() if isinstance(value, float))}
        for benchmark in json.loads(packaged)["benchmarks"].values()
        for table in benchmark["tables"]
        for row in table["rows"]
    ]
    scores = ("cider", "rouge_l", "autodq", "tem", "correctness", "dfew_war", "dfew_uar", "mafw_war", "mafw_uar")
    tables = json.loads(given.read_text(encoding="utf-8"))["tables"]
    for name, table in tables.items():
        for row in table["rows"] if "teaser" not in name else ():  # its other numbers are those of a table, rounded
            told = [row[name] for name in scores if isinstance(row.get(name), float)]
            assert all(any({row["method"], value} <= one for one in rows) for value in told), row


@pytest.mark.parametrize("benchmark", OTHERS)
def test_other_benchmarks_have_tables_of_their_own(benchmark):
    reports = [report_of(benchmark, "first", 40.0), report_of(benchmark, "second", 60.0)]
    (group,) = group_runs(reports)
    assert [(row.rank, row.name) for row in group.models] == [(1, "second"), (2, "first")] and not group.missing
    assert [row.name for row in group.baselines] == ([] if benchmark == "emer" else ["always answering “same”"])
    page = leaderboard_page(reports)
    assert "60.00" in page and "scored 3 / 4" in page and "FEC-Bench" not in page
    published = page.split('<section class="published">')[1]
    assert "FaVChat v1, Table" in published and ("77.88" in published) == (benchmark == "dfew")
    assert ("<svg" in page) == (benchmark == "dfew")  # three scores and two models


def test_what_helped_a_model_stands_under_its_name():
    rows = {"rule": "rule, grammar 1", "asked": {"model": "gpt-4o"}}
    reports = [report_of("dfew", name, 50.0) for name in rows]
    for report in reports:
        report["run_card"]["model"] = {"labels_by": rows[report["model"]]}
    faces = report_of("face-verification", "m", 50.0)
    faces["run_card"]["model"] = {"described_with": {"file": "faces.json"}}
    page = leaderboard_page([*reports, faces])
    assert "labels by rule, grammar 1" in page and "labels by gpt-4o" in page
    assert "faces described by faces.json" in page


def test_runs_of_different_benchmarks_are_apart_and_unknown_ones_are_told():
    reports = [report_of(name, "m", 50.0) for name in OTHERS]
    assert [group.benchmark for group in group_runs(reports)] == ["dfew", "mafw", "emer", "face-verification"]
    with pytest.raises(InputError, match="no benchmark 'imagenet'"):
        group_runs([reports[0] | {"benchmark": "imagenet"}])
