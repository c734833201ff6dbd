"""Run benchmarks of captions, and compare runs: what `eval fec-bench`, `emer` and `compare` do and print."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from facevlm.answering.answerers import NAMED, TALKERS, is_answerer, make_answerer
from facevlm.cli.answering import Run, draw_examples, placed_clips, progress
from facevlm.cli.batch import make_writable, refuse_empty, refuse_overwrite
from facevlm.datasets.readers import dataset_named
from facevlm.endpoints.model_client import OpenAIClient
from facevlm.endpoints.reply_cache import Budget, CachedClient
from facevlm.errors import UsageError
from facevlm.evaluation.answers import Example, Footage, ask_for
from facevlm.evaluation.baselines import PREFIX, SECOND_HUMAN, baseline_predictions, second_human_captions
from facevlm.evaluation.benchmark_run import run_benchmark
from facevlm.evaluation.caption_files import read_captions
from facevlm.evaluation.comparison import Comparison, compare_runs
from facevlm.evaluation.examples_page import examples_page
from facevlm.evaluation.judging import Judging
from facevlm.evaluation.leaderboard import leaderboard_page, read_runs, zero_shot_words
from facevlm.evaluation.run_folder import Origin
from facevlm.evaluation.video_chatgpt import ALIGNMENTS
from facevlm.evaluation.zero_shot import caption_origins, zero_shot_card
from facevlm.exports.atomic_file import write_text
from facevlm.prompts import load_prompt

REPLIES = "replies"  # folder in that of a run
DESCRIBED = "descriptions.jsonl"  # a model's answers, likewise


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
    if judge == "rule":
        if align != "none":
            raise UsageError("the rule judge rewrites nothing", where="--align", mend="name a judge openai:MODEL")
        return Judging()
    return Judging(judge_client(judge, folder, base_url=base_url, replay=replay, budget=budget), align=align, seed=seed)


def judge_client(judge: str, folder: str, *, base_url: str | None, replay: bool, budget: Budget) -> CachedClient:
    """The language model that a judge's name stands for; arguments and errors as of `make_judging`."""
    kind, _, model = judge.partition(":")
    if kind != "openai" or not model:
        raise UsageError(f"no judge {judge!r}", where="--judge", mend="give rule or openai:MODEL")
    client = None if replay else OpenAIClient(model, base_url=base_url)
    return CachedClient(client, Path(folder) / REPLIES, model=model, budget=budget)


def evaluate_captions(
    run: Run,
    references: str,
    *,
    videos: str | None,
    judging: Judging,
    metrics: Sequence[str],
    concurrency: int,
    shots: int = 0,
    examples: str | None = None,
) -> tuple[str, int]:
    """Run FEC-Bench on a model, a file of predictions or a baseline.

    Returns:
        The table to print, and the exit code: 1 where something could not be scored.

    Raises:
        FacevlmError: As `run_benchmark` and `collect`, and for files that cannot be used.
    """
    for name, where in ((references, "--references"), (run.model, "--model")):
        refuse_empty(name, where=where)
    told, paths = read_captions(references), read_captions(references, field="video")
    rows, untold = caption_origins(paths)
    zero_shot = zero_shot_card(rows, run.trained_on, untold=untold)
    names = [name for text in metrics for name in text.replace(",", " ").split()] or None
    asked = is_answerer(run.model)
    if (shots or examples is not None) and not (asked and run.model.partition(":")[0] in TALKERS):
        forms = ", ".join(f"{kind}:{NAMED[kind]}" for kind in TALKERS)
        raise UsageError(f"{run.model} is shown no examples", where="--shots", mend=f"leave it out, or give {forms}")
    if asked:
        if videos is None:
            raise UsageError("a model needs the clips", where="--videos", mend="give the folder of the videos")
        clips = placed_clips(paths, videos)
        shown = draw_examples(examples, shots, seed=run.options.seed, tested=told, clips=clips.values())
        clips = {name: clip for name, clip in clips.items() if told[name] is not None}
        said, origin = _describe(run, clips, "describe_faces", zero_shot=zero_shot, examples=shown)
        return _score(run, "fec-bench", said, told, origin, judging, names, concurrency=concurrency)
    baseline = run.model.removeprefix(PREFIX) if run.model.startswith(PREFIX) else None
    only: dict[str, str] | None = None
    if baseline is None:
        texts = read_captions(run.model)
    elif baseline == SECOND_HUMAN:
        only = second_human_captions(told, paths)
        texts = {**told, **only}
    else:
        texts = baseline_predictions(baseline, told)
    seconds = read_captions(run.model, field="second_caption") if baseline is None else {}
    origin = Origin(run.shown_name, zero_shot=zero_shot)
    return _score(
        *(run, "fec-bench", texts, told, origin, judging, names),
        baseline=baseline,
        only=only,
        seconds=seconds,
        concurrency=concurrency,
    )


