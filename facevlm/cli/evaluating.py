"""Run benchmarks on files of predictions, and compare runs: what the verbs under `eval` do and print."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facevlm.cli.batch import make_writable, refuse_empty
from facevlm.endpoints.model_client import OpenAIClient
from facevlm.endpoints.reply_cache import Budget, CachedClient
from facevlm.errors import UsageError
from facevlm.evaluation.baselines import PREFIX, baseline_predictions
from facevlm.evaluation.benchmark_run import run_benchmark
from facevlm.evaluation.caption_files import read_captions
from facevlm.evaluation.comparison import Comparison, compare_runs
from facevlm.evaluation.judging import Judging
from facevlm.evaluation.leaderboard import leaderboard_page, read_runs
from facevlm.evaluation.video_chatgpt import ALIGNMENTS
from facevlm.exports.atomic_file import write_text

REPLIES = "replies"  # folder in that of a run


def make_judging(
    judge: str, folder: str, *, base_url: str | None, replay: bool, budget: Budget, align: str, seed: int
) -> Judging:
    """The judge that is named.

    Args:
        judge: "rule", or "openai:MODEL".
        folder: Of the run; replies are kept in it.
        base_url: Of the endpoint.
        replay: Whether to use kept replies alone.
        budget: Of the judge.
        align: How predictions are rewritten before they are rated.
        seed: Sent to the judge.

    Raises:
        UsageError: No such judge or alignment.
        MissingExtraError: `openai` is not installed.
    """
    if align not in ALIGNMENTS:
        raise UsageError(f"no alignment {align!r}", where="--align", mend=f"choose among {', '.join(ALIGNMENTS)}")
    kind, _, model = judge.partition(":")
    if judge == "rule":
        if align != "none":
            raise UsageError("the rule judge rewrites nothing", where="--align", mend="name a judge openai:MODEL")
        return Judging()
    if kind != "openai" or not model:
        raise UsageError(f"no judge {judge!r}", where="--judge", mend="give rule or openai:MODEL")
    client = None if replay else OpenAIClient(model, base_url=base_url)
    return Judging(CachedClient(client, Path(folder) / REPLIES, model=model, budget=budget), align=align, seed=seed)


def evaluate_file(
    predictions: str,
    references: str,
    folder: str,
    *,
    benchmark: str,
    model: str | None,
    judging: Judging,
    metrics: Sequence[str],
    concurrency: int,
    quiet: bool,
) -> tuple[str, int]:
    """Run a benchmark on a file of predictions.

    Returns:
        The table to print, and the exit code: 1 where something could not be scored.

    Raises:
        FacevlmError: As `run_benchmark`, and for files that cannot be used.
    """
    from rich.console import Console
    from rich.progress import Progress

    for name, where in ((predictions, "--predictions"), (references, "--references"), (folder, "-o")):
        refuse_empty(name, where=where)
    told = read_captions(references)
    baseline = predictions.removeprefix(PREFIX) if predictions.startswith(PREFIX) else None
    said = read_captions(predictions) if baseline is None else baseline_predictions(baseline, told)
    seconds = read_captions(predictions, field="second_caption") if baseline is None else {}
    make_writable(Path(folder))
    names = [name for text in metrics for name in text.replace(",", " ").split()] or None
    hidden = quiet or not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=hidden) as progress:
        task = progress.add_task("judging", total=len(set(said) & set(told)))
        report = run_benchmark(
            said,
            told,
            folder,
            benchmark=benchmark,
            model=model or (Path(predictions).stem if baseline is None else predictions),
            judging=judging,
            metrics=names,
            baseline=baseline,
            second_predictions=seconds,
            concurrency=concurrency,
            on_progress=lambda: progress.advance(task),
        )
    return _report_table(report), 1 if report["failures"] else 0


def compare_folders(first: str, second: str) -> str:
    """Compare two runs; the table to print.

    Raises:
        InputError: A folder holds no run.
        UsageError: The runs cannot be compared.
    """
    for name, where in ((first, "A"), (second, "B")):
        refuse_empty(name, where=where)
    return _comparison_table(compare_runs(first, second))


def write_leaderboard(folder: str, output: str | None) -> str:
    """Write the leaderboard of the runs in a folder; returns where.

    Raises:
        InputError: The folder holds no runs.
        OutputError: The page cannot be written.
    """
    for name, where in ((folder, "DIR"), (output, "-o")):
        refuse_empty(name, where=where)
    page = leaderboard_page(read_runs(folder))
    target = Path(output) if output is not None else Path(folder) / "leaderboard.html"
    make_writable(target.parent)
    write_text(page, target)
    return str(target)


def _report_table(report: dict[str, Any]) -> str:
    rows = []
    for name, score in report["metrics"].items():
        failed = f", {score['n_failed']} failed" if score["n_failed"] else ""
        rows.append(
            (
                name,
                _number(score["value"]),
                "{:.4f} - {:.4f}".format(*score["interval"]) if score["interval"] else "",
                f"scored {score['n_scored']} / {report['n']}{failed}",
                _number(score["mean_failures_as_zero"]),
            )
        )
    judge = report["run_card"]["judge"]
    notes = [f"{report['benchmark']} · {report['reference_set']} · model {report['model']}"]
    notes += [f"judge {judge['name']}, {judge['version']}"] if judge else []
    notes += [f"{row['id']}: {row['reason']}" for row in report["failures"][:10]]
    if len(report["failures"]) > 10:
        notes.append(f"and {len(report['failures']) - 10} more failures (see: report.json)")
    return _table(("score", "value", "95 % interval", "captions", "failures as 0"), rows, notes)


def _comparison_table(comparison: Comparison) -> str:
    rows = [
        (
            one.name,
            f"{one.first:.4f}",
            f"{one.second:.4f}",
            f"{one.difference:+.4f}",
            "{:+.4f} .. {:+.4f}".format(*one.interval),
            f"{one.p:.4f}",
            str(one.n),
        )
        for one in comparison.differences
    ]
    notes = [f"A: {comparison.models[0]}", f"B: {comparison.models[1]}"]
    notes += [f"{name} is left out: {reason}" for name, reason in comparison.left_out.items()]
    return _table(("score", "A", "B", "B - A", "95 % interval", "p (Holm)", "clips"), rows, notes)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, soft_wrap=True, width=160)
    with console.capture() as capture:
        console.print(table)
        console.print()
        for note in notes:
            console.print(note, markup=False)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
