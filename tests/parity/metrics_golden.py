"""A golden file of metrics: nested JSON, and a record of what of it was compared."""

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

TOLERANCE = 1e-6


def folder() -> Path:
    """The folder of golden metrics: FACEVLM_GOLDEN_METRICS, or ../shared/golden_metrics beside the project."""
    named = os.environ.get("FACEVLM_GOLDEN_METRICS")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "golden_metrics"


def golden_files() -> list[str]:
    """All files but README and hidden ones, relative to the folder."""
    files = sorted(path.relative_to(folder()) for path in folder().rglob("*") if path.is_file())
    return [path.as_posix() for path in files if path.suffix != ".md" and not path.name.startswith(".")]


def load(name: str) -> object:
    return json.loads((folder() / name).read_text(encoding="utf-8"))


class MetricsGolden:
    """One golden file.

    Keys are paths such as `cases[].expected.f1`; an index is written as `[]`. A key is covered when it, or a key that
    holds it, was compared, used as an input, or named as not offered.
    """

    def __init__(self, name: str) -> None:
        self.name, self.data = name, load(name)
        self.rows: list[dict[str, object]] = []
        self.problems: list[str] = []
        self._covered: set[str] = set()

    def use(self, *keys: str) -> None:
        """Keys that are inputs or notes."""
        self._covered |= set(keys)

    def not_offered(self, key: str, reason: str) -> None:
        """A key that facevlm has no counterpart for; told in the report."""
        self._covered.add(key)
        self.rows.append({"file": self.name, "key": key, "max_abs": None, "tolerance": None, "note": reason})

    def compare(self, key: str, actual: object, wanted: object, *, tolerance: float = TOLERANCE) -> None:
        """Compare numbers: one, a list, or nested lists; None stands for no number (NaN)."""
        self._covered.add(key)
        got, want = (np.asarray(_plain(value), dtype=np.float64) for value in (actual, wanted))
        if got.shape != want.shape:
            self._row(key, None, tolerance, f"shape {got.shape} instead of {want.shape}")
            return
        both_missing = np.isnan(got) & np.isnan(want)
        difference = float(np.abs(np.where(both_missing, 0.0, got - want)).max(initial=0.0))
        if math.isnan(difference):
            self._row(key, None, tolerance, "a number where there is none, or none where there is one")
        else:
            self._row(key, difference, tolerance, "" if difference <= tolerance else f"differs by {difference:.3g}")

    def compare_words(self, key: str, actual: Iterable[object], wanted: Iterable[object]) -> None:
        """Compare labels or texts, one by one; the difference is the number of unequal ones."""
        self._covered.add(key)
        got, want = list(actual), list(wanted)
        unequal = [f"{a!r} instead of {b!r}" for a, b in zip(got, want, strict=False) if a != b]
        unequal += ["another number of them"] if len(got) != len(want) else []
        self._row(key, float(len(unequal)), 0.0, unequal[0] if unequal else "")

    def uncovered(self) -> list[str]:
        """Keys that nothing looked at."""
        keys = {key for key in _leaves(self.data, "") if not self._is_covered(key)}
        return [f"{key}: not covered by any check" for key in sorted(keys)]

    def _is_covered(self, key: str) -> bool:
        return any(key == known or key.startswith((f"{known}.", f"{known}[")) for known in self._covered)

    def _row(self, key: str, max_abs: float | None, tolerance: float, problem: str) -> None:
        self.rows.append({"file": self.name, "key": key, "max_abs": max_abs, "tolerance": tolerance})
        if problem:
            self.problems.append(f"{key}: {problem}")


def _leaves(value: object, path: str) -> Iterable[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for item in value:
            yield from _leaves(item, f"{path}[]")
    else:
        yield path


def _plain(value: object) -> object:
    if value is None:
        return math.nan
    return [_plain(item) for item in value] if isinstance(value, list | tuple | np.ndarray) else value
