"""`facevlm eval fec-bench` and `facevlm eval compare`: with the grammar, and with a scripted model on loopback."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from facevlm.cli import main
from facevlm.endpoints.scripted_server import Answer, ScriptedServer
from facevlm.evaluation.comparison import compare_runs, holm
from facevlm.evaluation.judges import RuleJudge
from facevlm.evaluation.metrics import metric_names
from tests.evaluation.grammar_as_model import as_judge

TOLD = {
    "a": "He blinks and smiles.",
    "b": "She opens her mouth and nods.",
    "c": "He looks up slowly, then closes his eyes.",
    "d": "She talks and raises her eyebrows.",
}
SAID = TOLD | {"b": "She nods, then frowns.", "c": "", "d": "She talks."}
JUDGE = "openai:org/Judge 7B"
NAME = "org-Judge-7B"


def write(path, captions):
    path.write_text(json.dumps([{"id": name, "caption": caption} for name, caption in captions.items()]))
    return str(path)


@pytest.fixture
def files(tmp_path):
    said, told = write(tmp_path / "pred.json", SAID), write(tmp_path / "ref.json", TOLD)
    return ["--model", said, "--references", told]


@pytest.fixture
def run(capfd):
    def run_it(*arguments):
        code = main(["eval", *map(str, arguments)])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run_it


def read(folder):
    return json.loads((folder / "report.json").read_text())


def test_the_grammar(run, files, tmp_path):
    code, out, _ = run("fec-bench", *files, "-o", tmp_path / "run", "--name", "ours 7B")
    report = read(tmp_path / "run")
    assert code == 0 and "scored 4 / 4" in out and "ours 7B" in out
    assert tuple(report["metrics"]) == metric_names(RuleJudge())
    assert report["model"] == "ours 7B" and report["reference_set"] == "4 references of another set"
    card = report["run_card"]
    assert card["judge"]["name"] == "grammar" and set(card["packages"]) >= {"facevlm", "numpy", "scipy"}
    rows = [json.loads(line) for line in (tmp_path / "run" / "samples.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == list("abcd") and rows[0]["values"]["tem_grammar"] == 1.0
    assert "seconds" in json.loads((tmp_path / "run" / "timings.json").read_text())


def test_missing_captions_stand_beside_each_score(run, files, tmp_path):
    write(tmp_path / "pred.json", {"a": TOLD["a"], "b": None, "x": "He nods."})
    code, out, _ = run("fec-bench", *files, "-o", tmp_path / "run", "--metrics", "rouge_l,tem_grammar")
    report = read(tmp_path / "run")
    assert code == 1 and "scored 1 / 5, 4 failed" in out and "x: no reference" in out
    for name in ("rouge_l", "tem_grammar"):
        score = report["metrics"][name]
        assert (score["value"], score["n_scored"], score["n_failed"]) == (1.0, 1, 4)
        assert score["mean_failures_as_zero"] == pytest.approx(0.2)


def test_nothing_in_common(run, files, tmp_path):
    write(tmp_path / "pred.json", {"x": "He nods."})
    code, out, _ = run("fec-bench", *files, "-o", tmp_path / "run")
    assert code == 1 and {score["value"] for score in read(tmp_path / "run")["metrics"].values()} == {None}
    assert "scored 0 / 5, 5 failed" in out


def test_a_model_judges_and_its_name_is_in_its_scores(run, files, tmp_path):
    pytest.importorskip("openai")
    by_rule, by_model = tmp_path / "rule", tmp_path / "model"
    run("fec-bench", *files, "-o", by_rule)
    with ScriptedServer(as_judge) as server:
        arguments = ("fec-bench", *files, "-o", by_model, "--judge", JUDGE, "--base-url", server.base_url)
        code, out, _ = run(*arguments, "--align", "neutral")
        n = len(server.requests)
        assert run(*arguments, "--align", "neutral")[0] == 0 and len(server.requests) == n  # all are kept
    report, grammar = read(by_model), read(by_rule)
    assert code == 0 and f"judge {NAME}" in out and not any("grammar" in name for name in report["metrics"])
    for name in ("tem", "tem_ref", "tem_max"):
        assert report["metrics"][f"{name}_{NAME}"] == grammar["metrics"][f"{name}_grammar"]
    assert report["metrics"][f"autodq_{NAME}_f"] == grammar["metrics"]["autodq_grammar_f"]
    assert report["metrics"][f"detail_{NAME}"]["value"] == 2.25  # three times 3, and 0 for the empty caption
    assert f"consistency_{NAME}" not in report["metrics"]
    judge = report["run_card"]["judge"]
    assert judge["align"] == "neutral" and "format_alignment_neutral" in judge["prompts"]
    assert judge["replies"]["n"] == n and judge["model"] == "org/Judge 7B"
    rows = [json.loads(line) for line in (by_model / "samples.jsonl").read_text().splitlines()]
    assert rows[0]["aligned"] == "At the beginning of the video, He blinks and smiles."


def test_replies_replay_without_network(run, files, tmp_path):
    pytest.importorskip("openai")
    folder = tmp_path / "run"
    with ScriptedServer(as_judge) as server:
        run("fec-bench", *files, "-o", folder, "--judge", JUDGE, "--base-url", server.base_url)
    before = [(folder / name).read_bytes() for name in ("report.json", "samples.jsonl")]
    (folder / "report.json").unlink()
    assert run("fec-bench", *files, "-o", folder, "--judge", JUDGE, "--replay")[0] == 0
    assert [(folder / name).read_bytes() for name in ("report.json", "samples.jsonl")] == before
    next((folder / "replies").rglob("*.json")).unlink()
    code, out, _ = run("fec-bench", *files, "-o", folder, "--judge", JUDGE, "--replay")
    assert code == 1 and "no reply is kept" in out


def test_what_cannot_be_read_is_a_failure_of_that_score_alone(run, files, tmp_path):
    pytest.importorskip("openai")

    def script(body):
        user = body["messages"][1]["content"]
        if user.startswith("Question:") and "She talks." in user and "covers all major points" in user:
            return "I like it."
        return as_judge(body)

    with ScriptedServer(script) as server:
        arguments = ("fec-bench", *files, "-o", tmp_path / "run", "--judge", JUDGE, "--base-url", server.base_url)
        code, out, _ = run(*arguments)
    report = read(tmp_path / "run")
    detail, context = (report["metrics"][f"{name}_{NAME}"] for name in ("detail", "context"))
    assert code == 1 and "scored 3 / 4, 1 failed" in out
    assert (detail["value"], detail["n_failed"], detail["mean_failures_as_zero"]) == (2.0, 1, 1.5)
    assert (context["value"], context["n_failed"]) == (2.25, 0)
    (failure,) = report["failures"]
    assert (failure["id"], failure["metrics"]) == ("d", [f"detail_{NAME}"]) and "no score" in failure["reason"]


def test_errors_of_the_endpoint_on_the_way(run, files, tmp_path):
    """Every third request meets an error first; the scores are those of a calm endpoint."""
    pytest.importorskip("openai")
    seen = []

    def script(body):
        seen.append(body)
        return Answer(status=(429, 500, 503)[len(seen) % 3]) if len(seen) % 3 == 0 else as_judge(body)

    calm, rough = tmp_path / "calm", tmp_path / "rough"
    with ScriptedServer(as_judge) as server:
        run("fec-bench", *files, "-o", calm, "--judge", JUDGE, "--base-url", server.base_url)
    with ScriptedServer(script) as server:
        code, _, _ = run("fec-bench", *files, "-o", rough, "--judge", JUDGE, "--base-url", server.base_url)
    assert code == 0 and read(rough)["metrics"] == read(calm)["metrics"]


def settled(server):
    """Number of requests once those that were under way have come."""
    before = -1
    while before != len(server.requests):
        before = len(server.requests)
        time.sleep(1.0)
    return before


def test_killed_and_started_again_it_gives_the_same_bytes(files, tmp_path):
    pytest.importorskip("openai")
    started = []

    def script(body):
        if started and len(server.requests) == 9:
            os.kill(started.pop(), signal.SIGKILL)
        user = body["messages"][1]["content"]
        return "no idea" if "raises her eyebrows" in user and "out of context" in user else as_judge(body)

    def go(folder, *, killed):
        command = [
            sys.executable,
            "-m",
            "facevlm",
            "eval",
            "fec-bench",
            *files,
            "-o",
            str(folder),
            "--concurrency",
            "3",
        ]
        command += ["--judge", JUDGE, "--base-url", server.base_url]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started[:] = [process.pid] if killed else []
        return process.wait(60)

    with ScriptedServer(script) as server:
        assert go(tmp_path / "killed", killed=True) == -signal.SIGKILL
        assert not (tmp_path / "killed" / "report.json").exists()
        kept = len(list((tmp_path / "killed" / "replies").rglob("*.json")))
        before = settled(server)
        assert 0 < kept <= before and go(tmp_path / "killed", killed=False) == 1
        again = len(server.requests) - before
        assert go(tmp_path / "whole", killed=False) == 1
        assert again == len(server.requests) - before - again - kept
    for name in ("report.json", "samples.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_spent_budget_stops_and_a_new_one_goes_on(run, files, tmp_path):
    pytest.importorskip("openai")
    folder = tmp_path / "run"
    with ScriptedServer(as_judge) as server:
        arguments = ("fec-bench", *files, "-o", folder, "--judge", JUDGE, "--base-url", server.base_url)
        code, out, err = run(*arguments, "--max-tokens", "400", "--concurrency", "2")
        assert code == 1 and out == "" and "budget of 400 tokens is spent" in err and "run again" in err
        asked = len(server.requests)
        assert 0 < asked < 12 and not (folder / "report.json").exists()
        assert len(list((folder / "replies").rglob("*.json"))) == asked
        assert run(*arguments)[0] == 0
        assert len(list((folder / "replies").rglob("*.json"))) == len(server.requests)
    assert run("fec-bench", *files, "-o", folder, "--judge", JUDGE, "--max-cost", "1")[0] == 2


def test_consistency_needs_second_captions(run, files, tmp_path):
    pytest.importorskip("openai")
    rows = [{"id": "a", "caption": "He nods.", "second_caption": "He nods twice."}, {"id": "b", "caption": "She nods."}]
    (tmp_path / "pred.json").write_text(json.dumps(rows))
    with ScriptedServer(as_judge) as server:
        arguments = ("--judge", JUDGE, "--base-url", server.base_url, "--metrics", f"consistency_{NAME}")
        code, _, _ = run("fec-bench", *files, "-o", tmp_path / "run", *arguments)
    score = read(tmp_path / "run")["metrics"][f"consistency_{NAME}"]
    assert code == 1 and (score["value"], score["n_scored"], score["n_failed"]) == (3.0, 1, 3)


WRONG = {
    "no such judge": (["--judge", "gpt-4o"], "rule or openai:MODEL"),
    "a judge without a model": (["--judge", "openai:"], "rule or openai:MODEL"),
    "a judge that passes for the grammar": (["--judge", "openai:grammar", "--replay"], "cannot be the name"),
    "no such metric": (["--metrics", "spice"], "no metric 'spice'"),
    "scores that the grammar does not give": (["--metrics", "detail_grammar"], "no metric 'detail_grammar'"),
    "the grammar rewrites nothing": (["--align", "reference"], "rewrites nothing"),
    "no such alignment": (["--judge", "openai:m", "--replay", "--align", "both"], "no alignment"),
    "no URL": (["--judge", "openai:m", "--base-url", "localhost"], "--base-url"),
}


@pytest.mark.parametrize("situation", WRONG)
def test_wrong_usage(situation, run, files, tmp_path):
    arguments, told = WRONG[situation]
    code, out, err = run("fec-bench", *files, "-o", tmp_path / "run", *arguments)
    assert code == 2 and out == "" and told in err and len(err.strip().splitlines()) == 1


def test_a_folder_of_another_run_is_refused(run, files, tmp_path):
    assert run("fec-bench", *files, "-o", tmp_path / "run", "--metrics", "rouge_l")[0] == 0
    for other in (["--name", "another"], ["--judge", "openai:m", "--replay"]):
        code, _, err = run("fec-bench", *files, "-o", tmp_path / "run", *other)
        assert code == 2 and "another run" in err


def test_compare(run, files, tmp_path):
    run("fec-bench", *files, "-o", tmp_path / "A")
    write(tmp_path / "pred.json", TOLD)
    run("fec-bench", *files, "-o", tmp_path / "B", "--name", "perfect")
    code, out, _ = run("compare", tmp_path / "A", tmp_path / "B")
    assert code == 0 and "B: perfect" in out and "bleu_1 is left out" in out
    found = {one.name: one for one in compare_runs(tmp_path / "A", tmp_path / "B").differences}
    assert found["tem_grammar"].second == 1.0 and found["tem_grammar"].difference > 0 and found["tem_grammar"].n == 4
    assert found["autodq_grammar_f"].first == pytest.approx(
        read(tmp_path / "A")["metrics"]["autodq_grammar_f"]["value"]
    )
    assert all(0 < one.p <= 1 and one.interval[0] <= one.difference <= one.interval[1] for one in found.values())
    same = compare_runs(tmp_path / "A", tmp_path / "A").differences
    assert {(one.difference, one.interval, one.p) for one in same} == {(0.0, (0.0, 0.0), 1.0)}


def test_line_separators_in_captions_break_no_rows(run, files, tmp_path):
    write(tmp_path / "pred.json", SAID | {"a": "He blinks\u2028and\x85smiles."})
    run("fec-bench", *files, "-o", tmp_path / "A", "--metrics", "rouge_l")
    assert run("compare", tmp_path / "A", tmp_path / "A")[0] == 0


def test_a_clear_difference_is_significant_and_noise_is_not(run, files, tmp_path):
    told = {str(n): f"He {('blinks', 'nods', 'smiles')[n % 3]} and opens his mouth." for n in range(60)}
    write(tmp_path / "ref.json", told)
    worse = {name: "He opens his mouth." for name in told}
    noise = {name: worse[name] if int(name) in (3, 8) else text for name, text in told.items()}
    for name, captions in (("good", told), ("noise", noise), ("worse", worse)):
        write(tmp_path / "pred.json", captions)
        run("fec-bench", *files, "-o", tmp_path / name, "--name", name, "--metrics", "tem_ref_grammar")
    assert compare_runs(tmp_path / "good", tmp_path / "worse").differences[0].p < 0.001
    assert compare_runs(tmp_path / "good", tmp_path / "noise").differences[0].p > 0.2


def test_what_cannot_be_compared(run, files, tmp_path):
    run("fec-bench", *files, "-o", tmp_path / "A", "--metrics", "rouge_l")
    write(tmp_path / "ref.json", TOLD | {"a": "He nods."})
    run("fec-bench", *files, "-o", tmp_path / "B", "--metrics", "rouge_l")
    assert run("compare", tmp_path / "A", tmp_path / "B")[0] == 2
    code, _, err = run("compare", tmp_path / "A", tmp_path / "nowhere")
    assert code == 1 and "give the folder of a run" in err


BROKEN = {
    "garbage": ("report.json", "{", "is no report of the schema"),
    "another schema": ("report.json", '{"schema": "facevlm/2"}', "schema: string should match"),
    "a report without fields": ("report.json", '{"schema": "facevlm/evaluation/1"}', "benchmark: field required"),
    "a list": ("report.json", "[]", "is no report of the schema"),
    "a sample without values": ("samples.jsonl", '{"id": "a"}', "values: field required"),
    "a value that is a word": ("samples.jsonl", '{"id": "a", "values": {"rouge_l": "x"}, "failures": {}}', "rouge_l"),
    "half a line": ("samples.jsonl", '{"id": "a", "val', "holds no samples"),
}


@pytest.mark.parametrize("situation", BROKEN)
def test_a_broken_run_is_told_by_file_and_field(situation, run, files, tmp_path, capfd):
    name, text, told = BROKEN[situation]
    run("fec-bench", *files, "-o", tmp_path / "A", "--metrics", "rouge_l")
    (tmp_path / "A" / name).write_text(text)
    code, _, err = run("compare", tmp_path / "A", tmp_path / "A")
    assert code == 1 and name in err and told in err and len(err.splitlines()) == 1
    page = main(["report", "bench", str(tmp_path)])
    assert page == (1 if name == "report.json" else 0) and "internal" not in capfd.readouterr().err


def test_holm():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]
