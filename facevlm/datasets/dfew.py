"""DFEW (Jiang et al. 2020): seven feelings in clips from films, five folds."""

from collections.abc import Iterator
from pathlib import Path

from facevlm.datasets.annotation_files import csv_rows, whole_number
from facevlm.datasets.media_files import find_part, folders_in, matches, placed, without_labels
from facevlm.datasets.record import Clip, Dataset
from facevlm.datasets.vocabulary import feeling
from facevlm.errors import DatasetError

CLASSES = ("Happy", "Sad", "Neutral", "Angry", "Surprise", "Disgust", "Fear")  # labels 1 .. 7
FOLDS = (1, 2, 3, 4, 5)
FRAMES = ("Clip/clip_224x224", "Clip/clip_224x224_16f", "Clip/jpg_256")
_SPLITS = ("train", "test")


def read(root: Path) -> Iterator[Clip]:
    """The single-labelled clips, once for each fold; there is no official validation set.

    Raises:
        DatasetError: The list of a fold is missing, or not as described, or mixes labels 1-7 with labels 0-6.
    """
    uncut = {video.stem: video.relative_to(root).as_posix() for video in matches(root, "Clip/original/part_*/*.mp4")}
    seen = set()
    for fold in FOLDS:
        for split in _SPLITS:
            path = find_part(root, _lists(split, fold), DFEW)
            first = _first_label(path)
            for place, row in _rows(path):
                video = whole_number(row["video_name"], where=place, what="video_name")
                label = whole_number(row["label"], where=place, what="the label") - first
                clip_id = f"{video:05d}"
                seen.add(clip_id)
                candidates = [f"{folder}/{clip_id}" for folder in FRAMES]
                candidates += [uncut[str(video)]] if str(video) in uncut else []
                candidates += [f"videos/{video}.mp4", f"videos/{clip_id}.mp4"]
                labels = {"label_id": label + 1, **feeling(CLASSES[label], CLASSES, where=place)}
                yield Clip("dfew", clip_id, split=split, fold=fold, labels=labels, **placed(root, candidates))
    found = ((folder.name, folder) for parent in FRAMES[:1] for folder in folders_in(root / parent))
    yield from without_labels("dfew", found, root=root, seen=seen)


def _lists(split: str, fold: int) -> tuple[str, ...]:
    return (
        f"EmoLabel_DataSplit/{split}(single-labeled)/set_{fold}.csv",
        f"{split}(single-labeled)/set_{fold}.csv",
        f"{split}_set_{fold}.csv",
        f"*/{split}_set_{fold}.csv",
    )


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    return csv_rows(path, needs=(("video_name", "path", "id"), ("label",)))


def _first_label(path: Path) -> int:
    """1 in the official lists, 0 in derived ones (`train_set_1.csv`)."""
    labels = {whole_number(row["label"], where=place, what="the label") for place, row in _rows(path)}
    if labels - set(range(8)) or {0, 7} <= labels:
        told = ", ".join(map(str, sorted(labels)))
        raise DatasetError(f"labels {told}", where=path, mend="they are 1 to 7, or 0 to 6 in derived lists; not mixed")
    return 0 if 0 in labels or (7 not in labels and not path.name.startswith("set_")) else 1


DFEW = Dataset(
    "dfew",
    "DFEW",
    holds="11,697 single-labelled clips, 7 feelings, 5 folds",
    licence="academic only, signed agreement",
    licence_tag="academic",
    apply_at="dfew-dataset.github.io, agreement mailed from an institution",
    needs=(*(_lists(split, fold) for fold in FOLDS for split in _SPLITS), (*FRAMES, "Clip/original", "videos")),
    verified=False,
    note="lists, clip_224x224 and jpg_256 seen in public code; clip_224x224_16f and original/part_* are from memory; "
    "votes of annotation.xlsx are not read",
    read=read,
    labels=CLASSES,
    folds=FOLDS,
)
