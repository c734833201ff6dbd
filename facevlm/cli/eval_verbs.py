"""The verbs `eval` and `report`: benchmarks of captions, emotions and faces; comparisons; pages made from runs."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facevlm.cli.streams import write_document
from facevlm.errors import UsageError

if TYPE_CHECKING:
    from facevlm.cli.answering import Run
    from facevlm.endpoints.reply_cache import Budget

eval_app = typer.Typer(help="Run benchmarks on models and predictions, and compare runs.", no_args_is_help=True)
report_app = typer.Typer(help="Pages made from runs.", no_args_is_help=True)

Model = Annotated[
    str,
    typer.Option(
        metavar="describe|chat:FOLDER|openai:NAME|hf:FOLDER|FILE",
        help="Who answers: the describe engine, one of our models, a vision endpoint, an image-text model (folder or "
        'id of the Hub), or a file of answers, JSON of {"id", "caption"}.',
    ),
]
Output = Annotated[str, typer.Option("--output", "-o", help="Folder of the run; started again, it goes on.")]
Name = Annotated[str | None, typer.Option(help="How tables name the model. Default: as --model has it.")]
Frames = Annotated[
    int, typer.Option(min=1, max=64, help="Frames of each clip that the model sees; chat: and describe take their own.")
]
Batch = Annotated[int, typer.Option(min=1, max=256, help="Clips that the model answers at a time.")]
AnswerTokens = Annotated[int, typer.Option(min=1, help="Longest answer of the model.")]
Revision = Annotated[str | None, typer.Option(help="Of a model of the Hub: branch, tag or commit.")]
Device = Annotated[str | None, typer.Option(help="Where chat: and hf: models run. Default: a GPU where there is one.")]
Saved = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Keep what describe and chat: saw of clips in this folder, for other runs too."),
]
ModelUrl = Annotated[str | None, typer.Option(help="Of the model's endpoint. Default: OPENAI_BASE_URL.")]
TrainedOn = Annotated[
    str | None,
    typer.Option(metavar="MANIFEST", help="Clips that the model was trained on: tells whether this is zero-shot."),
]
Judge = Annotated[str, typer.Option(metavar="rule|openai:MODEL", help="Who judges events and rates.")]
JudgeUrl = Annotated[str | None, typer.Option("--base-url", help="Of the judge's endpoint. Default: OPENAI_BASE_URL.")]
Replay = Annotated[bool, typer.Option("--replay", help="Use kept replies of endpoints alone, without network.")]
Concurrency = Annotated[int, typer.Option(min=1, max=256, help="Captions to judge at a time.")]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="Stop when judge or model took so many tokens.")]
MaxCost = Annotated[float | None, typer.Option(min=0, help="Stop when judge or model cost so much.")]
InputPrice = Annotated[float, typer.Option(min=0, help="Of a million tokens that they read.")]
OutputPrice = Annotated[float, typer.Option(min=0, help="Of a million tokens that they write.")]
Seed = Annotated[int, typer.Option(help="Sent to endpoints; draws the examples.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
Root = Annotated[str, typer.Option(metavar="DIR", help="The folder of the dataset, as it is unpacked.")]
Folds = Annotated[list[int] | None, typer.Option("--fold", help="An official fold; may be repeated. Default: all.")]
InferBy = Annotated[
    str | None,
    typer.Option(
        metavar="rule|model|chat:FOLDER|openai:NAME|hf:FOLDER",
        help="Who infers the emotion from the description. Default: the model; rule for describe and files.",
    ),
]


@eval_app.command("fec-bench", no_args_is_help=True)
def fec_bench(
    model: Annotated[
        str,
        typer.Option(
            metavar="describe|chat:FOLDER|openai:NAME|hf:FOLDER|FILE|baseline:NAME",
            help="Who captions: the describe engine, one of our models, a vision endpoint, an image-text model (folder "
            'or id of the Hub), a file of captions, JSON of {"id", "caption"}; or a baseline made from the references.',
        ),
    ],
    references: Annotated[
        str, typer.Option(help="FEC-Bench's test.json, which has no licence to be passed on; or captions of your own.")
    ],
    output: Output,
    videos: Annotated[
        str | None,
        typer.Option(metavar="DIR", help='Holds the clips, named as "video" in the references says, else as the id.'),
    ] = None,
    name: Name = None,
    frames: Frames = 16,
    shots: Annotated[int, typer.Option(min=0, help="In-context examples, drawn from --examples.")] = 0,
    examples: Annotated[
        str | None, typer.Option(help='Captions with a "video" beside their file, no caption or clip of the benchmark.')
    ] = None,
    judge: Judge = "rule",
    metrics: Annotated[list[str] | None, typer.Option(help="Names, separated by commas. Default: all.")] = None,
    align: Annotated[
        str, typer.Option(metavar="none|reference|neutral", help="Rewrite captions in this format before rating.")
    ] = "none",
    trained_on: TrainedOn = None,
    batch: Batch = 8,
    answer_tokens: AnswerTokens = 512,
    revision: Revision = None,
    device: Device = None,
    saved: Saved = None,
    model_url: ModelUrl = None,
    base_url: JudgeUrl = None,
    replay: Replay = False,
    concurrency: Concurrency = 8,
    max_tokens: MaxTokens = None,
    max_cost: MaxCost = None,
    input_price: InputPrice = 0.0,
    output_price: OutputPrice = 0.0,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> int:
    """Caption the clips of FEC-Bench, or take captions, and score them: report.json, samples.jsonl, all replies.

    Exit code: 0 all captions scored, 1 some failed or the budget is spent, 2 wrong usage.
    """
    from facevlm.cli.evaluating import evaluate_captions, make_judging

    budget = _budget(max_tokens, max_cost, input_price, output_price)
    shown = {"frames": frames, "answer_tokens": answer_tokens, "batch": batch, "seed": seed}
    where = {"revision": revision, "device": device, "saved": saved, "model_url": model_url}
    run = _run(model, name, output, trained_on, shown, where, replay=replay, budget=budget, quiet=quiet)
    judging = make_judging(judge, output, base_url=base_url, replay=replay, budget=budget, align=align, seed=seed)
    text, code = evaluate_captions(
        run,
        references,
        videos=videos,
        judging=judging,
        metrics=metrics or [],
        concurrency=concurrency,
        shots=shots,
        examples=examples,
    )
    write_document(text)
    return code


@eval_app.command("emer", no_args_is_help=True)
def emer(
    model: Model,
    root: Root,
    output: Output,
    judge: Annotated[str, typer.Option(metavar="openai:MODEL", help="Who rates the overlaps.")],
    name: Name = None,
    frames: Frames = 16,
    trained_on: TrainedOn = None,
    batch: Batch = 8,
    answer_tokens: AnswerTokens = 512,
    revision: Revision = None,
    device: Device = None,
    saved: Saved = None,
    model_url: ModelUrl = None,
    base_url: JudgeUrl = None,
    replay: Replay = False,
    concurrency: Concurrency = 8,
    max_tokens: MaxTokens = None,
    max_cost: MaxCost = None,
    input_price: InputPrice = 0.0,
    output_price: OutputPrice = 0.0,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> int:
    """Rate descriptions of EMER's clips: overlaps of clues and of labels with the true ones, from 1 to 10.

    Exit code: 0 all clips scored, 1 some failed or the budget is spent, 2 wrong usage.
    """
    from facevlm.cli.evaluating import evaluate_emer, judge_client
    from facevlm.evaluation.emer_judging import EmerJudging

    budget = _budget(max_tokens, max_cost, input_price, output_price)
    shown = {"frames": frames, "answer_tokens": answer_tokens, "batch": batch, "seed": seed}
    where = {"revision": revision, "device": device, "saved": saved, "model_url": model_url}
    run = _run(model, name, output, trained_on, shown, where, replay=replay, budget=budget, quiet=quiet)
    client = judge_client(judge, output, base_url=base_url, replay=replay, budget=budget)
    text, code = evaluate_emer(run, root, judging=EmerJudging(client, seed=seed), concurrency=concurrency)
    write_document(text)
    return code


def _emotion_verb(benchmark: str, told: str) -> Callable[..., int]:
    def verb(
        model: Model,
        root: Root,
        output: Output,
        fold: Folds = None,
        infer_by: InferBy = None,
        name: Name = None,
        frames: Frames = 16,
        trained_on: TrainedOn = None,
        batch: Batch = 8,
        answer_tokens: AnswerTokens = 512,
        revision: Revision = None,
        device: Device = None,
        saved: Saved = None,
        model_url: ModelUrl = None,
        replay: Replay = False,
        max_tokens: MaxTokens = None,
        max_cost: MaxCost = None,
        input_price: InputPrice = 0.0,
        output_price: OutputPrice = 0.0,
        seed: Seed = 0,
        quiet: Quiet = False,
    ) -> int:
        from facevlm.cli.classifying import evaluate_emotions

        budget = _budget(max_tokens, max_cost, input_price, output_price)
        shown = {"frames": frames, "answer_tokens": answer_tokens, "batch": batch, "seed": seed}
        where = {"revision": revision, "device": device, "saved": saved, "model_url": model_url}
        run = _run(model, name, output, trained_on, shown, where, replay=replay, budget=budget, quiet=quiet)
        text, code = evaluate_emotions(run, benchmark, root, folds=fold or [], infer_by=infer_by)
        write_document(text)
        return code

    verb.__doc__ = f"""Classify the emotions of {told}: describe each test clip, infer the emotion; UAR, WAR.

    A FILE holds a "caption" or an "answer" for each clip. Exit code: 0 all clips scored, 1 some failed, 2 wrong usage.
    """
    return verb


eval_app.command("dfew", no_args_is_help=True)(_emotion_verb("dfew", "DFEW (7 classes, 5 folds)"))
eval_app.command("mafw", no_args_is_help=True)(_emotion_verb("mafw", "MAFW (11 single classes, 5 folds)"))


@eval_app.command("verification", no_args_is_help=True)
def verification(
    model: Annotated[
        str,
        typer.Option(
            metavar="chat:FOLDER|openai:NAME|hf:FOLDER|appearance|onnx:FILE|FILE",
            help="Who compares: one of our models, a vision endpoint or an image-text model in words; the appearance "
            'vector, which recognises nobody, or an ONNX embedder, which does; or a file of {"id", "answer"}.',
        ),
    ],
    pairs: Annotated[str, typer.Option(metavar="FILE", help="Made by: facevlm data pairs.")],
    output: Output,
    root: Annotated[str | None, typer.Option(metavar="DIR", help="The folder of the dataset of the pairs.")] = None,
    describe_with: Annotated[
        str | None,
        typer.Option(
            metavar="chat:FOLDER|openai:NAME|hf:FOLDER|FILE",
            help="Put descriptions of both faces by this model into the prompt (FaVChat's setting).",
        ),
    ] = None,
    name: Name = None,
    frames: Frames = 8,
    trained_on: TrainedOn = None,
    batch: Batch = 8,
    answer_tokens: AnswerTokens = 256,
    revision: Revision = None,
    device: Device = None,
    saved: Saved = None,
    model_url: ModelUrl = None,
    replay: Replay = False,
    max_tokens: MaxTokens = None,
    max_cost: MaxCost = None,
    input_price: InputPrice = 0.0,
    output_price: OutputPrice = 0.0,
    seed: Seed = 0,
    quiet: Quiet = False,
) -> int:
    """Tell whether pairs of segments show one person: accuracy; by similarity also ROC and TAR at FAR.

    Exit code: 0 all pairs scored, 1 some failed or the budget is spent, 2 wrong usage.
    """
    from facevlm.cli.classifying import evaluate_pairs

    budget = _budget(max_tokens, max_cost, input_price, output_price)
    shown = {"frames": frames, "answer_tokens": answer_tokens, "batch": batch, "seed": seed}
    where = {"revision": revision, "device": device, "saved": saved, "model_url": model_url}
    run = _run(model, name, output, trained_on, shown, where, replay=replay, budget=budget, quiet=quiet)
    text, code = evaluate_pairs(run, pairs, root, describe_with=describe_with)
    write_document(text)
    return code


@eval_app.command("compare", no_args_is_help=True)
def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="Folder of a run.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Folder of another, on the same references.")],
) -> int:
    """Compare two runs clip by clip: differences, their intervals, and p-values of a permutation test."""
    from facevlm.cli.evaluating import compare_folders

    write_document(compare_folders(first, second))
    return 0


@report_app.command("bench", no_args_is_help=True)
def bench(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Folder that holds the folders of runs.")],
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="HTML page. Default: leaderboard.html in DIR.")
    ] = None,
) -> int:
    """Write the leaderboard: runs by judge, what chance scores, published numbers apart."""
    from facevlm.cli.evaluating import write_leaderboard

    print(write_leaderboard(folder, output))
    return 0


@report_app.command("captions", no_args_is_help=True)
def captions(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Folders of runs on the same captions.")],
    references: Annotated[str, typer.Option(help='Reference captions, JSON of {"id", "caption"}.')],
    output: Annotated[str, typer.Option("--output", "-o", help="HTML page.")],
    ids: Annotated[list[str] | None, typer.Option("--id", help="Which clip; may be repeated.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Without --id: so many, on which the runs differ most.")] = 5,
) -> int:
    """Write captions of runs side by side, with facial terms highlighted."""
    from facevlm.cli.evaluating import write_examples

    print(write_examples(runs, references, output, ids=ids or [], most=most))
    return 0


def _budget(max_tokens: int | None, max_cost: float | None, input_price: float, output_price: float) -> "Budget":
    from facevlm.endpoints.reply_cache import Budget

    if max_cost is not None and not input_price + output_price:
        raise UsageError("needs a price", where="--max-cost", mend="give --input-price and --output-price")
    return Budget(max_tokens, max_cost, input_price, output_price)


def _run(
    model: str,
    name: str | None,
    output: str,
    trained_on: str | None,
    shown: dict[str, int],
    where: dict[str, str | None],
    *,
    replay: bool,
    budget: "Budget",
    quiet: bool,
) -> "Run":
    from facevlm.answering.answerers import Options
    from facevlm.cli.answering import Run
    from facevlm.cli.batch import make_saved, refuse_empty

    refuse_empty(output, where="-o")
    refuse_empty(trained_on, where="--trained-on")
    make_saved(where["saved"])
    options = Options(
        frames=shown["frames"],
        max_tokens=shown["answer_tokens"],
        batch=shown["batch"],
        seed=shown["seed"],
        revision=where["revision"],
        device=where["device"],
        saved=where["saved"],
        base_url=where["model_url"],
        replies=Path(output) / "replies",
        replay=replay,
        budget=budget,
    )
    return Run(model, name, Path(output), options, trained_on, quiet)
