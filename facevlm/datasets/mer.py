"""MER2023 and MER2024 (Lian et al.): feelings and valence in Chinese film and television clips with speech."""

from collections.abc import Iterator
from pathlib import Path

from facevlm.datasets.annotation_files import csv_rows, number
from facevlm.datasets.media_files import find_part, placed, relative, videos_in, without_labels
from facevlm.datasets.record import Clip, Dataset
from facevlm.datasets.vocabulary import feeling

CLASSES = ("neutral", "angry", "happy", "sad", "worried", "surprise")
TEST_SETS = ("test1", "test2", "test3")


def read_2023(root: Path) -> Iterator[Clip]:
    """The labelled clips of MER2023 (train), then its test clips, which carry no labels.

    Raises:
        DatasetError: `train-label.csv` is missing, or not as described.
    """
    yield from _labelled(root, MER2023, "train")
    for split in TEST_SETS:
        for video in videos_in(root / split):
            yield Clip("mer2023", video.stem, path=relative(video, root), split=split, label_origin="placeholder")


def read_2024(root: Path) -> Iterator[Clip]:
    """The labelled clips of MER2024; those without labels are another folder, and not read.

    Raises:
        DatasetError: `label-disdim.csv` is missing, or not as described.
    """
    yield from _labelled(root, MER2024, "video-labeled")


def _labelled(root: Path, dataset: Dataset, folder: str) -> Iterator[Clip]:
    path = find_part(root, dataset.needs[0], dataset)
    seen = set()
    for place, row in csv_rows(path, needs=(("name",), ("discrete",))):
        name = row["name"]
        seen.add(name)
        labels = {"label_id": None, **feeling(row["discrete"], CLASSES, where=place)}
        labels["label_id"] = CLASSES.index(labels["label_name"])
        if row.get("valence"):
            labels["valence"] = number(row["valence"], where=place, what="valence")
        where = placed(root, [f"{folder}/{name}.mp4", f"{folder}/{name}.avi"])
        yield Clip(dataset.name, name, split="train", labels=labels, **where)
    found = ((video.stem, video) for video in videos_in(root / folder))
    yield from without_labels(dataset.name, found, root=root, seen=seen)


MER2023 = Dataset(
    "mer2023",
    "MER2023",
    holds="3,373 labelled clips, 6 feelings and valence, three test sets",
    licence="academic only, agreement, no upload",
    licence_tag="academic",
    apply_at="Hugging Face, MERChallenge/MER2023, agreement at its gate",
    needs=(("train-label.csv", "*/train-label.csv"), ("train",)),
    verified=True,
    note="columns seen in the makers' code; numbers of clips are from memory; labels of test clips are "
    "placeholders and not read",
    read=read_2023,
    labels=CLASSES,
)
MER2024 = Dataset(
    "mer2024",
    "MER2024",
    holds="5,030 labelled clips, 6 feelings and valence",
    licence="academic only, agreement, no upload",
    licence_tag="academic",
    apply_at="github.com/zeroQiaoba/MERTools, MER2024, agreement by mail",
    needs=(("label-disdim.csv", "*/label-disdim.csv"), ("video-labeled",)),
    verified=True,
    note="name and discrete seen in the makers' code; further columns are from memory",
    read=read_2024,
    labels=CLASSES,
)
