"""Run a benchmark of captions: every score with its interval and its failures, and a card of the run."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facevlm.endpoints.reply_cache import CachedClient
from facevlm.errors import UsageError
from facevlm.evaluation.caption_files import Failure, Pairs, pair_captions, pairs_at
from facevlm.evaluation.intervals import f_of_means_interval, mean_interval
from facevlm.evaluation.judging import JudgedSample, Judging, Sample, judge_samples
from facevlm.evaluation.metrics import TEXT_METRICS, compute, judged_name
from facevlm.evaluation.run_card import run_card
from facevlm.evaluation.run_folder import SCHEMA, Origin, Score, refuse_other_run, texts_hash, write_run
from facevlm.evaluation.scores import f_measure

# Of ids and captions of the 800 references that FEC-Bench published; other sets are told apart by it.
FEC_BENCH_REFERENCES = "59fcfb093fd6da3f49d1779b204067b8a63c792411786ce55cf766cb7bf941da"


def run_benchmark(
    predictions: dict[str, str | None],
    references: dict[str, str | None],
    folder: str | Path,
    *,
    benchmark: str,
    origin: Origin,
    judging: Judging,
    metrics: Sequence[str] | None = None,
    baseline: str | None = None,
    only: Collection[str] | None = None,
    second_predictions: dict[str, str | None] | None = None,
    concurrency: int = 1,
    on_progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Score predictions against references, and write report, samples and timings.

    Args:
        predictions: id -> caption, None where there is none.
        references: Likewise.
        folder: Where the files go; it must exist.
        benchmark: Its name.
        origin: Who made the predictions, and why some are missing.
        judging: The judge.
        metrics: Full names; None for all but consistency, which needs second predictions.
        baseline: Its name, where the predictions are those of a baseline and of no model.
        only: Ids to score, None for all; BLEU is left out.
        second_predictions: id -> answer to a similar question.
        concurrency: Captions to judge at a time.
        on_progress: Called after each judged caption.

    Returns:
        The report, as in `report.json`.

    Raises:
        UsageError: No such metric, or the folder holds the report of another run.
        BudgetError: The judge's budget is spent; nothing is written, and what was replied is kept.
        InputError: The judge's endpoint cannot be used.
        OutputError: A file cannot be written.
    """
    started = time.monotonic()
    folder = Path(folder)
    names = [name for name in _chosen(metrics, judging) if only is None or not name.startswith("bleu_")]
    pairs = pair_captions(predictions, references, reasons=origin.failures)
    if only is not None:
        pairs = pairs_at(pairs, [k for k, name in enumerate(pairs.ids) if name in only], failures=())
    identity = {
        **{"benchmark": benchmark, "judge": judging.by_events.name, "align": judging.align},
        **origin.identity(predictions),
        "references": texts_hash(references),
    }
    refuse_other_run(folder, identity)
    seconds = second_predictions or {}
    samples = [
        Sample(name, said, told, seconds.get(name))
        for name, said, told in zip(pairs.ids, pairs.predictions, pairs.references, strict=True)
    ]
    text = compute(pairs, [name for name in names if name in TEXT_METRICS], intervals=True)
    columns = {name: metric.scores.per_sample for name, metric in text.metrics.items()}
    judged_names = [name for name in names if name in judging.names]
    judged = (
        judge_samples(samples, judging, names=judged_names, concurrency=concurrency, on_progress=on_progress)
        if judged_names
        else [JudgedSample(sample.id) for sample in samples]
    )
    scores: dict[str, Score] = {}
    for name in names:
        if name in judging.names:
            scores[name] = _judged_score(name, judged, judging, n=len(pairs.ids) + len(pairs.failures))
        elif name in text.metrics:
            metric = text.metrics[name]
            scores[name] = Score(
                metric.scores.corpus, metric.interval, metric.failures_as_zero, len(pairs.ids), len(pairs.failures)
            )
        else:
            scores[name] = Score(None, None, None, 0, len(pairs.failures))
    report = {
        "schema": SCHEMA,
        **identity,
        "baseline": baseline,
        "reference_set": ("" if only is None else f"{len(only)} of ") + reference_set(benchmark, references),
        "n": len(pairs.ids) + len(pairs.failures),
        "metrics": {name: vars(score) for name, score in scores.items()},
        "failures": _failures(pairs, judged),
        "notes": dict(origin.notes or {}),
        "run_card": run_card(judging, origin, tokenizer=text.tokenizer, judged=bool(judged_names)),
    }
    asked = judging.client.asked if isinstance(judging.client, CachedClient) else 0
    timings = {"seconds": round(time.monotonic() - started, 3), "replies_asked": asked}
    write_run(folder, report, _samples(samples, judged, columns, pairs.failures), timings)
    return report


