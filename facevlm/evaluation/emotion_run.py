"""Run emotion classification (DFEW, MAFW): UAR and WAR of the official folds, recall of each class, the confusions.

Papers report the mean of the folds' values, and so do `uar` and `war` here; intervals are of the pooled clips. An
answer that names no class, or several, is wrong and in a column of its own; a clip without an answer is a failure, and
failures count as 0 by being wrong in their fold.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facevlm.evaluation.classification import ClassificationScores, FoldScores, classification_scores, fold_scores
from facevlm.evaluation.figures import confusion_svg
from facevlm.evaluation.intervals import class_means_interval, mean_interval
from facevlm.evaluation.run_card import versions
from facevlm.evaluation.run_folder import SCHEMA, Origin, Score, refuse_other_run, texts_hash, write_run
from facevlm.exports.atomic_file import write_text

PICTURE = "confusion.svg"


@dataclass(frozen=True)
class LabelledClip:
    """A clip to classify.

    Attributes:
        id: Of the clip.
        label: The true one.
        fold: In whose test part it is.
    """

    id: str
    label: str
    fold: int


@dataclass(frozen=True)
class Inferred:
    """What was said of a clip.

    Attributes:
        label: The class that was read from the answer; None where none could be.
        answer: The answer that it was read from; None where the label comes from the description by rule.
        description: What the clip was described as; None where predictions were brought as a file.
    """

    label: str | None
    answer: str | None = None
    description: str | None = None


def run_emotions(
    clips: Sequence[LabelledClip],
    inferred: Mapping[str, Inferred],
    folder: str | Path,
    *,
    benchmark: str,
    labels: Sequence[str],
    origin: Origin,
) -> dict[str, Any]:
    """Score labels, and write report, samples, and the picture of confusions.

    Args:
        clips: In order; a clip is in the test part of one fold.
        inferred: id -> what was said; clips that are not in it are failures.
        folder: Where the files go; it must exist.
        benchmark: Its name.
        labels: All classes.
        origin: Who answered, and why some answers are missing.

    Returns:
        The report, as in `report.json`.

    Raises:
        UsageError: The folder holds the report of another run.
        InputError: A true label is no class.
        OutputError: A file cannot be written.
    """
    started, folder = time.monotonic(), Path(folder)
    truth = {clip.id: clip.label for clip in clips}
    told = {clip.id: inferred[clip.id].label if clip.id in inferred else None for clip in clips}
    folds = sorted({clip.fold for clip in clips})
    identity = {
        **{"benchmark": benchmark, "judge": "labels", "align": "none"},
        **origin.identity(told),
        "references": texts_hash(truth | {f"fold of {clip.id}": str(clip.fold) for clip in clips}),
    }
    refuse_other_run(folder, identity)
    scored = [clip for clip in clips if clip.id in inferred]
    missing = [clip for clip in clips if clip.id not in inferred]
    metrics, each, pooled = _scores(scored, told, folds, labels, missing=missing)
    reasons = origin.failures or {}
    failures = [{"id": clip.id, "metrics": "all", "reason": reasons.get(clip.id, "no answer")} for clip in missing]
    report = {
        "schema": SCHEMA,
        **identity,
        "baseline": None,
        "reference_set": f"{len(clips)} clips, test part of fold {', '.join(map(str, folds))}",
        "n": len(clips),
        "metrics": {name: vars(score) for name, score in metrics.items()},
        "folds": each,
        "confusion": _confusion(pooled) if pooled else None,
        "chance": _chance(list(truth.values()), labels),
        "failures": failures,
        "notes": dict(origin.notes or {}),
        "run_card": {
            "model": origin.card(),
            "zero_shot": origin.zero_shot,
            "judge": None,
            "folds": folds,
            **versions(),
        },
    }
    if pooled:
        title = f"{benchmark}: {origin.model}, {pooled.n} clips"
        write_text(
            confusion_svg(pooled.confusion, pooled.labels, unread=_unread(pooled), title=title), folder / PICTURE
        )
    rows = [_row(clip, inferred.get(clip.id), failures) for clip in clips]
    write_run(folder, report, rows, {"seconds": round(time.monotonic() - started, 3)})
    return report


def _scores(
    scored: Sequence[LabelledClip],
    told: Mapping[str, str | None],
    folds: Sequence[int],
    labels: Sequence[str],
    *,
    missing: Sequence[LabelledClip],
) -> tuple[dict[str, Score], list[dict[str, Any]], ClassificationScores | None]:
    names = ("war", "uar", *(f"recall_{label}" for label in labels))
    failed = len(missing)
    if not scored:
        return dict.fromkeys(names, Score(None, None, None, 0, failed)), [], None
    found, as_wrong = (_by_fold(clips, told, folds, labels) for clips in (scored, [*scored, *missing]))
    hits = 100.0 * np.array([told[clip.id] == clip.label for clip in scored])
    classes = np.array([labels.index(clip.label) for clip in scored])
    metrics = {
        "war": Score(found.war, mean_interval(hits), as_wrong.war, len(scored), failed),
        "uar": Score(found.uar, class_means_interval(hits, classes), as_wrong.uar, len(scored), failed),
    }
    for number, label in enumerate(labels):
        recall = float(found.pooled.recall[number])
        own = hits[classes == number]
        seen = bool(len(own))
        lost = sum(clip.label == label for clip in missing)
        metrics[f"recall_{label}"] = Score(
            recall if seen else None,
            mean_interval(own) if seen else None,
            float(as_wrong.pooled.recall[number]) if seen else None,
            len(own),
            lost,
        )
    kept = [fold for fold in folds if any(clip.fold == fold for clip in scored)]
    each = [
        {"fold": fold, "n": one.n, "war": one.war, "uar": one.uar, "unparsed": one.stray}
        for fold, one in zip(kept, found.folds, strict=True)
    ]
    return metrics, each, found.pooled


def _by_fold(
    clips: Sequence[LabelledClip], told: Mapping[str, str | None], folds: Sequence[int], labels: Sequence[str]
) -> FoldScores:
    parts = [[clip for clip in clips if clip.fold == fold] for fold in folds]
    found = [([clip.label for clip in part], [told[clip.id] for clip in part]) for part in parts if part]
    return fold_scores(found, labels=labels)


def _confusion(pooled: ClassificationScores) -> dict[str, Any]:
    return {
        "labels": list(pooled.labels),
        "rows_are": "truth",
        "counts": pooled.confusion.tolist(),
        "unparsed": _unread(pooled),
        "macro_f1": pooled.macro_f1,
        "pooled_war": pooled.war,
        "pooled_uar": pooled.uar,
    }


def _unread(pooled: ClassificationScores) -> list[int]:
    """Answers of each true class that name no class."""
    return [int(count) for count in pooled.support - pooled.confusion.sum(axis=1)]


def _chance(truth: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """What answering the commonest class always would score."""
    commonest = max(labels, key=list(truth).count)
    scores = classification_scores(truth, [commonest] * len(truth), labels=labels)
    return {"answer": commonest, "war": scores.war, "uar": scores.uar}


def _row(clip: LabelledClip, said: Inferred | None, failures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": clip.id, "fold": clip.fold, "truth": clip.label}
    if said is None:
        (reason,) = (failure["reason"] for failure in failures if failure["id"] == clip.id)
        return row | {"values": {}, "failures": {"all": reason}}
    hit = 100.0 * (said.label == clip.label)
    values = {"war": hit, f"recall_{clip.label}": hit}
    return (
        row
        | {"values": values, "failures": {}, "label": said.label}
        | {
            "answer": said.answer,
            "prediction": said.description,
        }
    )
