"""Track the faces of one clip, or correct saved tracks; write JSON (facevlm/tracks/1) or MOTChallenge text."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from facevlm.cli.batch import Job, Options, make_writable, plan, refuse_empty, refuse_folder, refuse_overwrite
from facevlm.cli.streams import write_document
from facevlm.cli.workers import Outcome, Progress, failed, run, share_of_span
from facevlm.errors import UsageError
from facevlm.exports.track_edits import Edits

if TYPE_CHECKING:
    from facevlm.exports.face_recorder import FaceRecorder
    from facevlm.perceiving import Perception

FORMATS = ("json", "mot")
SUFFIXES = {".json": "json", ".txt": "mot"}


def choose_format(format: str | None, output: str | None, *, clip: str) -> str:
    """Decide the format and refuse an output that cannot be written, before any work starts.

    Raises:
        UsageError: No such format, no format has the suffix of `output`, or the clip would be overwritten.
        OutputError: The place cannot be written to.
    """
    _check_format(format)
    refuse_empty(clip, where="CLIP")
    refuse_empty(output, where="-o")
    if output is not None:
        if Path(output).is_dir() or output.endswith("/"):
            raise UsageError("is a folder", where=f"-o {output}", mend="name a file in it")
        refuse_overwrite(Path(output), [Path(clip)])
        format = format or _format_of(Path(output))
        make_writable(Path(output).parent)
    return format or "json"


def parse_edits(merge: list[str], drop: str | None, main: int | None) -> Edits:
    """Read the edits of the command line.

    Raises:
        UsageError: Something is no list of ids.
    """
    groups = tuple(_ids(group, where="--merge") for group in merge)
    return Edits(groups, () if drop is None else _ids(drop, where="--drop"), main)


def only_source(clips: Sequence[str], edit: str | None, *, edits: Edits, tracking: Mapping[str, bool]) -> None:
    """See that there are either clips to track or tracks to edit, and nothing that is for the other.

    Args:
        clips: Video files, or folders of them.
        edit: The saved tracks.
        edits: What to change in them.
        tracking: Option that is for tracking a video -> whether it was given.

    Raises:
        UsageError: There are both or none, edits without saved tracks, or options of tracking with them.
    """
    refuse_empty(edit, where="--edit")
    if bool(clips) != (edit is None):
        what = "a clip and --edit do not go together" if clips else "neither a clip nor --edit is given"
        raise UsageError(what, mend="give a video to track, or --edit with saved tracks")
    if edit is None and edits != Edits():
        raise UsageError("--merge, --drop and --main change saved tracks", mend="add --edit TRACKS")
    if edit is not None and (given := [option for option, is_given in tracking.items() if is_given]):
        what = f"{given[0]} is for tracking a video"
        raise UsageError(what, mend="leave it out: --edit corrects saved tracks without looking at one")


def edit_tracks(path: str, output: str | None, *, format: str, edits: Edits, quiet: bool) -> str:
    """Correct a saved tracks file, and tell the warnings that follow from it.

    Args:
        path: The JSON file.
        output: The file to write, None to return the text.
        format: One of `FORMATS`.
        edits: What to change.
        quiet: Tell no warnings.

    Returns:
        The text when there is no output file, else "".

    Raises:
        InputError: The file cannot be read, or is no tracks file.
        UsageError: An edit does not fit the file.
        OutputError: The file cannot be written.
    """
    from facevlm.exports.track_edits import edited, to_text, write_tracks
    from facevlm.exports.tracks_document import read_tracks

    before = read_tracks(path)
    document = edited(before, edits)
    if output is not None:
        write_tracks(document, output, format=format)
    for warning in document.warnings:
        if warning not in before.warnings and not quiet:
            typer.secho(f"warning: {warning}", fg="yellow", err=True)
    return to_text(document, format=format) if output is None else ""


def _check_format(format: str | None) -> None:
    if format not in (None, *FORMATS):
        raise UsageError(f"no format {format!r}", where="--format", mend=f"choose among {', '.join(FORMATS)}")


def _format_of(output: Path) -> str:
    if output.exists() and not output.is_file():  # /dev/stdout
        return "json"
    suffix = output.suffix.lower()
    if suffix not in SUFFIXES:
        what = f"no format has the suffix {suffix!r}"
        raise UsageError(what, where=f"-o {output}", mend=f"add --format, one of {', '.join(FORMATS)}")
    return SUFFIXES[suffix]


def _ids(text: str, *, where: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 10 for part in parts):
        raise UsageError(f"{text[:40]!r} is no list of ids", where=where, mend="give ids such as 2,5")
    return tuple(int(part) for part in parts)


def track_clip(
    clip: str,
    recorder: "FaceRecorder",
    options: Options,
    *,
    on_progress: Progress | None,
) -> "Perception":
    """Track every face.

    Args:
        clip: The video file.
        recorder: Keeps the faces.
        options: How the clip is looked at, and where that is kept.
        on_progress: Called with the share done, in [0, 1].

    Returns:
        The finished perception.

    Raises:
        FacevlmError: As `perceive` and `FaceRecorder`.
    """
    from facevlm.perceiving import PerceptionConfig, perceive

    start, end = options.start, options.end
    config = PerceptionConfig(detector=options.detector, embedder=options.embedder)
    perception = perceive(clip, fps=options.fps, start=start, end=end, config=config, saved=options.saved)
    share = on_progress and share_of_span((start, end), perception.video.duration_s, on_progress)
    for moment in perception:
        recorder(moment)
        if share is not None:
            share(moment.time)
    return perception


def plan_tracks(clips: Sequence[Path], options: Options, *, format: str | None, output: str | None) -> list[Job]:
    """Where the tracks of several clips go; raises as `batch.plan`, and UsageError without a folder."""
    _check_format(format)
    refuse_empty(output, where="-o")
    if output is None:
        raise UsageError("tracks of several clips do not fit one stream", mend="add -o FOLDER/")
    suffixes = {name: suffix for suffix, name in SUFFIXES.items()}
    return plan(clips, options, many=True, format=format or "json", output=output, formats=suffixes)


def track_clips(planned: Sequence[Job], *, fill: bool, processes: int, quiet: bool) -> int:
    """Track the clips of `plan_tracks`, so many at a time, and tell of each; returns the exit code."""
    from facevlm.cli.console import Display

    with Display([str(job.clip) for job in planned], quiet=quiet, told="tracked") as display:
        work = partial(track_job, fill=fill)
        for number, outcome in run(planned, work, processes=processes, on_progress=display.on_progress):
            display.done(number, outcome)
    return display.exit_code


def track_job(job: Job, on_progress: Progress | None = None, *, fill: bool) -> Outcome:
    """Track one of several clips and write its file; a failure is the outcome's error, never raised."""
    from facevlm.exports.face_recorder import FaceRecorder

    started = time.monotonic()
    try:
        refuse_folder(job.clip)
        with FaceRecorder(landmarks=False) as recorder:
            perception = track_clip(str(job.clip), recorder, job.options, on_progress=on_progress)
            write_clip_tracks(perception, recorder, str(job.output), format=job.format, fill=fill)
    except Exception as error:
        return failed(job, error, started)
    return Outcome(
        job.clip,
        people=len(perception.tracks),
        duration_s=perception.video.duration_s,
        wall_s=time.monotonic() - started,
        warnings=tuple(perception.report.warnings),
    )


