"""The leaderboard as one HTML page: own runs by benchmark and judge, what chance scores, published numbers apart.

Runs are ranked only among those of one benchmark, one judge, one alignment and one set of references, and by the value
with failures as 0 where there is one: a run is not better for what it left out. The chance and
ceiling rows stand in each of these tables; where one was not run, the row says so. Published rows are never ranked:
their judge, their references and their code are not known.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from facevlm.errors import InputError
from facevlm.evaluation.baselines import BASELINES, SECOND_HUMAN, SECOND_HUMAN_IS
from facevlm.evaluation.classification import MAFW_LABELS
from facevlm.evaluation.figures import radar_svg
from facevlm.evaluation.run_folder import read_report


@dataclass(frozen=True)
class Table:
    """How the runs of a benchmark are shown.

    Attributes:
        title: Of the benchmark.
        columns: Score -> heading; judged scores without the name of the judge.
        ranked_by: The score by which models are ranked.
        published: Key in the published tables -> heading.
        form: Of a value.
        radar: The scores of the radar plot, at least three; none for no plot.
        baselines: Whether the baselines of captions belong to it.
    """

    title: str
    columns: dict[str, str]
    ranked_by: str
    published: dict[str, str]
    form: str = "%.2f"
    radar: tuple[str, ...] = ()
    baselines: bool = False


_RATED = {name: name for name in ("correctness", "detail", "context", "temporal")}
_EMOTIONS = {"uar": "UAR", "war": "WAR", **{f"recall_{label}": label for label in MAFW_LABELS}}
_OVERLAPS = {"clue_overlap": "clue overlap", "label_overlap": "label overlap"}
TABLES = {
    "fec-bench": Table(
        "FEC-Bench",
        {
            **_RATED,
            **{"consistency": "consistency", "cider_d": "CIDEr-D", "cider_no_length_penalty": "CIDEr, any length"},
            **{
                "rouge_l": "ROUGE-L",
                "autodq_f": "AutoDQ",
                "tem": "TEM",
                "tem_ref": "TEM (ref)",
                "tem_max": "TEM (max)",
            },
        },
        "tem_ref",
        {**_RATED, "cider": "CIDEr-D", "rouge_l": "ROUGE-L", "autodq": "AutoDQ", "tem": "TEM"},
        form="%.3f",
        radar=(*_RATED, "cider_d", "cider_no_length_penalty", "rouge_l", "autodq_f", "tem", "tem_ref"),
        baselines=True,
    ),
    "dfew": Table("DFEW", _EMOTIONS, "uar", {"uar": "UAR", "war": "WAR"}, radar=tuple(_EMOTIONS)),
    "mafw": Table("MAFW", _EMOTIONS, "uar", {"uar": "UAR", "war": "WAR"}, radar=tuple(_EMOTIONS)),
    "emer": Table("EMER", _OVERLAPS, "clue_overlap", _OVERLAPS),
    "face-verification": Table(
        "Face verification",
        {
            **{"accuracy": "accuracy", "true_positive_rate": "same told", "true_negative_rate": "different told"},
            **{"balanced_accuracy": "balanced", "unparsed": "unreadable, number", "auc": "AUC"},
            **{f"tar_at_far_{far}": f"TAR at FAR {far}" for far in ("0.1", "0.01", "0.001")},
        },
        "accuracy",
        {"accuracy": "accuracy", "accuracy_with_favchat": "with FaVChat's descriptions"},
    ),
}


@dataclass(frozen=True)
class Row:
    """One run in a table.

    Attributes:
        rank: 1 for the best, None for baselines and where the ranked score is missing.
        name: Of the model, or what the baseline is.
        zero_shot: Whether the run may be called so, in words; empty for baselines.
        helped: Who or what helped the model, in words; empty where nothing did.
        scores: Column -> score, as in the report; None where the run has none.
        best: Columns in which no other model of the table is better, failures as 0.
    """

    rank: int | None
    name: str
    zero_shot: str
    scores: dict[str, dict[str, Any] | None]
    best: frozenset[str] = frozenset()
    helped: str = ""


@dataclass(frozen=True)
class Group:
    """Runs that can be compared.

    Attributes:
        benchmark: Its name.
        judge: Name and version, or that there was none.
        align: How predictions were rewritten before they were rated.
        references: Which, in words.
        columns: Those that some run has.
        models: Ranked.
        radar: SVG of the models' scores; empty where there are fewer than three axes or two models.
        baselines: In the order of `BASELINES`.
        missing: Baselines that were not run.
    """

    benchmark: str
    judge: str
    align: str
    references: str
    columns: tuple[str, ...]
    models: tuple[Row, ...]
    baselines: tuple[Row, ...]
    missing: tuple[str, ...]
    radar: str = field(default="", repr=False)

    @property
    def table(self) -> Table:
        return TABLES[self.benchmark]


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
    """The runs in tables of those that can be compared.

    Raises:
        InputError: A run is of a benchmark that is not known here.
    """
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for report in reports:
        if report["benchmark"] not in TABLES:
            raise InputError(f"no benchmark {report['benchmark']!r}", where=report["model"])
        judge = report["run_card"]["judge"] or {"name": report["judge"], "version": ""}
        key = (report["benchmark"], judge["name"], judge["version"], report["align"], report["references"])
        groups.setdefault(key, []).append(report)
    order = list(TABLES)
    return [_group(key, groups[key]) for key in sorted(groups, key=lambda key: (order.index(key[0]), key))]


def leaderboard_page(reports: Sequence[dict[str, Any]], *, title: str = "Benchmarks") -> str:
    """HTML that needs no network and runs no script.

    Args:
        reports: Of runs.
        title: Of the page.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    package = files("facevlm.evaluation")
    template = environment.from_string(package.joinpath("page/leaderboard.html").read_text(encoding="utf-8"))
    published = json.loads(package.joinpath("data/published_results.json").read_text(encoding="utf-8"))
    groups = group_runs(reports)
    shown = [name for name in TABLES if any(group.benchmark == name for group in groups)]
    return template.render(
        title=title,
        groups=groups,
        tables={name: TABLES[name] for name in shown},
        published=published["benchmarks"],
    )


