"""Which clips to describe or track and where every result goes, decided before any work starts."""

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facevlm.errors import InputError, OutputError, UsageError
from facevlm.exports.formats import FORMATS

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts"),
    *(".wmv", ".flv", ".ogv", ".3gp", ".mjpeg", ".mjpg", ".gif"),
)
OVERLAY_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")


@dataclass(frozen=True)
class Options:
    """What to see in each clip, where it is kept, and who says it: arguments of `facevlm.describe`, detector and
    embedder of its config, the weights of a model that looks at faces, and arguments of `FaceChat.from_pretrained`,
    without a model where the words are to be the engine's own."""

    who: str = "all"
    fps: str = "native"
    start: float | None = None
    end: float | None = None
    infer: bool = False
    detector: str = "whole"
    saved: str | None = None
    embedder: str = "descriptor"
    model: str | None = None
    evidence: str | None = None
    max_tokens: int = 512
    device: str | None = None
    quantize: str | None = None
    face_weights: str | None = None
    sensitive: bool = False


@dataclass(frozen=True)
class Job:
    """One clip and where its results go.

    Attributes:
        clip: The video file.
        options: What to see in it.
        format: A key of the formats' table.
        output: File of the document, None to return it as text.
        report: File of the HTML report, or None.
        overlay: File of the overlay video, or None.
        one_line: Whether returned JSON is one line.
    """

    clip: Path
    options: Options
    format: str = "text"
    output: Path | None = None
    report: Path | None = None
    overlay: Path | None = None
    one_line: bool = False

    @property
    def targets(self) -> tuple[Path, ...]:
        """All files that this job writes."""
        return tuple(path for path in (self.output, self.report, self.overlay) if path is not None)


def find_clips(places: Iterable[str | Path]) -> list[Path]:
    """List the clips: files as given, folders by the video files directly in them, sorted; each file once.

    A file that does not exist is listed too, and so is a folder without videos or that cannot be read: it becomes a
    failed row, and the others are described.

    Raises:
        UsageError: A name is empty.
    """
    found: dict[str, Path] = {}
    for name in places:
        refuse_empty(name, where="CLIP")
        place = Path(name)
        is_folder = os.path.isdir(place)  # noqa: PTH112  (pathlib's raises for a name too long)
        for clip in (_videos_in(place) or [place]) if is_folder else [place]:
            found.setdefault(os.path.realpath(clip), clip)
    return list(found.values())


def plan(
    clips: Sequence[Path],
    options: Options,
    *,
    many: bool | None = None,
    format: str | None = None,
    output: str | None = None,
    report: str | None = None,
    overlay: str | None = None,
    formats: Mapping[str, str] = FORMATS,
) -> list[Job]:
    """Decide where every result goes, and refuse what cannot end well, before any work is done.

    Args:
        clips: From `find_clips`.
        options: The same for all clips.
        many: Whether outputs are folders; by default when there are several clips. A folder given as a clip may hold
            one or many, and its results should not be elsewhere for that.
        format: A key of `FORMATS`; None takes it from the suffix of `output`, else "text".
        output: A file, or a folder (one that exists, or a name that ends with a slash); None for standard output.
        report: A file, with several clips a folder.
        overlay: A file, with several clips a folder.
        formats: Name -> suffix of the formats that there are.

    Raises:
        UsageError: An argument is wrong, two results have one name, or an input would be overwritten.
        OutputError: A place cannot be written to.
    """
    for option, place in (("-o", output), ("--report", report), ("--overlay", overlay)):
        refuse_empty(place, where=option)
    many = len(clips) > 1 if many is None else many
    chosen = format or _format_of(output, many=many)
    if len(clips) > 1 and output is None and chosen not in ("text", "json"):
        raise UsageError(f"{chosen} of several clips does not fit one stream", where="--format", mend="add -o FOLDER/")
    if overlay and not _is_folder(overlay, many=many) and Path(overlay).suffix.lower() not in OVERLAY_SUFFIXES:
        raise UsageError("no suffix of a video", where=f"--overlay {overlay}", mend="end it with .mp4")
    jobs = [
        Job(
            clip=clip,
            options=options,
            format=chosen,
            output=_target(output, clip, formats[chosen], many=many, option="-o"),
            report=_target(report, clip, ".html", many=many, option="--report"),
            overlay=_target(overlay, clip, ".mp4", many=many, option="--overlay"),
            one_line=len(clips) > 1,
        )
        for clip in clips
    ]
    _refuse_collisions(jobs)
    for job in jobs:
        _refuse_overwriting_video(job.output)
        _refuse_overwriting_video(job.report)
    for folder in dict.fromkeys(target.parent for job in jobs for target in job.targets if _is_new_or_file(target)):
        make_writable(folder)
    return jobs


