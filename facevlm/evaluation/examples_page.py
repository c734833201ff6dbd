"""Captions of several models side by side, facial terms highlighted as in FaVChat's table 2, as one HTML page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from facevlm.errors import InputError, UsageError
from facevlm.evaluation.run_folder import read_report, read_samples
from facevlm.evaluation.term_marks import Run, marked

SHOWN = ("tem_ref", "rouge_l")  # beginnings of the names of the scores that stand under a caption


@dataclass(frozen=True)
class Shown:
    """One caption on the page.

    Attributes:
        who: Of the model, or "reference".
        runs: The caption with its facial terms; empty where there is none.
        terms: Number of facial terms.
        words: Number of words.
        told: Scores in words, or why there is no caption.
    """

    who: str
    runs: tuple[Run, ...]
    terms: int
    words: int
    told: str


def examples_page(
    folders: Sequence[str | Path],
    references: Mapping[str, str | None],
    *,
    ids: Sequence[str] = (),
    most: int = 5,
    title: str = "Captions side by side",
) -> str:
    """HTML that needs no network and runs no script.

    Args:
        folders: Of runs of captions.
        references: id -> caption.
        ids: Which clips; none for those on which the runs differ most in TEM, `most` of them.
        most: How many without ids.
        title: Of the page.

    Raises:
        UsageError: An id has no reference.
        InputError: A folder holds no run, or no clip is in one.
    """
    models = [str(read_report(folder)["model"]) for folder in folders]
    samples = [read_samples(folder) for folder in folders]
    if unknown := [name for name in ids if references.get(name) is None]:
        raise UsageError(f"id {unknown[0]} has no reference", where="--id")
    known = [name for name, caption in references.items() if caption and any(name in rows for rows in samples)]
    if not known:
        raise InputError("no clip of the runs has a reference", where="--references")
    chosen = list(ids) or sorted(known, key=lambda name: -_spread(name, samples))[:most]
    clips = []
    for name in chosen:
        shown = [_shown("reference", str(references[name]), "")]
        for model, rows in zip(models, samples, strict=True):
            row = rows.get(name, {"values": {}, "failures": {"all": "not in this run"}})
            values = [f"{k} {v:.3f}" for k, v in row["values"].items() if k.startswith(SHOWN)]
            shown.append(
                _shown(model, row.get("prediction"), " · ".join([*values, *map(str, row["failures"].values())]))
            )
        clips.append((name, shown))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = files("facevlm.evaluation").joinpath("page/examples.html").read_text(encoding="utf-8")
    return environment.from_string(page).render(title=title, clips=clips, columns=len(folders) + 1)


def _shown(who: str, caption: str | None, told: str) -> Shown:
    runs = tuple(marked(caption)) if caption else ()
    return Shown(who, runs, sum(run.kind is not None for run in runs), len((caption or "").split()), told)


def _spread(name: str, samples: Sequence[Mapping[str, Mapping[str, Mapping[str, float]]]]) -> float:
    """How far the runs are apart in TEM on a clip; with one run, how low its TEM is."""
    values = [
        value
        for rows in samples
        for key, value in rows.get(name, {"values": {}})["values"].items()
        if key.startswith("tem_ref")
    ]
    if not values:
        return -1.0
    return max(values) - min(values) if len(samples) > 1 else 1.0 - values[0]
