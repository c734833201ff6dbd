"""DFEC, published as FacialDynamic (FDA): captions of changing faces for 800 clips of seven other datasets."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from facevlm.datasets.annotation_files import json_file
from facevlm.datasets.media_files import find_part, placed
from facevlm.datasets.record import Clip, Dataset
from facevlm.errors import DatasetError

_FLAT = re.compile(r"0_7_LabelClips_(?P<scene>\w+)_(?P<emotion>[A-Za-z]+)_(?P<number>\d+)$")


def read(root: Path) -> Iterator[Clip]:
    """The captioned clips, all of them test; `parent` is the clip they were taken from.

    Raises:
        DatasetError: `test.json` is missing, or not as described.
    """
    path = find_part(root, DFEC.needs[0], DFEC)
    seen = set()
    for number, row in enumerate(json_file(path, kind=list, says="list of captions"), start=1):
        place = f"{path}, row {number}"
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("id", "video", "caption")):
            raise DatasetError("no texts id, video and caption", where=place)
        video = row["video"].replace("\\", "/")
        where, parent = placed(root, [video]), parent_of(video)
        if row["id"] in seen:
            where["problem"] = f"id {row['id']} is there twice"
        seen.add(row["id"])
        labels = {"caption": row["caption"]}
        yield Clip("dfec", row["id"], split="test", labels=labels, parent=parent, **where)


def parent_of(video: str) -> tuple[str, str] | None:
    """The dataset and clip id that a path of DFEC stands for; None where it is of no dataset known."""
    source, *folders, name = video.split("/") if "/" in video else ("", video)
    stem = PurePosixPath(name).stem
    match source:
        case "CAER_mp4" if len(folders) == 2:
            return "caer", f"{folders[0]}/{folders[1]}/{stem}"
        case "DFEW" if stem.isdigit():
            return "dfew", f"{int(stem):05d}"
        case "FERV39k" if flat := _FLAT.match(stem):
            return "ferv39k", f"{flat['scene']}/{flat['emotion']}/{flat['number']}"
        case "RAVDESS":
            return "ravdess", stem
        case "MAFW":
            return "mafw", stem
        case "AFEW-VA":
            return "afewva", stem
        case "MER24":
            return "mer2024", stem
    return None


DFEC = Dataset(
    "dfec",
    "DFEC (FacialDynamic, FDA)",
    holds="800 clips of 7 datasets, described in English",
    licence="annotations only; each video under its source's terms",
    licence_tag="as-sources",
    apply_at="github.com/Jiaxing-star/FacialDynamic for captions, the seven sources for videos",
    needs=(("test.json", "*/test.json"), ("CAER_mp4", "RAVDESS", "DFEW", "MER24", "MAFW", "AFEW-VA", "FERV39k")),
    verified=True,
    note="seen as the makers publish it",
    read=read,
)
