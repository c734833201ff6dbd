"""AFEW-VA (Kossaifi et al. 2017): valence and arousal of every frame in 600 clips from films."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facevlm.datasets.annotation_files import json_file, number
from facevlm.datasets.media_files import find_part, matches, pictures_in, relative
from facevlm.datasets.record import Clip, Dataset
from facevlm.errors import DatasetError

RANGE = 10  # valence and arousal are -10 .. 10


def read(root: Path) -> Iterator[Clip]:
    """The clips (`001`), as folders of frames; no official split, and no frame rate is known.

    Labels: `frames` (keys of the annotated frames), `valence` and `arousal` (one number for each, -10 .. 10), and
    `unlabelled_frames` (pictures without a key).

    Raises:
        DatasetError: No clip is there, or a JSON is not as described.
    """
    first = find_part(root, AFEW_VA.needs[0], AFEW_VA)
    pattern = "/".join(["*"] * (len(first.relative_to(root).parts) - 1)) + "/*.json"
    for path in sorted(matches(root, pattern)):
        if path.stem == path.parent.name:
            yield _clip(root, path)


def _clip(root: Path, path: Path) -> Clip:
    document = json_file(path, kind=dict, says="AFEW-VA annotation")
    frames = document.get("frames")
    if not isinstance(frames, dict) or not all(isinstance(frame, dict) for frame in frames.values()):
        raise DatasetError('no "frames"', where=path)
    pictures = {picture.stem for picture in pictures_in(path.parent)}
    missing = sorted(set(frames) - pictures)
    actor = document.get("actor")
    return Clip(
        "afewva",
        path.stem,
        path=relative(path.parent, root),
        media="frames",
        identity=str(actor) if actor else None,
        group=(f"afewva:{actor}",) if actor else (),
        labels={
            "frames": tuple(frames),
            "valence": _values(frames, "valence", path),
            "arousal": _values(frames, "arousal", path),
            "unlabelled_frames": tuple(sorted(pictures - set(frames))),
        },
        problem=f"{len(missing)} annotated frames are not there, the first is {missing[0]}" if missing else None,
    )


def _values(frames: dict[str, dict[str, Any]], name: str, path: Path) -> tuple[float, ...]:
    values = tuple(number(f.get(name), where=f"{path}, frame {key}", what=name) for key, f in frames.items())
    if any(abs(value) > RANGE for value in values):
        raise DatasetError(f"{name} beyond -{RANGE} .. {RANGE}", where=path)
    return values


AFEW_VA = Dataset(
    "afewva",
    "AFEW-VA",
    holds="600 clips, valence and arousal per frame",
    licence="research only",
    licence_tag="research",
    apply_at="ibug.doc.ic.ac.uk/resources/afew-va-database, form",
    needs=(("[0-9][0-9][0-9]/*.json", "*/[0-9][0-9][0-9]/*.json", "*/*/[0-9][0-9][0-9]/*.json"),),
    verified=False,
    note="frames, valence and arousal seen in public loaders; actor, the range and the zips are from memory",
    read=read,
)
