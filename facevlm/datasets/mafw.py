"""MAFW (Liu et al. 2022): eleven feelings, single and compound, with captions in two languages, five folds each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facevlm.datasets.annotation_files import text_lines
from facevlm.datasets.media_files import find_part, placed, videos_in, without_labels
from facevlm.datasets.record import Clip, Dataset
from facevlm.datasets.vocabulary import feeling
from facevlm.errors import DatasetError

CLASSES = (
    "anger", "disgust", "fear", "happiness", "neutral", "sadness",
    "surprise", "contempt", "anxiety", "helplessness", "disappointment",
)  # fmt: skip
FOLDS = (1, 2, 3, 4, 5)
PROTOCOLS = ("single", "compound")
_LISTS = ("split", "anno", "data/split", "data/anno")
_MEDIA = (
    "data/clips/{}.mp4",
    "clips/{}.mp4",
    "videos/{}.mp4",
    "data/faces/{}",
    "data/frames/{}",
    "faces/{}",
    "frames/{}",
)


def read(root: Path) -> Iterator[Clip]:
    """The clips of each protocol whose lists are there, once for each fold; captions where their lists are there.

    Raises:
        DatasetError: The list of a fold is missing, or not as described.
    """
    seen = set()
    there = [name for name in PROTOCOLS if any((root / f"{top}/{name}/no_caption").is_dir() for top in _LISTS)]
    for protocol in there or PROTOCOLS:
        captions: dict[str, dict[str, str]] = {}
        for fold in FOLDS:
            for split in ("train", "test"):
                path = find_part(root, _lists(protocol, fold, split), MAFW)
                if not captions:
                    captions = _captions(path)
                for place, line in text_lines(path):
                    name, _, label = line.strip().partition(" ")
                    clip_id = name.removesuffix(".mp4")
                    seen.add(clip_id)
                    labels = _labels(label.strip(), place) | captions.get(clip_id, {})
                    where = placed(root, [form.format(clip_id) for form in _MEDIA])
                    yield Clip("mafw", clip_id, split=split, fold=fold, protocol=protocol, labels=labels, **where)
    found = ((video.stem, video) for folder in ("data/clips", "clips", "videos") for video in videos_in(root / folder))
    yield from without_labels("mafw", found, root=root, seen=seen)


def _labels(label: str, place: str) -> dict[str, Any]:
    """Of `anger` or `anger_disgust`: one feeling as elsewhere, or `multi` of several."""
    parts = [feeling(one, CLASSES, where=place) for one in label.split("_")]
    multi = tuple(part["label_name"] for part in parts)
    if len(parts) == 1:
        return {"label_id": CLASSES.index(multi[0]), **parts[0], "multi": multi}
    return {"label_name": "_".join(multi), "multi": multi}


def _captions(list_path: Path) -> dict[str, dict[str, str]]:
    """Captions by clip id, of the lists that lie beside those without captions; train and test of a fold hold all."""
    captions = {}
    folder = Path(*("with_caption" if part == "no_caption" else part for part in list_path.parent.parts))
    for path in (folder / "train.txt", folder / "test.txt"):
        if not path.is_file():
            continue
        for place, line in text_lines(path, encodings=("utf-8-sig", "gb18030")):
            fields = line.split("\t", 3)
            if len(fields) != 4:
                raise DatasetError(f"{len(fields)} fields, not 4 between tabs", where=place)
            name, _, chinese, english = (field.strip() for field in fields)
            captions[name.removesuffix(".mp4")] = {"caption_zh": chinese, "caption": english}
    return captions


def _lists(protocol: str, fold: int, split: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{protocol}/no_caption/set_{fold}/{split}.txt" for folder in _LISTS)


MAFW = Dataset(
    "mafw",
    "MAFW",
    holds="10,045 clips, 11 feelings single and 32 compound, captions",
    licence="non-commercial, university staff, no redistribution",
    licence_tag="academic",
    apply_at="github.com/MAFW-database/MAFW, signed form by mail",
    needs=(
        *(_lists(protocol, fold, split) for protocol in PROTOCOLS for fold in FOLDS for split in ("train", "test")),
        ("data/clips", "clips", "videos", "data/faces", "data/frames", "faces", "frames"),
    ),
    verified=True,
    note="seen in the makers' README, public code and lists; the makers' xlsx tables and the lists in "
    "caption-label, which have no folds, are not read",
    read=read,
    labels=CLASSES,
    folds=FOLDS,
)
