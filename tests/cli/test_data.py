"""`facevlm data`: status, rows, pairs, overlap."""

import json
import re
import shlex
from pathlib import Path

import pytest

from facevlm.datasets.readers import DATASETS
from tests.datasets.trees import TREES

GUIDE = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")


@pytest.fixture
def datasets(tmp_path, monkeypatch) -> Path:
    """All small trees in one folder `datasets`, below the working folder."""
    monkeypatch.chdir(tmp_path)
    for name, plant in TREES.items():
        plant(tmp_path / "datasets" / name)
    return tmp_path / "datasets"


def states(run, root) -> dict[str, dict]:
    code, out, _ = run("data", "status", "--root", str(root), "--json")
    assert code == 0
    return {row["dataset"]: row for row in json.loads(out)}


def test_status_of_all_trees(run, datasets):
    found = states(run, datasets)
    assert found.keys() == DATASETS.keys()
    assert {row["state"] for row in found.values()} == {"present"}, found
    assert found["afewva"]["layout_verified"] is False and "memory" in found["afewva"]["note"]


def test_status_of_parts(run, datasets):
    (datasets / "dfew").rename(datasets / "DFEW")
    (datasets / "DFEW/EmoLabel_DataSplit/test(single-labeled)/set_3.csv").unlink()
    (datasets / "ffpp").rename(datasets / "FaceForensics++")
    (datasets / "mafw").rename(datasets / "elsewhere")
    found = states(run, datasets)
    assert found["dfew"]["state"] == "partial"
    assert found["dfew"]["missing"] == ["EmoLabel_DataSplit/test(single-labeled)/set_3.csv"]
    assert found["ffpp"]["state"] == "present"
    assert (found["mafw"]["state"], found["mafw"]["root"]) == ("missing", None)
    code, out, _ = run("data", "status", "--root", str(datasets))
    assert code == 0 and all(name in out for name in DATASETS)
    assert "signed form by mail" in out and "not verified" in out


def test_status_of_no_folder(run, tmp_path):
    assert run("data", "status", "--root", str(tmp_path / "none"))[0] == 2


def test_rows(run, datasets):
    code, out, err = run(
        "data", "rows", "--dataset", "dfew", "--root", str(datasets / "dfew"), "--fold", "2", "--split", "test"
    )
    assert code == 0 and "2 rows, 1 of them with a problem" in err and "nobody has verified" in err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["source_clip_id"] for row in rows] == ["00003", "00004"]
    assert {row["licence_tag"] for row in rows} == {"academic"}


def test_folds_that_leak_are_told(run, datasets):
    lists = datasets / "dfew/EmoLabel_DataSplit"
    for fold, label in ((1, 1), (2, 7)):
        (lists / f"test(single-labeled)/set_{fold}.csv").write_text(f"video_name,label\n2,{label}\n")
    code, _, err = run("data", "rows", "--dataset", "dfew", "--root", str(datasets / "dfew"))
    assert code == 0 and "00002 is in test and train of fold 1" in err and "00002 is in the test sets of folds" in err


def test_a_broken_dataset_leaves_no_file(run, datasets):
    (datasets / "dfew/EmoLabel_DataSplit/test(single-labeled)/set_5.csv").write_text("x")
    code, _, err = run("data", "rows", "--dataset", "dfew", "--root", str(datasets / "dfew"), "-o", "rows.jsonl")
    assert code == 1 and "set_5.csv" in err and not Path("rows.jsonl").exists()


def test_the_folder_of_a_result_is_made(run, datasets):
    rows = ("data", "rows", "--dataset", "dfew", "--root", str(datasets / "dfew"))
    assert run(*rows, "-o", "new/rows.jsonl")[0] == 0 and Path("new/rows.jsonl").read_text() == run(*rows)[1]
    code, _, err = run(*rows, "-o", "new/rows.jsonl/x")
    assert code == 1 and "new/rows.jsonl: is a file, not a folder" in err


def test_pairs_say_their_share_and_leave_out_what_was_trained_on(run, datasets):
    ytf = ["--dataset", "ytf", "--root", str(datasets / "ytf")]
    command = ["data", "pairs", *ytf, "--frames", "4", "--pairs", "2"]
    code, out, err = run(*command)
    assert code == 0 and "2 pairs, 1 same (50.0 %" in err and "no training manifest" in err
    assert run(*command)[1] == out != run(*command, "--seed", "1")[1]
    Path("trained.jsonl").write_text(json.dumps({"source_dataset": "ytf", "source_clip_id": "Ann_Veneman/4"}))
    code, out, err = run(*command, "--training", "trained.jsonl", "-o", "pairs.jsonl")
    assert code == 0 and out == "" and "Ann_Veneman/4" not in Path("pairs.jsonl").read_text()
    assert run("data", "overlap", "pairs.jsonl", "trained.jsonl")[0] == 0


def test_pairs_of_a_dataset_without_people(run, datasets):
    code, _, err = run("data", "pairs", "--dataset", "caer", "--root", str(datasets / "caer"))
    assert code == 1 and "no folders of frames of known people" in err


def test_pairs_do_not_overwrite_the_manifest(run, datasets):
    Path("trained.jsonl").write_text("{}")
    ytf = ["--dataset", "ytf", "--root", str(datasets / "ytf")]
    assert run("data", "pairs", *ytf, "--training", "trained.jsonl", "-o", "trained.jsonl")[0] == 2


@pytest.mark.parametrize(
    ("situation", "trained", "verdict", "code"),
    [
        ("other clips", {"source_dataset": "dfew", "source_clip_id": "00002"}, "zero-shot", 0),
        ("the same clip", {"source_dataset": "dfew", "source_clip_id": "00001"}, "not zero-shot", 1),
        ("origin unknown", {"video": "00001.mp4"}, "cannot be told", 1),
    ],
)
def test_overlap(run, tmp_path, situation, trained, verdict, code):
    benchmark, training = tmp_path / "b.jsonl", tmp_path / "t.jsonl"
    benchmark.write_text(json.dumps({"source_dataset": "dfew", "source_clip_id": "00001"}))
    training.write_text(json.dumps(trained))
    assert run("data", "overlap", str(benchmark), str(training))[0] == code
    told, out, _ = run("data", "overlap", str(benchmark), str(training), "--json")
    assert (told, json.loads(out)["verdict"]) == (code, verdict)
    assert run("data", "overlap", str(benchmark), str(training))[1].startswith(verdict + "\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "--root", ""],
        ["rows", "--dataset", "dfew", "--root", ""],
        ["pairs", "--dataset", "ytf", "--root", ""],
        ["overlap", "", "trained.jsonl"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_empty_name_is_not_this_folder(run, arguments):
    code, out, err = run("data", *arguments)
    assert code == 2 and out == "" and "the name is empty" in err


def test_the_commands_of_the_guide_run(run, datasets):
    Path("trained.jsonl").write_text(json.dumps({"source_dataset": "mafw", "source_clip_id": "00025"}))
    commands = [shlex.split(line) for line in GUIDE.split("```")[1].splitlines() if line]
    for command in commands:
        short = ["--frames", "4"] if command[2] == "pairs" else []  # the trees have short videos
        assert run(*command[1:], *short)[0] == 0, command


def test_the_guide_lists_all_datasets_and_their_doubts():
    rows = {row[1]: row[0] for row in re.findall(r"(\| `(\w+)` \|.*)", GUIDE)}
    assert rows.keys() == DATASETS.keys()
    assert {name for name, row in rows.items() if "not verified" in row} == {
        name for name, dataset in DATASETS.items() if not dataset.verified
    }
