"""Compare two runs clip by clip: differences with intervals, and how likely chance alone would make them.

Only clips that both runs scored are compared, so both values may differ from those of the reports. The p-value is that
of a paired permutation test (Fisher 1935): how often swapping the runs at random, clip by clip, makes a difference as
large. Several scores are tested at once, so p-values are corrected as Holm (1979) does.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facevlm.errors import UsageError
from facevlm.evaluation.benchmark_run import TEXT_METRICS
from facevlm.evaluation.run_folder import read_report, read_samples

DRAWS = 10_000
BATCH = 500  # draws at a time, so that memory does not grow with the number of clips
SEED = 0
NO_MEANS = ("uar", "balanced_accuracy", "auc", "tar_at_far_0.1", "tar_at_far_0.01", "tar_at_far_0.001")


@dataclass(frozen=True)
class Difference:
    """One score of two runs.

    Attributes:
        name: Of the score.
        n: Clips that both runs scored.
        first: Value of the first run on them.
        second: Value of the second.
        interval: 95 % bootstrap interval of second - first.
        p: Of the permutation test, two-sided, corrected for the number of scores.
    """

    name: str
    n: int
    first: float
    second: float
    interval: tuple[float, float]
    p: float

    @property
    def difference(self) -> float:
        """second - first."""
        return self.second - self.first


@dataclass(frozen=True)
class Comparison:
    """Two runs, score by score.

    Attributes:
        models: Of both runs.
        differences: Of the scores that can be compared.
        left_out: Score -> why it cannot.
    """

    models: tuple[str, str]
    differences: tuple[Difference, ...]
    left_out: dict[str, str]


def compare_runs(first: str | Path, second: str | Path) -> Comparison:
    """Compare two runs of one benchmark.

    Args:
        first: Folder of a run.
        second: Folder of another.

    Raises:
        InputError: A folder holds no run.
        UsageError: The runs are of different benchmarks or references.
    """
    reports = read_report(first), read_report(second)
    for key in ("benchmark", "references"):
        if reports[0][key] != reports[1][key]:
            raise UsageError(f"the runs have different {key}", where=second, mend="compare runs on the same captions")
    rows = _values(first), _values(second)
    left_out: dict[str, str] = {}
    found: list[tuple[str, int, float, float, tuple[float, float], float]] = []
    for name in dict.fromkeys([*reports[0]["metrics"], *reports[1]["metrics"]]):
        reason = _cannot(name, reports)
        columns = _columns(name)
        ids = [id for id in rows[0] if all(column in row.get(id, {}) for row in rows for column in columns)]
        if reason is None and len(ids) < 2:
            reason = "fewer than two clips have it in both runs"
        if reason is not None:
            left_out[name] = reason
            continue
        values = [np.array([[row[id][column] for column in columns] for id in ids]) for row in rows]
        found.append((name, len(ids), *_compare(*values)))
    corrected = holm([row[-1] for row in found])
    differences = tuple(Difference(*row[:-1], p) for row, p in zip(found, corrected, strict=True))
    return Comparison((reports[0]["model"], reports[1]["model"]), differences, left_out)


def holm(p_values: list[float]) -> list[float]:
    """P-values corrected for their number, by Holm's step-down procedure; in the order given."""
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, p_values[place] * (len(p_values) - rank)))
        corrected[place] = highest
    return corrected


def _compare(first: np.ndarray, second: np.ndarray) -> tuple[float, float, tuple[float, float], float]:
    """Both values, the interval of their difference, and p; float64 (N, 1), or (N, 2) of precision and recall."""
    n, rng, batches = len(first), np.random.default_rng(SEED), range(DRAWS // BATCH)
    both = np.hstack([first, second])
    drawn = np.concatenate([rng.multinomial(n, np.full(n, 1 / n), size=BATCH) / n @ both for _ in batches])
    width = first.shape[1]
    low, high = np.quantile(_value(drawn[:, width:]) - _value(drawn[:, :width]), [0.025, 0.975])
    swapped = np.concatenate([rng.integers(0, 2, size=(BATCH, n)) @ ((second - first) / n) for _ in batches])
    a, b = first.mean(axis=0), second.mean(axis=0)
    true = abs(float(_value(b[None])[0] - _value(a[None])[0]))
    by_chance = np.abs(_value(b - swapped) - _value(a + swapped))
    p = (1 + int((by_chance >= true - 1e-12).sum())) / (1 + DRAWS)
    return float(_value(a[None])[0]), float(_value(b[None])[0]), (float(low), float(high)), p


def _value(means: np.ndarray) -> np.ndarray:
    """The corpus value of each row of means: the mean itself, or F of precision and recall."""
    if means.shape[1] == 1:
        return means[:, 0]
    total = means.sum(axis=1)
    return np.divide(2 * means.prod(axis=1), total, out=np.zeros(len(means)), where=total > 0)


def _columns(name: str) -> list[str]:
    if name.startswith("autodq_") and name.endswith("_f"):
        return [f"{name[:-1]}p", f"{name[:-1]}r"]
    return [name]


def _cannot(name: str, reports: tuple[dict[str, Any], dict[str, Any]]) -> str | None:
    if not all(name in report["metrics"] for report in reports):
        return "only one run has it"
    if name.startswith("bleu_") or name in NO_MEANS:
        return "it is no mean over clips"
    if name not in TEXT_METRICS:
        judges = [report["run_card"]["judge"] or {} for report in reports]
        for key in ("version", "align", "seed"):
            if judges[0].get(key) != judges[1].get(key):
                return f"the judges differ: {key}"
    return None


def _values(folder: str | Path) -> dict[str, dict[str, float]]:
    return {name: row["values"] for name, row in read_samples(folder).items()}
