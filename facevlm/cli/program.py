"""The verbs: describe, track, analyze, score, explain, eval, report, demo, doctor, weights; others in other files."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from facevlm.cli import chatting, datasets, eval_verbs, model_folders
from facevlm.cli.doctor import FACE_WEIGHTS
from facevlm.cli.fetching import FETCHING, bring_weights
from facevlm.cli.options import Detector, Device, Embedder, End, Evidence, Fps, MaxTokens, Quantize, Quiet, Saved, Start
from facevlm.cli.signals import leave_cleanly_when_told
from facevlm.cli.streams import leave_unsaid, mend_streams, write_document
from facevlm.errors import OutputError, UsageError
from facevlm.exports.formats import FORMATS

INTERRUPTED = 130  # 128 + SIGINT, as shells count

app = typer.Typer(
    name="facevlm",
    help="Finds every face in a video, times what it does, and says it in words.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
weights_app = typer.Typer(help="The weights: what they are, get them, their licences.", no_args_is_help=True)
app.add_typer(weights_app, name="weights")
app.add_typer(datasets.app, name="data")
app.add_typer(model_folders.app, name="models")
app.add_typer(chatting.app)
app.add_typer(eval_verbs.eval_app, name="eval")
app.add_typer(eval_verbs.report_app, name="report")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Without the program's name; None takes those of the process.

    Returns:
        Exit code: 0 all good, 1 something failed, 2 wrong usage, 130 interrupted.
    """
    if arguments is None:  # as a program
        leave_cleanly_when_told()
        mend_streams()
    try:
        code = app(arguments, prog_name="facevlm", standalone_mode=False)
        write_document("")
        code = code if isinstance(code, int) else 0
        if code == INTERRUPTED:
            _say("interrupted")
        return code
    except (KeyboardInterrupt, typer.Abort):
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        leave_unsaid()
        return 1
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's own, of whichever version
            return _usage(error)
        from facevlm.cli.workers import explain

        try:
            write_document("")
        except OutputError as unsaid:  # then this is what was wrong
            error = unsaid
        code, line = explain(error)
        _error(line)
        return code


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"facevlm {version('facevlm')}")
        raise typer.Exit()


@app.callback()
def _start(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


@app.command(no_args_is_help=True)
def describe(
    clips: Annotated[list[str], typer.Argument(metavar="CLIP", help="Video files, or folders of them.")],
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="|".join(FORMATS), help="Of the document; default by -o, else text."),
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="File of the document; several: a folder. Default: print.")
    ] = None,
    report: Annotated[str | None, typer.Option(help="Also write an HTML report here; several clips: a folder.")] = None,
    overlay: Annotated[
        str | None, typer.Option(help="Also write a video with the mesh and the running events; several: a folder.")
    ] = None,
    infer: Annotated[bool, typer.Option("--infer", help="Add inferred feelings in \\[brackets].")] = False,
    who: Annotated[
        str, typer.Option(metavar="main|all|ID|x,y", help="Whom to describe; x,y is a point in the first frame.")
    ] = "all",
    fps: Fps = "native",
    start: Start = None,
    end: End = None,
    detector: Detector = "whole",
    embedder: Embedder = "descriptor",
    saved: Saved = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|openai:NAME|tiny",
            help="Let a model say it: its folder, one behind an endpoint, or tiny, whose words are noise.",
        ),
    ] = None,
    with_evidence: Evidence = None,
    max_tokens: MaxTokens = 512,
    device: Device = None,
    quantize: Quantize = None,
    face_weights: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            envvar=FACE_WEIGHTS,
            help="FaceXFormer's weights: says hair, glasses, beard too (not with --model).",
        ),
    ] = None,
    sensitive: Annotated[
        bool, typer.Option("--sensitive", help="With --face-weights: say age and gender too, which are guesses.")
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Clips to work on at a time.")] = 1,
    quiet: Quiet = False,
) -> int:
    """Describe the faces in videos: what they look like, and what they do, when.

    Exit code: 0 all clips described, 1 some failed, 2 wrong usage.
    """
    from facevlm.cli.arguments import check_detector, check_embedder, check_who, parse_span
    from facevlm.cli.batch import Options, find_clips, make_saved, plan
    from facevlm.cli.console import Display
    from facevlm.cli.workers import describe_clip, run
    from facevlm.video.sampling import parse_rate

    if format is not None and format not in FORMATS:
        raise UsageError(f"no format {format!r}", where="--format", mend=f"choose among {', '.join(FORMATS)}")
    parse_rate(fps)  # tells a wrong one before the work starts
    options = Options(check_who(who), fps, *parse_span(start, end), infer, check_detector(detector), saved)
    options = replace(options, embedder=check_embedder(embedder))
    options = replace(options, model=model, evidence=with_evidence, max_tokens=max_tokens)
    options = replace(options, device=device, quantize=quantize)
    options = replace(options, face_weights=face_weights, sensitive=sensitive)
    if sensitive and (face_weights is None or model is not None):
        mend = "give --face-weights PATH" if face_weights is None else "leave it out, or --model"
        raise UsageError("needs a model that can tell", where="--sensitive", mend=mend)
    if model is not None and infer:
        raise UsageError("is for the engine's own words", where="--infer", mend="leave it out, or --model")
    if model is None and with_evidence is not None:
        raise UsageError("is for a model's prompt", where="--with-evidence", mend="add --model")
    found = find_clips(clips)
    many = len(found) > 1 or any(Path(clip).is_dir() and Path(clip) not in found for clip in clips)
    make_saved(saved)
    planned = plan(found, options, many=many, format=format, output=output, report=report, overlay=overlay)
    if model is not None and (jobs == 1 or len(planned) == 1):
        from facevlm.cli.chatting import model_of

        model_of(options)  # tells a wrong one before the work starts
    bring_weights(quiet=quiet)
    with Display([str(job.clip) for job in planned], quiet=quiet, headings=planned[0].format == "text") as display:
        for number, outcome in run(planned, describe_clip, processes=jobs, on_progress=display.on_progress):
            display.done(number, outcome)
    return display.exit_code