def make_writable(folder: Path) -> None:
    """Create the folder when needed and make sure that a file can be written in it.

    Raises:
        OutputError: It cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError("is a file, not a folder", where=folder, mend="choose another folder") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"cannot write here: {reason}", where=folder, mend="choose another folder") from error


def make_saved(folder: str | None) -> None:
    """See that what is seen can be kept in the folder of `--saved`, if one is given; raises as `make_writable`."""
    refuse_empty(folder, where="--saved")
    if folder is not None:
        make_writable(Path(folder))


def refuse_empty(place: str | Path | None, *, where: str) -> None:
    """Make sure that a name is one: an unset variable of a shell script would mean this folder.

    Raises:
        UsageError: It is empty.
    """
    if place is not None and not str(place):
        raise UsageError("the name is empty", where=where, mend="give a file or a folder")


def refuse_folder(clip: Path) -> None:
    """Make sure that a clip is no folder: `find_clips` lists one where it found no video in it.

    Raises:
        InputError: It is one.
    """
    if not os.path.isdir(clip):  # noqa: PTH112  (pathlib's raises for a name too long)
        return
    try:
        os.listdir(clip)  # noqa: PTH208  (says so if it cannot be listed)
    except OSError as error:
        raise InputError(f"cannot list it: {error.strerror}", where=clip, mend="check its permissions") from error
    if _videos_in(clip):
        raise InputError("is a folder, where one video file is wanted", where=clip, mend="name a video file in it")
    what = "no video files directly in this folder"
    raise InputError(what, where=clip, mend="give the files, or the folder that holds them")


def refuse_overwrite(target: Path, sources: Iterable[Path]) -> None:
    """Make sure that a result does not replace what it is made from.

    Raises:
        UsageError: It would.
    """
    for source in sources:
        if _same(target) == _same(source):
            what = f"would overwrite {source}, from which it is made"
            raise UsageError(what, where=target, mend="choose another name")


def _refuse_overwriting_video(target: Path | None) -> None:
    """A document never replaces a video: `-o` was meant for something else."""
    if target is not None and target.suffix.lower() in VIDEO_SUFFIXES and target.is_file():
        raise UsageError("would overwrite a video", where=target, mend="choose a name with the suffix of the format")


def _videos_in(folder: Path) -> list[Path]:
    """The video files directly in a folder, sorted; none where it cannot be read."""
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES]
        return sorted(path for path in found if not path.name.startswith(".") and path.is_file())
    except OSError:
        return []


def _format_of(output: str | None, *, many: bool) -> str:
    if output is None or _is_folder(output, many=many):
        return "text"
    suffix = Path(output).suffix.lower()
    for name, known in FORMATS.items():
        if suffix == known:
            return name
    if Path(output).exists() and not Path(output).is_file():  # /dev/stdout
        return "text"
    raise UsageError(
        f"no format has the suffix {suffix!r}", where=f"-o {output}", mend=f"add --format, one of {', '.join(FORMATS)}"
    )


def _is_folder(place: str, *, many: bool) -> bool:
    return many or place.endswith(("/", os.sep)) or Path(place).is_dir()


def _target(place: str | None, clip: Path, suffix: str, *, many: bool, option: str) -> Path | None:
    if place is None:
        return None
    path = Path(place)
    if not _is_folder(place, many=many):
        return path
    if path.exists() and not path.is_dir():
        raise UsageError("several clips need a folder, this is a file", where=f"{option} {place}", mend="name a folder")
    if many and path.suffix and not place.endswith(("/", os.sep)) and not path.is_dir():
        raise UsageError(
            "several clips need a folder", where=f"{option} {place}", mend=f"name one, such as {path.stem}/"
        )
    return path / f"{clip.stem}{suffix}"


def _is_new_or_file(target: Path) -> bool:
    """Whether the target is written beside itself and moved; /dev/stdout or a pipe is not."""
    return target.is_file() or not target.exists()


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    clips = [job.clip for job in jobs]
    owners: dict[str, Path] = {}
    for job in jobs:
        for target in filter(_is_new_or_file, job.targets):
            refuse_overwrite(target, clips)
            other = owners.setdefault(_same(target), job.clip)
            if other is not job.clip:
                raise UsageError(
                    f"both {other} and {job.clip} would be written here", where=target, mend="rename one of the clips"
                )
        if len({_same(target) for target in job.targets}) < len(job.targets):
            raise UsageError("two results would be written here", where=job.targets[0], mend="give each its own name")


def _same(path: Path) -> str:
    """Equal for paths that are one file, on disks that ignore case too."""
    return os.path.realpath(path).casefold()
