"""The captions labelled by hand, and how what a judge finds is counted against the labels."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from facevlm.evaluation.rouge import lcs_length

REFERENCES = Path(__file__).resolve().parents[3] / "shared" / "fec_bench" / "references.json"


def fec_bench() -> dict[str, str]:
    """id -> caption of the 800 public FEC-Bench references; skips the test where they are absent."""
    if not REFERENCES.is_file():
        pytest.skip(f"the FEC-Bench references are not in {REFERENCES.parent}; they have no licence to be packaged")
    return {row["id"]: row["caption"] for row in json.loads(REFERENCES.read_text(encoding="utf-8"))}


def labelled(split: str, *, written: bool) -> list[tuple[str, list[str]]]:
    """Caption and labels of one split: those written for this file, or those drawn from FEC-Bench."""
    data = json.loads((Path(__file__).parent / "labelled_captions.json").read_text(encoding="utf-8"))
    rows = [row for row in data["captions"] if row["split"] == split and ("caption" in row) == written]
    if written:
        return [(row["caption"], row["events"]) for row in rows]
    captions = fec_bench()
    for row in rows:
        text = captions[row["fec_bench_id"]]
        assert hashlib.sha256(text.encode()).hexdigest() == row["sha256"], "another release of FEC-Bench"
    return [(captions[row["fec_bench_id"]], row["events"]) for row in rows]


def precision_recall(found: Sequence[Sequence[str]], wanted: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Shares of found and of labelled events that agree by name, in order, over all captions."""
    hits = sum(lcs_length(one, other) for one, other in zip(found, wanted, strict=True))
    return hits / sum(map(len, found)), hits / sum(map(len, wanted))
