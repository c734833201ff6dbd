"""HMDB51 (Kuehne et al. 2011): short clips of human actions in three folds, of which some classes are facial."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from facevlm.datasets.annotation_files import text_lines, whole_number
from facevlm.datasets.media_files import find_part, matches, placed, videos_in, without_labels
from facevlm.datasets.record import Clip, Dataset
from facevlm.errors import DatasetError

FACE_CLASSES = ("chew", "drink", "eat", "kiss", "laugh", "smile", "smoke", "talk")
FOLDS = (1, 2, 3)
_TAGS = {0: "unused", 1: "train", 2: "test"}
_BODY = {"h": "head", "u": "upper body", "f": "full body", "l": "lower body"}
_VIEW = {"fr": "front", "ba": "back", "le": "left", "ri": "right"}


def read(root: Path, *, classes: Sequence[str] = FACE_CLASSES) -> Iterator[Clip]:
    """The clips of some classes, once for each of the three overlapping folds.

    Args:
        root: Holds a folder of each class (or `hmdb51_org/` does), and the folder of split files.
        classes: Names of classes; the default are those with a face at work.

    Raises:
        DatasetError: The split file of a class and fold is missing, or not as described.
    """
    videos = "hmdb51_org/" if (root / "hmdb51_org").is_dir() else ""
    splits = find_part(root, HMDB51.needs[0], HMDB51).parent
    for name in classes:
        seen = set()
        for fold in FOLDS:
            path = find_part(splits, (f"{name}_test_split{fold}.txt",), HMDB51)
            for place, line in text_lines(path):
                clip, _, tag = line.strip().rpartition(" ")
                stem, split = (
                    clip.strip().removesuffix(".avi"),
                    _TAGS.get(whole_number(tag, where=place, what="the tag")),
                )
                if split is None or not stem:
                    raise DatasetError(f"no clip with tag 0, 1 or 2: {line!r}", where=place)
                seen.add(stem)
                where = placed(root, [f"{videos}{name}/{stem}.avi", f"{videos}{name}/{stem}.mp4"])
                group, labels = _parse(stem, name)
                yield Clip("hmdb51", stem, group=group, split=split, fold=fold, labels=labels, **where)
        found = ((video.stem, video) for video in videos_in(root / f"{videos}{name}"))
        yield from without_labels("hmdb51", found, root=root, seen=seen)


def class_names(root: Path) -> tuple[str, ...]:
    """The classes that have split files, for `read(classes=...)`."""
    splits = find_part(root, HMDB51.needs[0], HMDB51).parent
    return tuple(sorted(path.name.removesuffix("_test_split1.txt") for path in matches(splits, "*_test_split1.txt")))


def _parse(stem: str, name: str) -> tuple[tuple[str, ...], dict[str, str]]:
    movie, found, rest = stem.rpartition(f"_{name}_")
    labels = {"label_name": name}
    if match := re.match(r"([hufl])_(?:cm|nm)_np\d+_(fr|ba|le|ri)_", rest):
        labels |= {"visible": _BODY[match[1]], "view": _VIEW[match[2]]}
    return ((f"hmdb51:{movie}",) if found else ()), labels


HMDB51 = Dataset(
    "hmdb51",
    "HMDB51",
    holds="6,766 clips of 51 actions, 8 of them facial",
    licence="CC BY 4.0",
    licence_tag="cc-by-4.0",
    apply_at="serre-lab.clps.brown.edu, HMDB: a large human motion database, no form",
    needs=(
        ("testTrainMulti_7030_splits/*_test_split1.txt", "*/*_test_split1.txt", "*_test_split1.txt"),
        ("hmdb51_org/*/*.avi", "*/*.avi"),
    ),
    verified=False,
    note="folder of the splits, tag 0 and the parts of clip names are from memory",
    read=read,
    labels=FACE_CLASSES,
    folds=FOLDS,
)