def evaluate_emer(run: Run, root: str, *, judging: Judging, concurrency: int) -> tuple[str, int]:
    """Run EMER, version 2, on a model or a file of predictions; result and errors as `evaluate_captions`."""
    for name, where in ((root, "--root"), (run.model, "--model")):
        refuse_empty(name, where=where)
    clips = [clip for clip in dataset_named("emer").read(Path(root)) if clip.protocol == "v2"]
    told: dict[str, str | None] = {clip.source_clip_id: clip.labels["caption"] or None for clip in clips}
    zero_shot = zero_shot_card(clips, run.trained_on)
    if is_answerer(run.model):
        places = {clip.source_clip_id: Footage(Path(root), clip.path or clip.source_clip_id) for clip in clips}
        said, origin = _describe(run, places, "describe_emotion", zero_shot=zero_shot)
    else:
        said, origin = read_captions(run.model), Origin(run.shown_name, zero_shot=zero_shot)
    return _score(run, "emer", said, told, origin, judging, judging.names, concurrency=concurrency)


def _describe(
    run: Run,
    clips: Mapping[str, Footage],
    prompt: str,
    *,
    zero_shot: dict[str, Any] | None,
    examples: Sequence[Example] = (),
) -> tuple[dict[str, str | None], Origin]:
    make_writable(run.folder)
    asked = load_prompt(prompt).fill()
    questions = [ask_for(asked, name, clip, examples=examples) for name, clip in clips.items()]
    answers = run.ask(make_answerer(run.model, run.options), questions, DESCRIBED, doing="describing")
    shown = [{"clip": one.footage.name, "caption": one.answer} for one in examples]
    origin = Origin(
        run.shown_name,
        answers.answerer,
        prompts=run.prompts(prompt),
        failures=answers.failures,
        notes=answers.notes,
        zero_shot=zero_shot,
        extra={"examples": shown} if shown else None,
    )
    return answers.texts, origin


def _score(
    run: Run,
    benchmark: str,
    said: dict[str, str | None],
    told: dict[str, str | None],
    origin: Origin,
    judging: Judging,
    metrics: Sequence[str] | None,
    *,
    baseline: str | None = None,
    only: Collection[str] | None = None,
    seconds: dict[str, str | None] | None = None,
    concurrency: int,
) -> tuple[str, int]:
    make_writable(run.folder)
    with progress("judging", len(set(said) & set(told)), quiet=run.quiet) as advance:
        report = run_benchmark(
            said,
            told,
            run.folder,
            benchmark=benchmark,
            origin=origin,
            judging=judging,
            metrics=metrics,
            baseline=baseline,
            only=only,
            second_predictions=seconds,
            concurrency=concurrency,
            on_progress=lambda: advance(1),
        )
    return report_table(report), 1 if report["failures"] else 0


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


def write_examples(runs: Sequence[str], references: str, output: str, *, ids: Sequence[str], most: int) -> str:
    """Write the captions of runs side by side; returns where.

    Raises:
        UsageError: An id has no reference, or the page would overwrite the references.
        InputError: A folder holds no run, or the references cannot be read.
        OutputError: The page cannot be written.
    """
    for name, where in (*((run, "RUN") for run in runs), (references, "--references"), (output, "-o")):
        refuse_empty(name, where=where)
    refuse_overwrite(Path(output), [Path(references)])
    page = examples_page(runs, read_captions(references), ids=ids, most=most)
    make_writable(Path(output).parent)
    write_text(page, output)
    return output


def report_table(report: dict[str, Any]) -> str:
    rows = []
    for name, score in report["metrics"].items():
        failed = f", {score['n_failed']} failed" if score["n_failed"] else ""
        rows.append(
            (
                name,
                _number(score["value"]),
                "{:.4f} - {:.4f}".format(*score["interval"]) if score["interval"] else "",
                f"scored {score['n_scored']} / {score['n_scored'] + score['n_failed']}{failed}",
                _number(score["mean_failures_as_zero"]),
            )
        )
    judge = report["run_card"]["judge"]
    notes = [f"{report['benchmark']} · {report['reference_set']} · model {report['model']}"]
    notes += [f"judge {judge['name']}, {judge['version']}"] if judge else []
    if chance := report.get("chance"):
        told = ", ".join(f"{name} {value:.1f}" for name, value in chance.items() if name != "answer")
        notes.append(f"always answering {chance['answer']!r} scores {told}")
    if report["run_card"]["zero_shot"]:
        notes.append(zero_shot_words(report))
    notes += [f"{row['id']}: {row['reason']}" for row in report["failures"][:10]]
    if len(report["failures"]) > 10:
        notes.append(f"and {len(report['failures']) - 10} more failures (see: report.json)")
    for told, count in Counter(report["notes"].values()).items():
        notes.append(f"{count} of {report['n']}: {told} (see: report.json)")
    return _table(("score", "value", "95 % interval", "scored", "failures as 0"), rows, notes)


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
