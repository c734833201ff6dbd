"""Score and explain captions: what the verbs `score` and `explain` print."""

import json
from collections.abc import Sequence
from pathlib import Path

from facevlm.cli.batch import make_writable, refuse_empty, refuse_overwrite
from facevlm.cli.evaluating import make_judging
from facevlm.endpoints.reply_cache import Budget
from facevlm.errors import UsageError
from facevlm.evaluation.caption_files import Failure, Pairs, pair_captions, pairs_at, read_captions
from facevlm.evaluation.explain import Explanation, explain
from facevlm.evaluation.explanation_page import explanation_page
from facevlm.evaluation.judges import Judge, RuleJudge
from facevlm.evaluation.judging import Judging, Sample, judge_samples
from facevlm.evaluation.metrics import TEXT_METRICS, Report, as_document, compute, describe_metric, judged_name
from facevlm.exports.atomic_file import write_text

CONCURRENCY = 8  # captions that a language model judges at a time


def score_files(
    predictions: str,
    references: str,
    *,
    judge: str,
    base_url: str | None,
    metrics: Sequence[str],
    as_json: bool,
    details: bool,
    intervals: bool,
) -> tuple[str, int]:
    """Score a file of predictions.

    Args:
        predictions: File of captions.
        references: File of captions.
        judge: "rule", or "openai:MODEL", whose replies are kept beside the predictions.
        base_url: Of its endpoint.
        metrics: Names, also several in one text, separated by commas or spaces; empty for all.
        as_json: Whether to give JSON instead of a table.
        details: Whether the JSON holds the values of each pair too.
        intervals: Whether to add bootstrap intervals.

    Returns:
        The text to print, and the exit code: 1 where a caption could not be scored.

    Raises:
        UsageError: No such metric or judge.
        InputError: A file or the endpoint cannot be used.
        MissingExtraError: `openai` is not installed.
    """
    folder = str(Path(predictions).parent)
    judging = make_judging(judge, folder, base_url=base_url, replay=False, budget=Budget(), align="none", seed=0)
    names = _names(metrics, judging)
    pairs = _read(predictions, references)
    if judging.client is None:
        report = compute(pairs, names, intervals=intervals)
    else:
        wanted = [name for name in names or judging.names if name in judging.names and name not in _needs_more(judging)]
        scored, judged = _judged(pairs, judging, wanted)
        report = compute(
            scored, names or (*TEXT_METRICS, *wanted), judge=judging.by_events, judged=judged, intervals=intervals
        )
    if as_json:
        text = json.dumps(as_document(report, details=details), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    else:
        text = _table(report, judging.by_events)
    return text, 1 if report.failures else 0


def explain_files(
    predictions: str, references: str, *, ids: Sequence[str], worst: int, output: str | None
) -> tuple[str, str | None]:
    """Explain the TEM of some captions.

    Args:
        predictions: File of captions.
        references: File of captions.
        ids: Which to explain; none for the worst.
        worst: How many of lowest TEM.
        output: HTML file to write, None to return text.

    Returns:
        The text to print, "" where a file was written; and which captions could not be compared, None where all could,
        or where `ids` asks for others.

    Raises:
        UsageError: An id is in neither file, or the output would overwrite an input.
        InputError: A file cannot be used.
        OutputError: The page cannot be written.
    """
    refuse_empty(output, where="-o")
    if output is not None:
        refuse_overwrite(Path(output), [Path(predictions), Path(references)])
        make_writable(Path(output).parent)
    pairs = _read(predictions, references)
    known = {name: place for place, name in enumerate(pairs.ids)}
    failed = {failure.id: failure.reason for failure in pairs.failures}
    for name in ids:
        if name not in known:
            reason = failed.get(name, "is in neither file")
            raise UsageError(f"id {name} cannot be explained: {reason}", where="--id")
    judge = RuleJudge()
    chosen = [known[name] for name in ids] if ids else range(len(pairs.ids))
    explanations = [explain(pairs.predictions[k], pairs.references[k], judge=judge, id=pairs.ids[k]) for k in chosen]
    if not ids:
        explanations = sorted(explanations, key=lambda one: one.result.tem)[:worst]
    return _written(explanations, output), _not_compared(pairs) if failed and not ids else None


def _not_compared(pairs: Pairs) -> str:
    first, total = pairs.failures[0], len(pairs.ids) + len(pairs.failures)
    return f"{len(pairs.failures)} of {total} captions cannot be compared, such as {first.id}: {first.reason}"


def _written(explanations: list[Explanation], output: str | None) -> str:
    if output is None:
        return "\n".join(explanation.as_text() for explanation in explanations)
    write_text(explanation_page(explanations), output)
    return ""


def _read(predictions: str, references: str) -> Pairs:
    for name, where in ((predictions, "PRED"), (references, "REF")):
        refuse_empty(name, where=where)
    return pair_captions(read_captions(predictions), read_captions(references))


def _names(metrics: Sequence[str], judging: Judging) -> list[str] | None:
    if not metrics:
        return None
    names = [name for text in metrics for name in text.replace(",", " ").split()]
    known = [name for name in (*TEXT_METRICS, *judging.names) if name not in _needs_more(judging)]
    if not names or (unknown := [name for name in names if name not in known]):
        wrong = f"no metric {unknown[0]!r}" if names else "no metric is named"
        other = "; those of a language model: --judge openai:MODEL" if judging.client is None else ""
        raise UsageError(wrong, where="--metrics", mend=f"choose among {', '.join(known)}{other}")
    return names


def _needs_more(judging: Judging) -> tuple[str, ...]:
    """Consistency, which compares two predictions: `facevlm eval fec-bench` takes both."""
    return (judged_name("consistency", judging.by_events),)


def _judged(pairs: Pairs, judging: Judging, names: Sequence[str]) -> tuple[Pairs, dict[str, list[float]]]:
    """The pairs of which a language model could judge all that is asked, and full name -> value of each.

    The others are failures, so that all means are of the same captions.
    """
    samples = [Sample(*texts) for texts in zip(pairs.ids, pairs.predictions, pairs.references, strict=True)]
    found = judge_samples(samples, judging, names=names, concurrency=CONCURRENCY) if names else []
    failed = tuple(Failure(one.id, next(iter(one.failures.values()))) for one in found if one.failures)
    kept = [k for k, one in enumerate(found) if not one.failures] if names else range(len(samples))
    scored = pairs_at(pairs, kept, failures=(*pairs.failures, *failed))
    return scored, {name: [found[k].values[name] for k in kept] for name in names}


def _table(report: Report, judge: Judge) -> str:
    from rich.console import Console
    from rich.table import Table

    with_intervals = any(metric.interval for metric in report.metrics.values())
    table = Table(box=None, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    if with_intervals:
        table.add_column("95 % interval", no_wrap=True)
    if report.failures:
        table.add_column("failures as 0", justify="right", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    for name, metric in report.metrics.items():
        row = [name, f"{metric.scores.corpus:.4f}"]
        if with_intervals:
            row.append("{:.4f} - {:.4f}".format(*metric.interval) if metric.interval else "")
        if report.failures:
            row.append("" if metric.failures_as_zero is None else f"{metric.failures_as_zero:.4f}")
        table.add_row(*row, describe_metric(name, judge))
    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as capture:
        if report.metrics:
            console.print(table)
            console.print()
        total = len(report.ids) + len(report.failures)
        failed = f", {len(report.failures)} failed" if report.failures else ""
        console.print(f"scored {len(report.ids)} / {total}{failed}")
        for failure in report.failures[:10]:
            console.print(f"  {failure.id}: {failure.reason}", markup=False)
        if len(report.failures) > 10:
            console.print(f"  and {len(report.failures) - 10} more (see: --json)")
        judged = f" · judge {report.judge}" if report.judge else ""
        references = f"{report.n_references} references {report.reference_hash[:12]}"
        console.print(f"tokens {report.tokenizer}{judged} · {references}", markup=False)
    return capture.get()