@app.command(no_args_is_help=True)
def track(
    clips: Annotated[
        list[str] | None, typer.Argument(metavar="CLIP...", help="Video files, or folders of them.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="File to write; several clips: a folder. Default: print.")
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", "-f", metavar="json|mot", help="Default: by -o (.txt: mot), else json.")
    ] = None,
    fps: Fps = "native",
    start: Start = None,
    end: End = None,
    detector: Detector = "whole",
    embedder: Embedder = "descriptor",
    saved: Saved = None,
    fill: Annotated[
        bool, typer.Option("--fill", help="Fill gaps of less than two thirds of a second on a straight line, marked.")
    ] = False,
    edit: Annotated[
        str | None, typer.Option(metavar="TRACKS", help="Correct saved tracks (JSON) in place of tracking a video.")
    ] = None,
    merge: Annotated[
        list[str] | None, typer.Option(metavar="ID,ID", help="With --edit: these are one person; may be repeated.")
    ] = None,
    drop: Annotated[str | None, typer.Option(metavar="ID,...", help="With --edit: leave these out.")] = None,
    main: Annotated[int | None, typer.Option(metavar="ID", help="With --edit: the main character.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Clips to work on at a time.")] = 1,
    quiet: Quiet = False,
) -> int:
    """Track the faces in videos: where each person is in every frame (JSON, or MOTChallenge text).

    With --edit, saved tracks are corrected and all else derived anew, without the video. Exit code: 0 all clips
    tracked, 1 some failed, 2 wrong usage.
    """
    from facevlm.cli.arguments import check_detector, check_embedder, parse_span
    from facevlm.cli.batch import Options, find_clips, make_saved
    from facevlm.cli.console import Display
    from facevlm.cli.trackfile import (
        choose_format,
        edit_tracks,
        only_source,
        parse_edits,
        plan_tracks,
        track_clip,
        track_clips,
        write_clip_tracks,
    )
    from facevlm.exports.face_recorder import FaceRecorder
    from facevlm.video.sampling import parse_rate

    edits = parse_edits(merge or [], drop, main)
    given = {"--fps": fps != "native", "--start": start is not None, "--end": end is not None}
    given |= {"--detector": detector != "whole", "--embedder": embedder != "descriptor"}
    given |= {"--saved": saved is not None, "--fill": fill, "--jobs": jobs != 1}
    only_source(clips or [], edit, edits=edits, tracking=given)
    if edit is not None:
        chosen = choose_format(format, output, clip=edit)
        write_document(edit_tracks(edit, output, format=chosen, edits=edits, quiet=quiet))
        return 0
    found = find_clips(clips or [])
    parse_rate(fps)
    span = parse_span(start, end)
    check_detector(detector)
    check_embedder(embedder)
    options = Options(fps=fps, start=span[0], end=span[1], detector=detector, embedder=embedder, saved=saved)
    if len(found) > 1 or any(Path(clip).is_dir() and Path(clip) not in found for clip in clips or []):
        planned = plan_tracks(found, options, format=format, output=output)
        make_saved(saved)
        bring_weights(quiet=quiet)
        return track_clips(planned, fill=fill, processes=jobs, quiet=quiet)
    clip = str(found[0])
    chosen = choose_format(format, output, clip=clip)
    make_saved(saved)
    bring_weights(quiet=quiet)
    with FaceRecorder(landmarks=False) as recorder:
        with Display([clip], quiet=quiet) as display:
            perception = track_clip(clip, recorder, options, on_progress=lambda share: display.progress(0, share))
        write_clip_tracks(perception, recorder, output, format=chosen, fill=fill)
    return 0


@app.command(no_args_is_help=True)
def analyze(
    clip: Annotated[str, typer.Argument(metavar="CLIP", help="A video file.")],
    weights: Annotated[
        str,
        typer.Option(metavar="PATH", envvar=FACE_WEIGHTS, help="FaceXFormer: model.pt, a folder, or a hub repository."),
    ],
    output: Annotated[str | None, typer.Option("--output", "-o", help="File to write. Default: print.")] = None,
    sensitive: Annotated[
        bool, typer.Option("--sensitive", help="Tell age, gender and race too: guesses, and often wrong.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.01, help="Seconds between looks at one face.")] = 1.0,
    fps: Fps = "native",
    start: Start = None,
    end: End = None,
    detector: Detector = "whole",
    embedder: Embedder = "descriptor",
    saved: Saved = None,
    offline: Annotated[bool, typer.Option("--offline", help="Look in the hub's cache only.")] = False,
    quiet: Quiet = False,
) -> int:
    """Have FaceXFormer look at each tracked face: landmarks, pose, attributes, what is hidden (JSON)."""
    from facevlm.cli.analysing import analyse_clip, check_places
    from facevlm.cli.arguments import check_detector, check_embedder, parse_span
    from facevlm.cli.batch import make_saved
    from facevlm.cli.console import Display
    from facevlm.video.sampling import parse_rate

    check_places(clip, output)
    parse_rate(fps)
    span = parse_span(start, end)
    check_detector(detector)
    check_embedder(embedder)
    make_saved(saved)
    bring_weights(quiet=quiet)
    with Display([clip], quiet=quiet) as display:
        text = analyse_clip(
            clip,
            weights,
            output,
            sensitive=sensitive,
            every_s=every,
            fps=fps,
            span=span,
            detector=detector,
            embedder=embedder,
            saved=saved,
            offline=offline,
            on_progress=lambda share: display.progress(0, share),
        )
    write_document(text)
    return 0


PredictionFile = Annotated[str, typer.Argument(metavar="PRED", help='Captions to score: JSON of {"id", "caption"}.')]
ReferenceFile = Annotated[str, typer.Argument(metavar="REF", help="Reference captions, of the same form.")]


@app.command(no_args_is_help=True)
def score(
    predictions: PredictionFile,
    references: ReferenceFile,
    metrics: Annotated[list[str] | None, typer.Option(help="Names, separated by commas. Default: all.")] = None,
    judge: Annotated[
        str,
        typer.Option(
            metavar="rule|openai:MODEL",
            help="Who reads events: the grammar, or a language model, whose replies are kept in `replies` beside PRED.",
        ),
    ] = "rule",
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="Of the judge's endpoint. Default: OPENAI_BASE_URL.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    details: Annotated[bool, typer.Option("--details", help="JSON with the values of each caption.")] = False,
    intervals: Annotated[bool, typer.Option("--intervals", help="Add 95 % bootstrap intervals.")] = False,
) -> int:
    """Score captions against references (JSON, or JSON lines): CIDEr, ROUGE-L, BLEU, AutoDQ, TEM.

    Exit code: 0 all captions scored, 1 some failed, 2 wrong usage.
    """
    from facevlm.cli.scoring import score_files

    text, code = score_files(
        predictions,
        references,
        judge=judge,
        base_url=base_url,
        metrics=metrics or [],
        as_json=as_json or details,
        details=details,
        intervals=intervals,
    )
    write_document(text)
    return code


@app.command(no_args_is_help=True)
def explain(
    predictions: PredictionFile,
    references: ReferenceFile,
    ids: Annotated[list[str] | None, typer.Option("--id", help="Which caption; may be repeated.")] = None,
    worst: Annotated[int, typer.Option(min=1, help="Without --id: so many of lowest TEM.")] = 3,
    output: Annotated[str | None, typer.Option("--output", "-o", help="HTML page. Default: print text.")] = None,
) -> int:
    """Explain scores: which event matched which, what is hallucinated, missing, contradicted, out of order.

    Exit code: 0 all captions compared, 1 some could not be, 2 wrong usage.
    """
    from facevlm.cli.scoring import explain_files

    text, failed = explain_files(predictions, references, ids=ids or [], worst=worst, output=output)
    write_document(text)
    if failed is None:
        return 0
    typer.secho(f"error: {failed}", fg="red", err=True)
    return 1


@app.command()
def demo(
    output: Annotated[str, typer.Option("--output", "-o", help="Folder for the clip, the report and the rest.")] = (
        "demo-output"
    ),
    quiet: Quiet = False,
) -> int:
    """See it work with no video at hand: a still photo is made to move, described, and reported."""
    from facevlm.cli.batch import Options, make_writable, plan
    from facevlm.cli.console import Display
    from facevlm.cli.workers import describe_clip, run
    from facevlm.puppet.demo import astronaut, make_demo_clip

    astronaut()  # tells a missing portrait before anything is written
    folder = Path(output)
    make_writable(folder)
    bring_weights(quiet=quiet)
    if not quiet:
        _say("making a still photo move ...")
    clip = Path(make_demo_clip(folder).path)
    output, report, overlay = (str(folder / name) for name in ("description.json", "report.html", "overlay.mp4"))
    (job,) = plan([clip], Options(), output=output, report=report, overlay=overlay)
    with Display([str(clip)], quiet=quiet) as display:
        for number, outcome in run([job], describe_clip, on_progress=display.on_progress):
            display.done(number, outcome)
    if display.exit_code == 0:
        with job.targets[0].open(encoding="utf-8") as stream:
            print(json.load(stream)["caption"])
        print("\n" + "\n".join(str(path) for path in (clip, *job.targets)))
    return display.exit_code


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> int:
    """Say what is installed, what is missing, and how to get it. Exit code 1 when something needed is missing."""
    from facevlm.cli.doctor import examine, print_findings

    findings = examine()
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings], indent=2))
    else:
        print_findings(findings)
    return 1 if any(finding.needed and not finding.ok for finding in findings) else 0


