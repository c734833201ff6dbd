"""CelebV-HQ (Zhu et al. 2022): attributes of appearance, action and emotion for clips of celebrities."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facevlm.datasets.annotation_files import json_file, number
from facevlm.datasets.media_files import find_part, first_media, videos_in, without_labels
from facevlm.datasets.record import Clip, Dataset
from facevlm.errors import DatasetError

CUT = ("downloaded_celebvhq/processed", "processed", "35666")
UNCUT = ("downloaded_celebvhq/raw", "raw")
COUNTS = {"appearance": 40, "action": 35}  # names in each mapping of meta_info, read from the file itself


def read(root: Path) -> Iterator[Clip]:
    """The clips of `celebvhq_info.json`; there are no official splits, `group` is the source video on YouTube.

    Where only the whole source video is there, the path is that, and the problem says that it is not cut.

    Raises:
        DatasetError: The file is missing, or not as the makers describe it.
    """
    path = find_part(root, CELEBVHQ.needs[0], CELEBVHQ)
    document = json_file(path, kind=dict, says="CelebV-HQ annotation")
    names = {kind: _mapping(document, kind, path) for kind in COUNTS}
    clips = document.get("clips")
    if not isinstance(clips, dict):
        raise DatasetError('no "clips"', where=path)
    for key, clip in clips.items():
        try:
            yield _clip(root, key, clip, names, where=f"{path}, clip {key}")
        except (KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f"not as described: {error}", where=f"{path}, clip {key}") from error
    found = ((video.stem, video) for folder in CUT for video in videos_in(root / folder))
    yield from without_labels("celebvhq", found, root=root, seen=clips)


def _clip(root: Path, key: str, clip: Any, names: dict[str, tuple[str, ...]], *, where: str) -> Clip:
    video = clip["ytb_id"]
    labels: dict[str, Any] = {}
    for kind, known in names.items():
        flags = clip["attributes"][kind]
        if len(flags) != len(known):
            raise DatasetError(f"{len(flags)} flags of {kind}, but {len(known)} names", where=where)
        labels[kind] = tuple(name for name, flag in zip(known, flags, strict=True) if flag)
    labels["emotion"] = _emotions(clip["attributes"]["emotion"], where=where)
    cut, _ = first_media(root, [f"{folder}/{key}.mp4" for folder in CUT])
    uncut, _ = first_media(root, [f"{folder}/{video}.mp4" for folder in UNCUT])
    problem = None
    if cut is None:
        problem = "not cut yet: only the whole source video is there" if uncut else f"no {CUT[0]}/{key}.mp4 there"
    left, top, right, bottom = (
        number(clip["bbox"][side], where=where, what=side) for side in ("left", "top", "right", "bottom")
    )
    start, end = (number(clip["duration"][side], where=where, what=side) for side in ("start_sec", "end_sec"))
    return Clip(
        "celebvhq",
        key,
        path=cut or uncut,
        group=(f"youtube:{video}",),
        labels=labels,
        start_sec=start,
        end_sec=end,
        bbox=(left, top, right, bottom),
        problem=problem,
    )


def _emotions(emotion: Any, *, where: str) -> tuple[tuple[str, float | None, float | None], ...]:
    """Names, with start and end in seconds within the clip; both None for the whole clip."""
    if not emotion["sep_flag"]:
        return ((str(emotion["labels"]), None, None),)
    return tuple(
        (
            str(one["emotion"]),
            number(one["start_sec"], where=where, what="start_sec"),
            number(one["end_sec"], where=where, what="end_sec"),
        )
        for one in emotion["labels"]
    )


def _mapping(document: dict[str, Any], kind: str, path: Path) -> tuple[str, ...]:
    about = document.get("meta_info")
    names = about.get(f"{kind}_mapping") if isinstance(about, dict) else None
    if not isinstance(names, list) or len(names) != COUNTS[kind]:
        count = len(names) if isinstance(names, list) else "no"
        raise DatasetError(f"{count} names in {kind}_mapping, not {COUNTS[kind]}", where=path)
    return tuple(str(name) for name in names)


CELEBVHQ = Dataset(
    "celebvhq",
    "CelebV-HQ",
    holds="35,666 clips, 15,653 people, 83 attributes",
    licence="non-commercial research, no redistribution; videos belong to their uploaders",
    licence_tag="research",
    apply_at="github.com/CelebV-HQ/CelebV-HQ, no form; many source videos are gone",
    needs=(("celebvhq_info.json", "*/celebvhq_info.json"), (*CUT, *UNCUT)),
    verified=True,
    note="seen in the makers' README and script; names are read from the file, the list of 8 emotions is from memory",
    read=read,
)
