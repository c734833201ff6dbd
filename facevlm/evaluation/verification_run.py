"""Run face verification on pairs of segments: answers in words, or similarities of vectors.

By similarity the accuracy is that of ten folds, each at the threshold that is best on the other nine, as in LFW (Huang
et al. 2007); a threshold chosen on the pairs that it is scored on would flatter.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from facevlm.datasets.verification_pairs import VerificationPair
from facevlm.errors import InputError
from facevlm.evaluation.figures import roc_svg
from facevlm.evaluation.intervals import mean_interval
from facevlm.evaluation.run_card import versions
from facevlm.evaluation.run_folder import SCHEMA, Origin, Score, refuse_other_run, texts_hash, write_run
from facevlm.evaluation.verification import parse_same, roc_curve, tar_at_far, verification_scores
from facevlm.exports.atomic_file import write_text

BENCHMARK = "face-verification"
FOLDS = 10
FARS = (0.1, 0.01, 0.001)
PICTURE = "roc.svg"


def run_verification(
    trials: Sequence[VerificationPair],
    answers: Mapping[str, str | None],
    folder: str | Path,
    *,
    origin: Origin,
    by_similarity: bool,
) -> dict[str, Any]:
    """Score answers, and write report and samples; by similarity the ROC curve too.

    Args:
        trials: Pairs of segments, in order.
        answers: id -> words such as "Yes, …", or a similarity as text; None or no entry where there is none.
        folder: Where the files go; it must exist.
        origin: Who answered, and why some answers are missing.
        by_similarity: Whether the answers are similarities.

    Returns:
        The report, as in `report.json`.

    Raises:
        UsageError: The folder holds the report of another run.
        InputError: A similarity is no number.
        OutputError: A file cannot be written.
    """
    started, folder = time.monotonic(), Path(folder)
    told = {trial.id: answers.get(trial.id) for trial in trials}
    identity = {
        **{"benchmark": BENCHMARK, "judge": "similarity" if by_similarity else "words", "align": "none"},
        **origin.identity(told),
        "references": texts_hash({trial.id: json.dumps(asdict(trial)) for trial in trials}),
    }
    refuse_other_run(folder, identity)
    scored = [trial for trial in trials if told[trial.id] is not None]
    said = [told[trial.id] or "" for trial in scored]
    same = [trial.same for trial in scored]
    failed = len(trials) - len(scored)
    if by_similarity:
        values = np.array([_number(text, trial) for text, trial in zip(said, scored, strict=True)])
        metrics, right, roc = _by_similarity(same, values, failed=failed)
        if roc is not None:
            title = f"{BENCHMARK}: {origin.model}, {len(scored)} pairs"
            write_text(roc_svg(*roc, auc=(metrics["auc"].value or 0) / 100, title=title), folder / PICTURE)
    else:
        missing = [trial.same for trial in trials if told[trial.id] is None]
        metrics, right = _by_words(same, [parse_same(text) for text in said], missing=missing)
    reasons = origin.failures or {}
    failures = [
        {"id": trial.id, "metrics": "all", "reason": reasons.get(trial.id, "no answer")}
        for trial in trials
        if told[trial.id] is None
    ]
    share = 100 * sum(trial.same for trial in trials) / max(len(trials), 1)
    report = {
        "schema": SCHEMA,
        **identity,
        "baseline": None,
        "reference_set": f"{len(trials)} pairs, {share:.1f} % of one person",
        "n": len(trials),
        "metrics": {name: vars(score) for name, score in metrics.items()},
        "chance": {"answer": "same", "accuracy": share},
        "failures": failures,
        "notes": dict(origin.notes or {}),
        "run_card": {"model": origin.card(), "zero_shot": origin.zero_shot, "judge": None, **versions()},
    }
    rows: list[dict[str, Any]] = [
        {"id": trial.id, "same": trial.same, "values": {"accuracy": 100.0 * hit}, "failures": {}, "answer": text}
        for trial, text, hit in zip(scored, said, right, strict=True)
    ]
    rows += [{"id": row["id"], "values": {}, "failures": {"all": row["reason"]}} for row in failures]
    write_run(folder, report, rows, {"seconds": round(time.monotonic() - started, 3)})
    return report


def _by_words(
    same: Sequence[bool], answers: Sequence[bool | None], *, missing: Sequence[bool]
) -> tuple[dict[str, Score], list[bool]]:
    rates, failed = ("true_positive_rate", "true_negative_rate", "balanced_accuracy"), len(missing)
    if not same:
        return dict.fromkeys(("accuracy", *rates, "unparsed"), Score(None, None, None, 0, failed)), []
    scores = verification_scores(same, answers)
    as_wrong = verification_scores([*same, *missing], [*answers, *[None] * failed])
    right = [answer == true for answer, true in zip(answers, same, strict=True)]
    metrics = {"accuracy": _accuracy(right, failed)}
    for name in rates:
        value = getattr(scores, name)
        zero = None if value is None else getattr(as_wrong, name)
        metrics[name] = Score(value, None, zero, len(same), failed)
    return metrics | {"unparsed": _plain(scores.unparsed, len(same), failed)}, right


def _by_similarity(
    same: Sequence[bool], values: np.ndarray, *, failed: int
) -> tuple[dict[str, Score], list[bool], tuple[np.ndarray, np.ndarray] | None]:
    names = ("accuracy", "auc", *(f"tar_at_far_{far:g}" for far in FARS))
    truth = np.asarray(same, dtype=bool)
    if len(truth) < FOLDS or truth.all() or not truth.any():
        if len(truth):
            raise InputError(
                f"{len(truth)} pairs were compared, {int(truth.sum())} of them same",
                mend=f"similarities need both kinds, and {FOLDS} pairs",
            )
        return dict.fromkeys(names, Score(None, None, None, 0, failed)), [], None
    right = _right_at_thresholds_of_other_folds(truth, values)
    accepted, wrongly = roc_curve(same, values.tolist())
    metrics = {"accuracy": _accuracy(right.tolist(), failed)}
    metrics["auc"] = _plain(100 * float(np.trapezoid(accepted, wrongly)), len(truth), failed)
    for far in FARS:
        value = 100 * tar_at_far(same, values.tolist(), far=far)
        metrics[f"tar_at_far_{far:g}"] = _plain(value, len(truth), failed)
    return metrics, right.tolist(), (accepted, wrongly)


def _right_at_thresholds_of_other_folds(truth: np.ndarray, values: np.ndarray) -> np.ndarray:
    """bool (N,), whether each pair is told rightly; pair k is in fold k mod 10."""
    fold = np.arange(len(truth)) % FOLDS
    right = np.zeros(len(truth), dtype=bool)
    for number in range(FOLDS):
        others, own = fold != number, fold == number
        right[own] = (values[own] >= _best_threshold(truth[others], values[others])) == truth[own]
    return right


def _best_threshold(truth: np.ndarray, values: np.ndarray) -> float:
    """The middle between two neighbouring values that tells most pairs rightly; the lowest of equals."""
    order = np.sort(np.unique(values))
    candidates = np.concatenate([[order[0] - 1.0], (order[1:] + order[:-1]) / 2, [order[-1] + 1.0]])
    same, different = np.sort(values[truth]), np.sort(values[~truth])
    accepted = len(same) - np.searchsorted(same, candidates)
    rejected = np.searchsorted(different, candidates)
    return float(candidates[(accepted + rejected).argmax()])


def _accuracy(right: Sequence[bool], failed: int) -> Score:
    hits = 100.0 * np.array(right, dtype=np.float64)
    mean = float(hits.mean())
    return Score(mean, mean_interval(hits), mean * len(hits) / (len(hits) + failed), len(hits), failed)


def _plain(value: float | None, n: int, failed: int) -> Score:
    return Score(None if value is None else float(value), None, None, n, failed)


def _number(text: str, trial: VerificationPair) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(f"the similarity {text[:20]!r} is no number", where=f"pair {trial.id}")
    return value
