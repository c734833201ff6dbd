"""What readers give: one clip as its dataset tells of it, and what is known of a dataset as a whole."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Literal

from facevlm.errors import UsageError

SPLITS = ("train", "validation", "test", "test1", "test2", "test3", "unused")


@dataclass(frozen=True)
class Clip:
    """One clip in one fold of one protocol, as the dataset tells of it; a clip in five folds is five of these.

    Attributes:
        source_dataset: Name of the dataset, a key of `readers.DATASETS`.
        source_clip_id: The dataset's own key, with its zero padding.
        path: Video or folder of frames, relative to the dataset's root, with slashes; None where there is none.
        media: What `path` is.
        identity: Key of the person within the dataset; None where the dataset does not tell.
        group: Keys of what the clip was cut from (video, film, actor): clips that share one leak into each other.
        split: One of `SPLITS`; None where the dataset has no official splits.
        fold: From 1; None where the dataset has no folds.
        protocol: Which official lists `split` and `fold` belong to, where there are several.
        labels: Typed fields: `label_name` as the dataset spells it, `label` as `vocabulary` does, `label_id` of the
            dataset, and what else there is (`caption`, `valence`, `attributes` …).
        label_origin: `placeholder` where the organisers filled in a value that means nothing: never score on it.
        start_sec: Where the clip begins in its source video, in seconds; None where not told.
        end_sec: Where it ends there.
        bbox: The face in the source video as (left, top, right, bottom), shares of width and height in 0 .. 1, or None.
        parent: Dataset and clip id that this one was taken from, or None.
        problem: Why the clip cannot be used ("no video …", "no label …"); None where it can.
    """

    source_dataset: str
    source_clip_id: str
    _: KW_ONLY
    path: str | None = None
    media: Literal["video", "frames"] = "video"
    identity: str | None = None
    group: tuple[str, ...] = ()
    split: str | None = None
    fold: int | None = None
    protocol: str | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    label_origin: Literal["human", "pseudo", "placeholder"] = "human"
    start_sec: float | None = None
    end_sec: float | None = None
    bbox: tuple[float, float, float, float] | None = None
    parent: tuple[str, str] | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset before any of its files is read.

    Attributes:
        name: Its key, as in `Clip.source_dataset`.
        title: What people call it.
        holds: What is in it, in a few words.
        licence: Its terms, in a few words; `licence_tag` is the same as one word to filter by.
        apply_at: Where it is got or applied for.
        needs: What must lie in the root: for each part, alternatives as glob patterns of which one must match.
        verified: Whether every path and format that the reader relies on was seen in published files or code;
            none of the readers has met a real download.
        note: What is from memory and waits for a real download, or what the layout was seen in.
        labels: The closed list of label names as the dataset spells them, in its own order; empty where there is none.
        folds: The official folds; empty where there are none.
        read: From the root to its clips, lazily; media are only checked for being there.
    """

    name: str
    title: str
    _: KW_ONLY
    holds: str
    licence: str
    licence_tag: str
    apply_at: str
    needs: tuple[tuple[str, ...], ...]
    verified: bool
    note: str
    read: Callable[[Path], Iterator[Clip]]
    labels: tuple[str, ...] = ()
    folds: tuple[int, ...] = ()


def check_choice(dataset: Dataset, *, fold: int | None, split: str | None) -> None:
    """Make sure that a dataset has an official fold, and that a split is one.

    Raises:
        UsageError: There is no such fold or split.
    """
    if fold is not None and fold not in dataset.folds:
        has = ", ".join(map(str, dataset.folds))
        raise UsageError(
            f"{dataset.title} has no fold {fold}", where="fold", mend=f"choose among {has}" if has else "leave it out"
        )
    if split is not None and split not in SPLITS:
        raise UsageError(f"no split {split!r}", where="split", mend=f"choose among {', '.join(SPLITS)}")


def read_part(dataset: Dataset, root: Path, *, fold: int | None = None, split: str | None = None) -> Iterator[Clip]:
    """The clips of one official fold, of one split, or of one split of one fold.

    Raises:
        UsageError: There is no such fold or split.
        DatasetError: As the reader raises, once its clips are asked for.
    """
    check_choice(dataset, fold=fold, split=split)
    return (
        clip
        for clip in dataset.read(root)
        if (fold is None or clip.fold == fold) and (split is None or clip.split == split)
    )
