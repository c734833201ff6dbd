"""Ask models about a clip: the verbs `ask` and `chat`, and who speaks in `describe --model`."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facevlm.cli.batch import Options, make_saved, refuse_empty, refuse_folder
from facevlm.cli.fetching import bring_weights
from facevlm.cli.options import Detector, Device, Embedder, End, Evidence, Fps, MaxTokens, Quantize, Quiet, Saved, Start
from facevlm.cli.streams import write_document
from facevlm.cli.workers import explain, share_of
from facevlm.errors import FacevlmError, UsageError

if TYPE_CHECKING:
    from facevlm.chatting import Conversation, FaceChat, Looking

PROMPT = "? "
LEAVE = frozenset({"exit", "quit"})

app = typer.Typer()

Clip = Annotated[str, typer.Argument(metavar="CLIP", help="A video file.")]
Model = Annotated[
    str,
    typer.Option(
        metavar="DIR|openai:NAME|tiny",
        help="Who answers: the folder of a model, a vision model behind an endpoint (OPENAI_BASE_URL, OPENAI_API_KEY), "
        "or tiny, whose words are noise.",
    ),
]
Who = Annotated[str, typer.Option(metavar="main|all|ID|x,y", help="Whom it is about; x,y: a point in the first frame.")]
Stream = Annotated[bool, typer.Option("--stream", help="Print the answer as it is spoken.")]


@app.command(no_args_is_help=True)
def ask(
    clip: Clip,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="In words.")],
    model: Model,
    who: Who = "main",
    with_evidence: Evidence = None,
    stream: Stream = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: answer, confidence, evidence, frames …")] = False,
    fps: Fps = "native",
    start: Start = None,
    end: End = None,
    detector: Detector = "whole",
    embedder: Embedder = "descriptor",
    saved: Saved = None,
    max_tokens: MaxTokens = 512,
    device: Device = None,
    quantize: Quantize = None,
    quiet: Quiet = False,
) -> int:
    """Ask a model about the faces in a video (needs the extra models, or openai)."""
    if stream and as_json:
        raise UsageError("--stream and --json do not go together", mend="leave one out")
    if not question.strip():
        raise UsageError("is empty", where="QUESTION", mend="ask something")
    options = Options(who, fps, *_span(start, end), False, detector, saved, embedder, model, with_evidence, max_tokens)
    options = replace(options, device=device, quantize=quantize)
    conversation = begin(clip, options, quiet=quiet)
    if stream:
        answer = conversation.ask(question, on_text=write_document)
        write_document("\n")
    else:
        answer = conversation.ask(question)
        write_document(answer.to_json() if as_json else answer.answer + "\n")
    if not (quiet or as_json):
        _say_once(answer.warnings, set())
    return 0


@app.command(no_args_is_help=True)
def chat(
    clip: Clip,
    model: Model,
    who: Who = "main",
    with_evidence: Evidence = None,
    stream: Stream = False,
    fps: Fps = "native",
    start: Start = None,
    end: End = None,
    detector: Detector = "whole",
    embedder: Embedder = "descriptor",
    saved: Saved = None,
    max_tokens: MaxTokens = 512,
    device: Device = None,
    quantize: Quantize = None,
    quiet: Quiet = False,
) -> int:
    """Talk with a model about the faces in a video: a question a line, until the input ends or says exit.

    The clip is looked at once, and each question may build on those before. A question that cannot be answered is told,
    and the talk goes on; the exit code is that of the last one. Needs the extra models, or openai.
    """
    options = Options(who, fps, *_span(start, end), False, detector, saved, embedder, model, with_evidence, max_tokens)
    options = replace(options, device=device, quantize=quantize)
    conversation = begin(clip, options, quiet=quiet)
    told: set[str] = set()
    code = 0
    for question in _questions():
        try:
            answer = conversation.ask(question, on_text=write_document if stream else None)
        except FacevlmError as error:
            code, line = explain(error)
            typer.secho(f"error: {line}", fg="red", err=True)
            continue
        write_document("\n" if stream else answer.answer + "\n")
        code = 0
        if not quiet:
            _say_once(answer.warnings, told)
    return code


def begin(clip: str, options: Options, *, quiet: bool) -> "Conversation":
    """A conversation about a clip, which is looked at now; what is wrong is told before that.

    Args:
        clip: The video file.
        options: What to see in it, and who answers.
        quiet: Whether there is no progress bar.

    Raises:
        FacevlmError: An option is wrong, or as `FaceChat.from_pretrained` and `FaceChat.ask`.
    """
    from facevlm.cli.arguments import check_detector, check_embedder, check_who
    from facevlm.cli.console import Display
    from facevlm.video.sampling import parse_rate

    refuse_empty(clip, where="CLIP")
    refuse_folder(Path(clip))
    check_who(options.who)
    parse_rate(options.fps)
    check_detector(options.detector)
    check_embedder(options.embedder)
    make_saved(options.saved)
    chat = model_of(options)
    bring_weights(quiet=quiet)
    with Display([clip], quiet=quiet) as display:
        share = None if display.on_progress is None else _bar(display.on_progress)
        on_progress = None if share is None else share_of(Path(clip), options, share)
        return chat.conversation(clip, who=options.who, looking=looking_of(options), on_progress=on_progress)


def model_of(options: Options) -> "FaceChat":
    """The model of `--model`, opened once in each process, with what `--with-evidence` puts into its prompt.

    Raises:
        FacevlmError: As `FaceChat.from_pretrained`.
    """
    refuse_empty(options.model, where="--model")
    return _opened(str(options.model), options.evidence, options.max_tokens, options.device, options.quantize)


def looking_of(options: Options) -> "Looking":
    """How the options say that a clip is looked at."""
    from facevlm.chatting import Looking
    from facevlm.perceiving import PerceptionConfig

    config = PerceptionConfig(detector=options.detector, embedder=options.embedder)
    return Looking(options.fps, options.start, options.end, config, options.saved)


@lru_cache(maxsize=1)
def _opened(model: str, evidence: str | None, max_tokens: int, device: str | None, quantize: str | None) -> "FaceChat":
    from facevlm.chatting import FaceChat

    return FaceChat.from_pretrained(
        model, device=device, quantize=quantize, evidence=evidence, max_new_tokens=max_tokens
    )


def _span(start: str | None, end: str | None) -> tuple[float | None, float | None]:
    from facevlm.cli.arguments import parse_span

    return parse_span(start, end)


def _bar(on_progress: Callable[[int, float], None]) -> Callable[[float], None]:
    return lambda share: on_progress(0, share)


def _say_once(warnings: Iterable[str], told: set[str]) -> None:
    for warning in warnings:
        if warning not in told:
            typer.secho(f"warning: {warning}", fg="yellow", err=True)
            told.add(warning)


def _questions() -> Iterator[str]:
    """Lines of standard input that are no blanks, until their end or "exit"; on a terminal each is asked for."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    for line in sys.stdin if not sys.stdin.isatty() else _asked_for():
        if line.strip().lower() in LEAVE:
            return
        if line.strip():
            yield line.strip()


def _asked_for() -> Iterator[str]:
    while True:
        try:
            yield input(PROMPT)
        except EOFError:
            print(file=sys.stderr)
            return