@weights_app.command("list")
def weights_list() -> int:
    """List the weights and where they are."""
    from facevlm.faces import weights

    for row in weights.WEIGHTS.values():
        place = weights.find(row.name) if weights.is_present(row.name) else "missing (run: facevlm weights fetch)"
        print(f"{row.name:16}{row.size / 1e6:6.2f} MB  {row.licence:12}{row.used_for:36}{place}")
    return 0


@weights_app.command("fetch")
def weights_fetch(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Default: all.")] = None,
    quiet: Quiet = False,
) -> int:
    """Bring weights into the cache, verified; what is there already is left alone."""
    from facevlm.faces import weights

    wanted = names or list(weights.WEIGHTS)
    if not quiet and not all(weights.is_present(name) for name in wanted):
        _say(FETCHING)
    for name, path in weights.fetch(wanted).items():
        print(f"{name:16}{path}")
    return 0


@weights_app.command("licenses")
def weights_licenses() -> int:
    """Say under which licence each weight is, where it comes from, and where the licence's text is."""
    from facevlm.faces import weights

    for name, licence, origin, text in weights.licenses():
        print(f"{name:16}{licence:12}{origin}\n{'':28}{text or 'text: comes with facevlm weights fetch'}")
    return 0


def _usage(error: Any) -> int:
    """Tell a wrong argument in one line; an empty command line gets the help instead."""
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message)
        return 2
    context = getattr(error, "ctx", None)
    hint = f" (see: {context.command_path} --help)" if context is not None else ""
    _error(f"{' '.join(message.split()).rstrip('.')}{hint}")
    return int(getattr(error, "exit_code", 2))


def _error(line: str) -> None:
    typer.secho(f"error: {line}", fg="red", err=True)


def _say(line: str) -> None:
    print(line, file=sys.stderr)
