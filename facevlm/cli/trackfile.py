"""Track the faces of one clip, or correct saved tracks; write JSON (facevlm/tracks/1) or MOTChallenge text."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from facevlm.cli.batch import make_writable, refuse_empty, refuse_overwrite
from facevlm.cli.streams import write_document
from facevlm.cli.workers import share_of_span
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
    if format not in (None, *FORMATS):
        raise UsageError(f"no format {format!r}", where="--format", mend=f"choose among {', '.join(FORMATS)}")
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


def only_source(clip: str | None, edit: str | None, *, edits: Edits) -> None:
    """See that there is either a clip to track or tracks to edit.

    Raises:
        UsageError: There are both or none, or edits of nothing.
    """
    if (clip is None) == (edit is None):
        what = "a clip and --edit do not go together" if clip else "neither a clip nor --edit is given"
        raise UsageError(what, mend="give a video to track, or --edit with saved tracks")
    if edit is None and edits != Edits():
        raise UsageError("--merge, --drop and --main change saved tracks", mend="add --edit TRACKS")


def edit_tracks(path: str, output: str | None, *, format: str, edits: Edits) -> str:
    """Correct a saved tracks file.

    Args:
        path: The JSON file.
        output: The file to write, None to return the text.
        format: One of `FORMATS`.
        edits: What to change.

    Returns:
        The text when there is no output file, else "".

    Raises:
        InputError: The file cannot be read, or is no tracks file.
        UsageError: An edit does not fit the file.
        OutputError: The file cannot be written.
    """
    from facevlm.exports.track_edits import edited, to_text, write_tracks
    from facevlm.exports.tracks_document import read_tracks

    document = edited(read_tracks(path), edits)
    if output is None:
        return to_text(document, format=format)
    write_tracks(document, output, format=format)
    return ""


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
    if not all(part.isdecimal() for part in parts):
        raise UsageError(f"{text!r} is no list of ids", where=where, mend="give ids such as 2,5")
    return tuple(int(part) for part in parts)


def track_clip(
    clip: str,
    recorder: "FaceRecorder",
    *,
    fps: str,
    span: tuple[float | None, float | None],
    detector: str,
    embedder: str,
    saved: str | None,
    on_progress: Callable[[float], None],
) -> "Perception":
    """Track every face.

    Args:
        clip: The video file.
        recorder: Keeps the faces.
        fps: As for `perceive`.
        span: Start and end of what is looked at, as for `perceive`.
        detector: As for `PerceptionConfig`.
        embedder: As for `PerceptionConfig`.
        saved: As for `perceive`.
        on_progress: Called with the share done, in [0, 1].

    Returns:
        The finished perception.

    Raises:
        FacevlmError: As `perceive` and `FaceRecorder`.
    """
    from facevlm.perceiving import PerceptionConfig, perceive

    start, end = span
    config = PerceptionConfig(detector=detector, embedder=embedder)
    perception = perceive(clip, fps=fps, start=start, end=end, config=config, saved=saved)
    share = share_of_span(span, perception.video.duration_s, on_progress)
    for moment in perception:
        recorder(moment)
        if share is not None:
            share(moment.time)
    return perception


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
