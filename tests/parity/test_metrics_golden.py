"""The parity check of metrics itself: another folder of the same layout passes, nothing wrong slips through."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOKENS = {"note": "", "cases": [{"text": "She isn't smiling.", "tokens": "she is n't smiling"}]}
VERIFICATION = {"cases": [{"same_person": [True], "raw_answers": ["no"], "parsed": [False], "expected": {
    "n": 1, "accuracy": 0.0, "unparsed": 0, "accuracy_answered_only": 0.0, "true_positive_rate": 0.0,
    "true_negative_rate": None, "balanced_accuracy": None, "always_same_baseline": 100.0}}]}  # fmt: skip


def run(folder, report):
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/parity/test_metrics.py"]
    return subprocess.run(
        [sys.executable, *arguments, "--parity-report", str(report)],
        cwd=ROOT,
        env={**os.environ, "FACEVLM_GOLDEN_METRICS": str(folder)},
        capture_output=True,
        text=True,
    )


def write(folder, name, data):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(data))


def test_another_folder_passes_and_is_reported(tmp_path):
    write(tmp_path / "golden", "micro/ptb_edge_tokens.json", TOKENS)
    write(tmp_path / "golden", "classification/verification.json", VERIFICATION)
    done = run(tmp_path / "golden", tmp_path / "report.json")
    assert done.returncode == 0, done.stdout
    rows = json.loads((tmp_path / "report.json").read_text())
    assert {row["file"] for row in rows} == {"micro/ptb_edge_tokens.json", "classification/verification.json"}
    assert all(row.keys() >= {"file", "key", "max_abs", "tolerance"} for row in rows)


@pytest.mark.parametrize("situation", ["no folder", "unknown file", "wrong number", "unknown key", "missing number"])
def test_nothing_slips_through(situation, tmp_path):
    folder = tmp_path / "golden"
    data = json.loads(json.dumps(VERIFICATION))
    if situation == "wrong number":
        data["cases"][0]["expected"]["accuracy"] = 0.00001
    if situation == "missing number":
        data["cases"][0]["expected"]["true_positive_rate"] = None
    if situation == "unknown key":
        data["cases"][0]["expected"]["kappa"] = 0.0
    if situation != "no folder":
        write(folder, "classification/verification.json", data)
    if situation == "unknown file":
        write(folder, "text/spice/all.json", {})
        write(folder, "other.json", {})
    assert run(folder, tmp_path / "report.json").returncode == 1
