"""Find videos and folders of frames by their names alone: sorted, leftovers of systems skipped, nothing opened."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from facevlm.datasets.record import Clip, Dataset
from facevlm.errors import DatasetError

VIDEO_SUFFIXES = (".mp4", ".avi")
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")
_LEFT_BEHIND = {"Thumbs.db", "desktop.ini", "__MACOSX"}


def listed(folder: Path) -> list[Path]:
    """What lies in a folder, sorted by name, hidden files and leftovers skipped; nothing where there is no folder."""
    try:
        return sorted(path for path in folder.iterdir() if path.name[0] != "." and path.name not in _LEFT_BEHIND)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DatasetError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=folder) from error


def videos_in(folder: Path) -> list[Path]:
    """The videos in a folder, not in those below it."""
    return [path for path in listed(folder) if path.suffix.lower() in VIDEO_SUFFIXES]


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder."""
    return [path for path in listed(folder) if path.is_dir()]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder."""
    return [path for path in listed(folder) if path.suffix.lower() in PICTURE_SUFFIXES]


def first_media(root: Path, candidates: Sequence[str]) -> tuple[str | None, bool]:
    """The first of some paths that is there, and whether it is a folder of frames.

    Args:
        root: Of the dataset.
        candidates: Paths relative to it; one without a suffix of a video is a folder.

    Raises:
        DatasetError: A path leads out of the root.
    """
    for candidate in candidates:
        path = root / candidate
        if Path(candidate).is_absolute() or ".." in Path(candidate).parts:
            raise DatasetError(f"{candidate} leads out of the dataset", where=root)
        is_video = path.suffix.lower() in VIDEO_SUFFIXES
        with suppress(OSError):  # a name that the system refuses is not there
            if path.is_file() if is_video else path.is_dir():
                return candidate, not is_video
    return None, False


def relative(path: Path, root: Path) -> str:
    """A path below the root, with slashes."""
    return path.relative_to(root).as_posix()


def matches(root: Path, pattern: str) -> Iterator[Path]:
    """What matches a glob pattern below the root, hidden files left out, in no order."""
    return (path for path in root.glob(pattern) if not path.name.startswith("."))


def find_part(root: Path, part: Sequence[str], dataset: Dataset) -> Path:
    """The file or folder of a dataset that one of some patterns matches; the first of them in order of names.

    Raises:
        DatasetError: None does; the message says which were looked for, and where the dataset is applied for.
    """
    if not root.is_dir():
        raise DatasetError("is no folder", where=root, mend=f"get {dataset.title}: {dataset.apply_at}")
    for pattern in part:
        found = min(matches(root, pattern), default=None)
        if found is not None:
            return found
    raise DatasetError(
        f"{dataset.title} has no {' or '.join(part)} there", where=root, mend=f"get it: {dataset.apply_at}"
    )


def placed(root: Path, candidates: Sequence[str]) -> dict[str, Any]:
    """The fields of a `Clip` that say where it is: path, media, and the problem if it is in none of some places.

    Args:
        root: Of the dataset.
        candidates: As for `first_media`; the first is named where none is there.
    """
    path, is_folder = first_media(root, candidates)
    problem = f"no {candidates[0]} there" if path is None else None
    return {"path": path, "media": "frames" if is_folder else "video", "problem": problem}


def without_labels(
    name: str, found: Iterable[tuple[str, Path]], *, root: Path, seen: Collection[str]
) -> Iterator[Clip]:
    """Clips on disk of which no annotation told.

    Args:
        name: Of the dataset.
        found: Clip ids and where they are.
        root: Of the dataset.
        seen: Ids that annotations told of.
    """
    for clip_id, path in found:
        if clip_id not in seen:
            media: Literal["video", "frames"] = "video" if path.suffix.lower() in VIDEO_SUFFIXES else "frames"
            yield Clip(name, clip_id, path=relative(path, root), media=media, problem="no label in the annotations")
