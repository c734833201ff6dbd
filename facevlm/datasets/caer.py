"""CAER (Lee et al. 2019): seven feelings in clips from television shows, with official splits."""

from collections.abc import Iterator
from pathlib import Path

from facevlm.datasets.media_files import find_part, relative, videos_in
from facevlm.datasets.record import Clip, Dataset
from facevlm.datasets.vocabulary import feeling

CLASSES = ("Anger", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")
SPLITS = ("train", "validation", "test")


def read(root: Path) -> Iterator[Clip]:
    """The clips (`train/Surprise/0932`); the tree itself is the annotation, so nothing tells what is missing.

    Raises:
        DatasetError: A split is missing.
    """
    for part, split in zip(CAER.needs, SPLITS, strict=True):
        folder = find_part(root, part, CAER)
        for number, name in enumerate(CLASSES):
            labels = {"label_id": number, **feeling(name, CLASSES, where=folder)}
            for video in videos_in(folder / name):
                yield Clip(
                    "caer", f"{split}/{name}/{video.stem}", path=relative(video, root), split=split, labels=labels
                )


CAER = Dataset(
    "caer",
    "CAER",
    holds="13,201 clips of television shows, 7 feelings",
    licence="research",
    licence_tag="research",
    apply_at="caer-dataset.github.io, request",
    needs=tuple((split, f"CAER/{split}", f"CAER_mp4/{split}") for split in SPLITS),
    verified=True,
    note="tree seen in public code; numbers of clips, order of labels and terms are from memory; CAER-S is not read",
    read=read,
    labels=CLASSES,
)
