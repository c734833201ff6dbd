"""The leaderboard of a benchmark as one HTML page: own runs by judge, what chance scores, published numbers apart.

Runs are ranked only among those of one judge, one alignment and one set of references. The chance and ceiling rows
stand in each of these tables; where one was not run, the row says so. Published rows are never ranked: their judge,
their references and their code are not known.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from facevlm.errors import InputError
from facevlm.evaluation.baselines import BASELINES
from facevlm.evaluation.run_folder import read_report

RANKED_BY = "tem_ref"
COLUMNS = {
    **{name: name for name in ("correctness", "detail", "context", "temporal", "consistency")},
    **{"cider_d": "CIDEr-D", "cider_no_length_penalty": "CIDEr, any length", "rouge_l": "ROUGE-L"},
    **{"autodq_f": "AutoDQ", "tem": "TEM", "tem_ref": "TEM (ref)", "tem_max": "TEM (max)"},
}
PUBLISHED_COLUMNS = {
    **{name: name for name in ("correctness", "detail", "context", "temporal")},
    **{"cider": "CIDEr-D", "rouge_l": "ROUGE-L", "autodq": "AutoDQ", "tem": "TEM"},
}


@dataclass(frozen=True)
class Row:
    """One run in a table.

    Attributes:
        rank: 1 for the best, None for baselines and where the ranked score is missing.
        name: Of the model, or what the baseline is.
        scores: Column -> score, as in the report; None where the run has none.
        best: Columns in which no other model of the table is better.
    """

    rank: int | None
    name: str
    scores: dict[str, dict[str, Any] | None]
    best: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Group:
    """Runs that can be compared.

    Attributes:
        judge: Name and version, or that there was none.
        align: How predictions were rewritten before they were rated.
        references: Which, in words.
        columns: Those that some run has.
        models: Ranked.
        baselines: In the order of `BASELINES`.
        missing: Baselines that were not run.
    """

    judge: str
    align: str
    references: str
    columns: tuple[str, ...]
    models: tuple[Row, ...]
    baselines: tuple[Row, ...]
    missing: tuple[str, ...]


def read_runs(folder: str | Path) -> list[dict[str, Any]]:
    """The reports of the runs directly in a folder, by name.

    Raises:
        InputError: There are none, or one cannot be read.
    """
    place = Path(folder)
    found = [read_report(path.parent) for path in sorted(place.glob("*/report.json"))]
    if not found:
        raise InputError("holds no runs", where=folder, mend="give the folder in which `facevlm eval` made its folders")
    return found


def group_runs(reports: Sequence[dict[str, Any]]) -> list[Group]:
    """The runs in tables of those that can be compared."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for report in reports:
        judge = report["run_card"]["judge"] or {"name": "none", "version": ""}
        key = (judge["name"], judge["version"], str(judge.get("align", "none")), report["references"])
        groups.setdefault(key, []).append(report)
    return [_group(key, groups[key]) for key in sorted(groups)]


def leaderboard_page(reports: Sequence[dict[str, Any]], *, title: str = "FEC-Bench") -> str:
    """HTML that needs no network and runs no script.

    Args:
        reports: Of runs of one benchmark.
        title: Of the page.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    package = files("facevlm.evaluation")
    template = environment.from_string(package.joinpath("page/leaderboard.html").read_text(encoding="utf-8"))
    published = json.loads(package.joinpath("data/published_fec_bench.json").read_text(encoding="utf-8"))
    return template.render(
        title=title,
        groups=group_runs(reports),
        columns=COLUMNS,
        ranked_by=COLUMNS[RANKED_BY],
        published=published,
        published_columns=PUBLISHED_COLUMNS,
    )


def _group(key: tuple[str, ...], reports: list[dict[str, Any]]) -> Group:
    name, version, align, _ = key
    rows = [(report, {column: _score(report, column, name) for column in COLUMNS}) for report in reports]
    columns = tuple(column for column in COLUMNS if any(scores[column] for _, scores in rows))
    models = [(report["model"], scores) for report, scores in rows if report["baseline"] is None]
    models.sort(key=lambda row: (-_value(row[1], RANKED_BY, -1.0), row[0]))
    tops = {column: max((_value(scores, column, -1.0) for _, scores in models), default=-1.0) for column in columns}
    ranked = []
    for place, (model, scores) in enumerate(models, start=1):
        best = frozenset(column for column in columns if _value(scores, column, -2.0) == tops[column])
        ranked.append(Row(place if scores[RANKED_BY] else None, model, scores, best))
    by_baseline = {report["baseline"]: scores for report, scores in rows if report["baseline"] is not None}
    return Group(
        judge=f"{name} {version}".strip(),
        align=align,
        references=reports[0]["reference_set"],
        columns=columns,
        models=tuple(ranked),
        baselines=tuple(Row(None, BASELINES[b][0], by_baseline[b]) for b in BASELINES if b in by_baseline),
        missing=tuple(b for b in BASELINES if b not in by_baseline),
    )


def _score(report: dict[str, Any], column: str, judge: str) -> dict[str, Any] | None:
    full = f"autodq_{judge}_f" if column == "autodq_f" else f"{column}_{judge}"
    score = report["metrics"].get(column) or report["metrics"].get(full)
    return dict(score, n=report["n"]) if score and score["value"] is not None else None


def _value(scores: dict[str, dict[str, Any] | None], column: str, missing: float) -> float:
    score = scores[column]
    return float(score["value"]) if score else missing