def zero_shot_words(report: dict[str, Any]) -> str:
    """Whether a run may be called zero-shot, in a few words."""
    found = report["run_card"].get("zero_shot")
    if found is None:
        return "training data not told"
    shared = {"shared_clips": f"of {found['benchmark_clips']} clips", "shared_identities": "of the people"}
    told = [f"{found[key]} {what}" for key, what in shared.items() if found[key]]
    return found["verdict"] + (f": trained on {' and '.join(told)}" if told else "")


def help_words(report: dict[str, Any]) -> str:
    """What besides the model the answers depend on: examples, who inferred the labels, who described the faces."""
    card = report["run_card"].get("model", {})
    told = [f"{len(card['examples'])} examples"] if "examples" in card else []
    for key, what in {"labels_by": "labels by", "described_with": "faces described by"}.items():
        if who := card.get(key):
            told.append(f"{what} {who if isinstance(who, str) else who.get('model') or who.get('file')}")
    return ", ".join(told)


def _group(key: tuple[str, ...], reports: list[dict[str, Any]]) -> Group:
    benchmark, name, version, align, _ = key
    table = TABLES[benchmark]
    rows = [(report, {column: _score(report, column, name) for column in table.columns}) for report in reports]
    columns = tuple(column for column in table.columns if any(scores[column] for _, scores in rows))
    models = [(report, scores) for report, scores in rows if report["baseline"] is None]
    models.sort(key=lambda row: (-_value(row[1], table.ranked_by, -1.0), row[0]["model"]))
    tops = {column: max((_value(scores, column, -1.0) for _, scores in models), default=-1.0) for column in columns}
    ranked = []
    for place, (report, scores) in enumerate(models, start=1):
        best = frozenset(column for column in columns if _value(scores, column, -2.0) == tops[column] != -1.0)
        rank = place if scores[table.ranked_by] else None
        words = zero_shot_words(report), scores, best - {"unparsed"}, help_words(report)
        ranked.append(Row(rank, report["model"], *words))
    by_baseline = {report["baseline"]: scores for report, scores in rows if report["baseline"] is not None}
    told = {name: row[0] for name, row in BASELINES.items()} | {SECOND_HUMAN: SECOND_HUMAN_IS}
    known = told if table.baselines else {}
    chance = [_chance(report["chance"], table) for report in reports if "chance" in report][:1]
    return Group(
        benchmark=benchmark,
        judge=f"{name} {version}".strip(),
        align=align,
        references=max((report["n"], report["reference_set"]) for report in reports)[1],
        columns=columns,
        models=tuple(ranked),
        baselines=(*(Row(None, known[b], "", by_baseline[b]) for b in known if b in by_baseline), *chance),
        missing=tuple(b for b in known if b not in by_baseline),
        radar=_radar(table, columns, ranked),
    )


def _chance(chance: dict[str, Any], table: Table) -> Row:
    """The row of answering the same to all."""
    plain = {"interval": None, "n_failed": 0}
    scores = {column: {"value": chance[column], **plain} if column in chance else None for column in table.columns}
    return Row(None, f"always answering “{chance['answer']}”", "", scores)


def _radar(table: Table, columns: Sequence[str], models: Sequence[Row]) -> str:
    axes = [column for column in table.radar if column in columns]
    tops = [max(_value(row.scores, column, 0.0) for row in models) if models else 0.0 for column in axes]
    axes, tops = [a for a, top in zip(axes, tops, strict=True) if top > 0], [top for top in tops if top > 0]
    if len(axes) < 3 or len(models) < 2:
        return ""
    rows = {
        f"{place}. {row.name}": [_value(row.scores, a, 0.0) if row.scores[a] else None for a in axes]
        for place, row in enumerate(models, start=1)
    }
    return radar_svg([table.columns[a] for a in axes], rows, most=tops)


def _score(report: dict[str, Any], column: str, judge: str) -> dict[str, Any] | None:
    full = f"autodq_{judge}_f" if column == "autodq_f" else f"{column}_{judge}"
    score = report["metrics"].get(column) or report["metrics"].get(full)
    return dict(score, n=report["n"]) if score and score["value"] is not None else None


def _value(scores: dict[str, dict[str, Any] | None], column: str, missing: float) -> float:
    """By which models are ranked: with failures as 0 where there is such a value."""
    score = scores[column]
    if not score:
        return missing
    as_zero = score["mean_failures_as_zero"]
    return float(score["value"] if as_zero is None else as_zero)
