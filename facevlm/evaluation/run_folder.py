"""The folder of a run: its report, the values of each sample, its timings; read, written, and kept from other runs.

`report.json` and `samples.jsonl` depend on the answers, the judge's replies and the versions alone: a run that was
killed and started again gives the same bytes. How long it took is in `timings.json`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from facevlm.errors import InputError, UsageError
from facevlm.exports.atomic_file import write_text

SCHEMA = "facevlm/evaluation/1"


@dataclass(frozen=True)
class Score:
    """One score of a run.

    Attributes:
        value: Of the corpus, over what was scored; None where nothing was.
        interval: 95 % bootstrap interval over clips, None where there is none.
        mean_failures_as_zero: The value with 0 for each failure; None where that has no meaning, as for BLEU and ROC,
            and where nothing was scored.
        n_scored: Samples in the value.
        n_failed: Samples in no value.
    """

    value: float | None
    interval: tuple[float, float] | None
    mean_failures_as_zero: float | None
    n_scored: int
    n_failed: int


@dataclass(frozen=True)
class Origin:
    """Where the predictions of a run come from, and what they may be called.

    Attributes:
        model: Name, in the user's words.
        answerer: Card of who answered in this run; None where predictions were brought as a file.
        prompts: Name -> hash of each prompt that was sent to it.
        failures: id -> why there is no prediction.
        notes: id -> what must be known of how a prediction came about.
        zero_shot: What the check against the training data found, as `zero_shot_card`.
        extra: What else the answers depend on: fold, examples, …
    """

    model: str
    answerer: Mapping[str, Any] | None = None
    prompts: Mapping[str, str] | None = None
    failures: Mapping[str, str] | None = None
    notes: Mapping[str, str] | None = None
    zero_shot: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] | None = None

    def card(self) -> dict[str, Any]:
        """As it stands in the run card."""
        told: dict[str, Any] = {"name": self.model, "answerer": self.answerer, "prompts": self.prompts or {}}
        return told | dict(self.extra or {})

    def identity(self, predictions: Mapping[str, str | None]) -> dict[str, Any]:
        """What tells this run's predictions from others': who made them and how, or the predictions themselves."""
        if self.answerer is None:
            return {"model": self.model, "predictions": texts_hash(predictions)}
        made = json.dumps(self.card(), sort_keys=True)
        return {"model": self.model, "predictions": hashlib.sha256(made.encode()).hexdigest()}


class _Judge(BaseModel):
    name: str
    version: str


class _ZeroShot(BaseModel):
    verdict: str
    benchmark_clips: int
    shared_clips: int
    shared_identities: int


class _Model(BaseModel):
    examples: list[Any] = []
    labels_by: str | dict[str, Any] | None = None
    described_with: dict[str, Any] | None = None


class _Card(BaseModel):
    model: _Model
    judge: _Judge | None
    zero_shot: _ZeroShot | None


class _Chance(BaseModel):
    answer: str


class _Report(BaseModel):
    """What tables, pages and comparisons read of a report."""

    schema_: str = Field(alias="schema", pattern=f"^{SCHEMA}$")
    benchmark: str
    judge: str
    align: str
    model: str
    references: str
    reference_set: str
    baseline: str | None
    n: int
    metrics: dict[str, Score]
    chance: _Chance | None = None
    run_card: _Card


class _Sample(BaseModel):
    id: str
    values: dict[str, float]
    failures: dict[str, str]
    prediction: str | None = None


def texts_hash(texts: Mapping[str, str | None]) -> str:
    """SHA-256 of ids and texts, in any order of the ids."""
    rows = json.dumps(sorted(texts.items()), ensure_ascii=True)
    return hashlib.sha256(rows.encode()).hexdigest()


def read_report(folder: str | Path) -> dict[str, Any]:
    """The report of a run.

    Raises:
        InputError: There is none.
    """
    place = Path(folder) / "report.json"
    try:
        report = json.loads(place.read_text(encoding="utf-8"))
        _Report.model_validate(report)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot be read: {reason}", where=place, mend="give the folder of a run") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no report of the schema {SCHEMA}{_place(error)}", where=place) from error
    return dict(report)


def read_samples(folder: str | Path) -> dict[str, dict[str, Any]]:
    """The samples of a run by id.

    Raises:
        InputError: There are none.
    """
    place = Path(folder) / "samples.jsonl"
    try:
        rows = [json.loads(line) for line in place.read_text(encoding="utf-8").split("\n") if line]
        for row in rows:
            _Sample.model_validate(row)
        return {row["id"]: row for row in rows}
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot be read: {reason}", where=place, mend="give the folder of a run") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"holds no samples of a run{_place(error)}", where=place) from error


def _place(error: Exception) -> str:
    """Which field is wrong, where that is known."""
    if not isinstance(error, ValidationError):
        return ""
    first = error.errors()[0]
    return f": {'.'.join(map(str, first['loc']))}: {first['msg'].lower()}" if first["loc"] else ""


def refuse_other_run(folder: Path, identity: Mapping[str, Any]) -> None:
    """Keep the report of another run from being overwritten.

    Raises:
        UsageError: The folder holds one.
    """
    if not (folder / "report.json").exists():
        return
    report = read_report(folder)
    if other := [key for key, value in identity.items() if report.get(key) != value]:
        what = f"holds the report of another run, which differs in its {other[0]}"
        raise UsageError(what, where="-o", mend="choose another folder")


def write_run(
    folder: Path, report: Mapping[str, Any], samples: Iterable[Mapping[str, Any]], timings: Mapping[str, Any]
) -> None:
    """Write the three files, the report last.

    Raises:
        OutputError: One cannot be written.
    """
    lines = "".join(json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples)
    write_text(lines, folder / "samples.jsonl")
    write_text(json.dumps(timings, indent=2) + "\n", folder / "timings.json")
    write_text(json.dumps(report, ensure_ascii=False, allow_nan=False, indent=2) + "\n", folder / "report.json")