def write_clip_tracks(
    perception: "Perception", recorder: "FaceRecorder", output: str | None, *, format: str, fill: bool
) -> None:
    """Write the tracks of a clip.

    Args:
        perception: From `track_clip`.
        recorder: Given to it.
        output: The file to write, None to print.
        format: One of `FORMATS`.
        fill: Whether short gaps are filled.

    Raises:
        OutputError: The file cannot be written.
    """
    from facevlm.exports.gap_filling import with_gaps_filled
    from facevlm.exports.tracks_document import (
        FaceRow,
        final_ids,
        mot_lines,
        tracks_json,
        write_mot,
        write_tracks_json,
    )

    video, decoding, tracks, shots = perception.video, perception.report, perception.tracks, perception.shots
    rows: Iterable[FaceRow] = recorder.rows()
    if fill:
        frames = [(moment.time, moment.index) for moment in recorder.moments()]
        rows = with_gaps_filled(recorder.rows(), frames, ids=final_ids(tracks), shots=shots)
    match format, output:
        case "mot", None:
            write_document(line + "\n" for line in mot_lines(tracks, rows))
        case "mot", str():
            write_mot(tracks, output, rows=rows)
        case _, None:
            write_document(tracks_json(video, decoding, tracks=tracks, rows=rows, shots=shots))
        case _, str():
            write_tracks_json(video, decoding, output, tracks=tracks, rows=rows, shots=shots)
