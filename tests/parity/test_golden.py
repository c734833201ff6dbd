"""The parity check itself: golden files of other sizes and seeds pass, and nothing wrong or unknown slips through."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.parity.components import strongsort
from tests.parity.golden import Golden, check_for, checks

save_file = pytest.importorskip("safetensors.numpy").save_file
ROOT = Path(__file__).resolve().parents[2]


def scene(seed, frames, people, dimension):
    """Detections in MOT layout with features: people who walk and are missed now and then."""
    rng, rows = np.random.default_rng(seed), []
    looks, at, speed = (
        rng.normal(size=(people, dimension)),
        rng.uniform(50, 600, (people, 2)),
        rng.normal(0, 4, (people, 2)),
    )
    for frame in range(3, 3 + frames):
        at = at + speed
        for k in range(people):
            if rng.random() < 0.85:
                box = [*(at[k] + rng.normal(0, 1, 2)), 40 + 5 * k, 50 + 5 * k]
                feature = looks[k] + rng.normal(0, 0.3, dimension)
                rows.append([frame, -1, *box, rng.uniform(0.5, 1), -1, -1, -1, *feature / np.linalg.norm(feature)])
    return np.array(rows)


@pytest.fixture
def other(tmp_path):
    """A golden file of the same layout and other sizes: layout from a first check, numbers as that check gave them."""
    rng, path = np.random.default_rng(5), tmp_path / "strongsort_other.safetensors"
    boxes = np.column_stack([rng.uniform(300, 320, (5, 2)), rng.uniform(0.7, 0.9, 5), rng.uniform(90, 110, 5)])
    track = np.column_stack([np.arange(37), rng.uniform(0, 90, (37, 2)), np.full((37, 2), 50.0)])
    tensors = {
        "kalman.measurements_xyah": boxes,
        "kalman.confidence": rng.uniform(0.5, 1, 5),
        "tracker.detections": scene(1, 25, 2, 7),
        "tracker.ecc_matrix": np.array([[1, -0.01, 2.5], [0.01, 1, -1.0], [0, 0, 1]]),
        "tracker.crowd.detections": scene(2, 30, 5, 9),
        "gsi.input": np.array([[f, 1, f, 9, 50, 60, 1, -1, -1, -1] for f in (1, 2, 6, 7, 8)], float),
        "aflink.track1": track[:33],
        "aflink.track2": track[33:],
    }
    rows = ("tracker.strongsort_rows", "tracker.strongsort_ecc_rows", "tracker.crowd.without_woC_rows")
    parts = ("mean", "cov", "predicted_mean", "gating_after_predict")
    wanted = [*rows, *(f"kalman.nsa.{part}" for part in parts), "gsi.output", "aflink.x1", "aflink.x2", "aflink.prob"]

    class Recording(Golden):
        keys = frozenset([*tensors, *wanted, "gsi.linear"])
        set_seed, expected, input = 77, lambda self, key: tensors.get(key, np.zeros((1, 6))), tensors.__getitem__

        def __init__(self):
            pass

        def compare(self, key, actual, *, atol=0.0):
            tensors[key] = np.array(actual)

    strongsort.check(Recording())
    save_file(tensors, path, metadata={"set_seed": "77"})
    return path, tensors


def problems(path):
    golden = Golden(path)
    check_for(path)(golden)
    return golden.problems()


def test_a_file_of_other_sizes_and_seeds_passes(other):
    path, tensors = other
    assert len(tensors["tracker.crowd.without_woC_rows"]) > 50
    assert problems(path) == []


def test_ids_may_have_other_names_but_not_be_exchanged(other):
    path, tensors = other
    key = "tracker.crowd.without_woC_rows"
    renamed = {**tensors, key: tensors[key] * [1, 3, 1, 1, 1, 1] + [0, 40, 0, 0, 0, 0]}
    save_file(renamed, path, metadata={"set_seed": "77"})
    assert problems(path) == []
    exchanged = renamed[key].copy()
    exchanged[-1, 1] = 1000
    save_file({**tensors, key: exchanged}, path, metadata={"set_seed": "77"})
    assert [p.split(":")[0] for p in problems(path)] == [key]


TAMPERED = {
    "another number": ("kalman.nsa.mean", lambda x: x + 2e-4, "differs by up to 0.0002"),
    "a row less": ("tracker.strongsort_rows", lambda x: x[:-1], "shape"),
    "not a number": ("gsi.output", lambda x: x * np.nan, "not finite"),
    "a key nobody knows": ("tracker.crowd.without_sense_rows", None, "not covered"),
    "a component nobody knows": ("reid.embedding", None, "not covered"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_what_is_wrong_or_unknown_is_told(other, name):
    path, tensors = other
    key, change, message = TAMPERED[name]
    tensors[key] = np.zeros((2, 6)) if change is None else change(tensors[key])
    save_file(tensors, path, metadata={"set_seed": "77"})
    (problem,) = problems(path)
    assert problem.startswith(key) and message in problem


def test_another_seed_gives_other_weights(other):
    path, tensors = other
    save_file(tensors, path, metadata={"set_seed": "78"})
    assert [p.split(":")[0] for p in problems(path)] == ["aflink.prob"]


def test_files_go_to_the_component_they_are_named_after():
    assert set(checks()) >= {"strongsort"}
    for name, known in {"strongsort": 1, "strongsort_hard": 1, "strongsorted": 0, "sort": 0}.items():
        assert (check_for(Path(f"{name}.safetensors")) is not None) == bool(known)


def run(folder, *options):
    environment = {**os.environ, "FACEVLM_GOLDEN": str(folder)}
    command = [sys.executable, "-m", "pytest", "tests/parity/test_parity.py", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_a_named_folder_must_be_covered_whole_and_the_report_says_what_was_compared(other, tmp_path):
    path, _ = other
    report = tmp_path / "report" / "parity.json"
    report.parent.mkdir()
    assert run(path.parent, "--parity-report", str(report)).returncode == 0
    rows = json.loads(report.read_text())
    assert {r["file"] for r in rows} == {path.name} and len(rows) == 12
    assert all(set(r) == {"file", "key", "max_abs", "tolerance"} and r["max_abs"] <= r["tolerance"] for r in rows)
    (path.parent / "unheard_of.json").write_text("{}")
    failed = run(path.parent)
    assert failed.returncode == 1 and "unheard_of.json is not covered" in failed.stdout


UNKNOWN = ["reid.safetensors", "sub/reid.safetensors", ".hidden.safetensors", ".sub/a/b.json", "sub/.hidden", "a.txt"]


def test_unknown_files_of_a_named_folder_fail_wherever_they_are(tmp_path):
    (tmp_path / "golden").mkdir()
    for name in [*UNKNOWN, "README.md"]:
        path = tmp_path / "golden" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "golden" / "linked").symlink_to(tmp_path / "elsewhere")
    failed = run(tmp_path / "golden")
    assert failed.returncode == 1 and f"{len(UNKNOWN) + 1} failed" in failed.stdout and "passed" not in failed.stdout
    for name in [*UNKNOWN, "linked"]:
        assert f"{name} is not covered" in failed.stdout


def test_a_known_file_in_a_folder_within_is_checked(other, tmp_path):
    path, _ = other
    (tmp_path / "golden" / "sub").mkdir(parents=True)
    path.rename(tmp_path / "golden" / "sub" / path.name)
    report = tmp_path / "parity.json"
    assert run(tmp_path / "golden", "--parity-report", str(report)).returncode == 0
    assert {row["file"] for row in json.loads(report.read_text())} == {f"sub/{path.name}"}


def test_a_named_folder_must_exist(tmp_path):
    failed = run(tmp_path / "nowhere")
    assert failed.returncode == 1 and "no golden files" in failed.stdout