def reference_set(benchmark: str, references: Mapping[str, str | None]) -> str:
    """Which references these are, in words: scores on different sets cannot be compared."""
    if benchmark == "fec-bench" and texts_hash(references) == FEC_BENCH_REFERENCES:
        return "the 800 public references of FEC-Bench"
    return f"{len(references)} references of another set"


def _chosen(metrics: Sequence[str] | None, judging: Judging) -> list[str]:
    known = (*TEXT_METRICS, *judging.names)
    if metrics is None:
        return [name for name in known if name != judged_name("consistency", judging.by_events)]
    if unknown := [name for name in metrics if name not in known]:
        raise UsageError(f"no metric {unknown[0]!r}", where="--metrics", mend=f"choose among {', '.join(known)}")
    return list(dict.fromkeys(metrics))


def _judged_score(name: str, judged: Sequence[JudgedSample], judging: Judging, *, n: int) -> Score:
    values = np.array([sample.values[name] for sample in judged if name in sample.values], dtype=np.float64)
    if not len(values):
        return Score(None, None, None, 0, n)
    share, failed = len(values) / n, n - len(values)
    if name != judged_name("autodq_f", judging.by_events):
        mean = float(values.mean())
        return Score(mean, mean_interval(values), mean * share, len(values), failed)
    parts = [[_part(sample, judging, part) for sample in judged if name in sample.values] for part in "pr"]
    precision, recall = (np.array(part, dtype=np.float64) for part in parts)
    p, r = float(precision.mean()), float(recall.mean())
    interval = f_of_means_interval(precision, recall)
    return Score(f_measure(p, r), interval, f_measure(p * share, r * share), len(values), failed)


def _part(sample: JudgedSample, judging: Judging, part: str) -> float:
    return sample.values[judged_name(f"autodq_{part}", judging.by_events)]


def _failures(pairs: Pairs, judged: Sequence[JudgedSample]) -> list[dict[str, Any]]:
    missing = [{"id": failure.id, "metrics": "all", "reason": failure.reason} for failure in pairs.failures]
    rows = []
    for sample in judged:
        for reason in dict.fromkeys(sample.failures.values()):
            names = [name for name, why in sample.failures.items() if why == reason]
            rows.append({"id": sample.id, "metrics": names, "reason": reason})
    return [*missing, *rows]


def _samples(
    samples: Sequence[Sample],
    judged: Sequence[JudgedSample],
    columns: dict[str, np.ndarray],
    failed: Sequence[Failure],
) -> list[dict[str, Any]]:
    rows = []
    for number, (sample, found) in enumerate(zip(samples, judged, strict=True)):
        values = {name: round(float(column[number]), 9) for name, column in columns.items()}
        row: dict[str, Any] = {"id": sample.id, "values": values | found.values, "failures": found.failures}
        if found.aligned is not None or found.kept is not None:
            row |= {"aligned": found.aligned, "kept": found.kept}
        rows.append(row | {"prediction": sample.prediction})
    return rows + [{"id": failure.id, "values": {}, "failures": {"all": failure.reason}} for failure in failed]
