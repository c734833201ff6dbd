"""Score and explain captions: what the verbs `score` and `explain` print."""

import json
from collections.abc import Sequence
from pathlib import Path

from facevlm.cli.batch import make_writable, refuse_empty, refuse_overwrite
from facevlm.errors import UsageError
from facevlm.evaluation.caption_files import Pairs, pair_captions, read_captions
from facevlm.evaluation.explain import Explanation, explain
from facevlm.evaluation.explanation_page import explanation_page
from facevlm.evaluation.judges import RuleJudge
from facevlm.evaluation.metrics import Report, as_document, compute, describe_metric, metric_names
from facevlm.exports.atomic_file import write_text


def score_files(
    predictions: str, references: str, *, metrics: Sequence[str], as_json: bool, details: bool, intervals: bool
) -> tuple[str, int]:
    """Score a file of predictions.

    Args:
        predictions: File of captions.
        references: File of captions.
        metrics: Names, also several in one text, separated by commas or spaces; empty for all.
        as_json: Whether to give JSON instead of a table.
        details: Whether the JSON holds the values of each pair too.
        intervals: Whether to add bootstrap intervals.

    Returns:
        The text to print, and the exit code: 1 where a caption could not be scored.

    Raises:
        UsageError: No such metric.
        InputError: A file cannot be used.
    """
    names = _names(metrics)
    report = compute(_read(predictions, references), names, intervals=intervals)
    if as_json:
        text = json.dumps(as_document(report, details=details), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    else:
        text = _table(report)
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


def _names(metrics: Sequence[str]) -> list[str] | None:
    if not metrics:
        return None
    names = [name for text in metrics for name in text.replace(",", " ").split()]
    known = metric_names(RuleJudge())
    if not names or (unknown := [name for name in names if name not in known]):
        wrong = f"no metric {unknown[0]!r}" if names else "no metric is named"
        mend = f"choose among {', '.join(known)}; those of a language model: facevlm eval fec-bench --judge"
        raise UsageError(wrong, where="--metrics", mend=mend)
    return names


def _table(report: Report) -> str:
    from rich.console import Console
    from rich.table import Table

    judge = RuleJudge()
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
        console.print(f"tokens {report.tokenizer}{judged} · references {report.reference_hash[:12]}", markup=False)
    return capture.get()
