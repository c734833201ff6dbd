"""EMER (Lian et al. 2023): why a person seems to feel so, in words, for clips of MER2023."""

from collections.abc import Iterator
from pathlib import Path

from facevlm.datasets.annotation_files import csv_rows
from facevlm.datasets.media_files import find_part, placed
from facevlm.datasets.record import Clip, Dataset

FOLDERS = ("train", "video", "test1", "test2", "test3")  # of MER2023, laid or linked into the root


def read(root: Path) -> Iterator[Clip]:
    """The 332 clips of version 2, then those of version 1, told apart by `protocol` (`v2`, `v1`).

    Labels: `caption` and `caption_zh`; version 1 has `emotions`, `subtitle` and `caption` or `caption_zh`.

    Raises:
        DatasetError: The table of version 2 is missing, or a table is not as described.
    """
    for place, row in csv_rows(
        find_part(root, EMER.needs[0], EMER), needs=(("name", "names"), ("chinese",), ("english",))
    ):
        yield _clip(root, row["name"], "v2", {"caption": row["english"], "caption_zh": row["chinese"]}, place)
    for file, key in (("gt-eng.csv", "caption"), ("gt-chi.csv", "caption_zh")):
        for folder in ("EMER/dataset-v1", "dataset-v1", "."):
            if (root / folder / file).is_file():
                yield from _version_1(root, root / folder / file, key)
                break


def _version_1(root: Path, path: Path, key: str) -> Iterator[Clip]:
    columns = (("name", "names"), ("emotions",), ("subtitles",), ("reasons",))
    for place, row in csv_rows(path, needs=columns):
        labels = {"emotions": row["emotions"], "subtitle": row["subtitles"], key: row["reasons"]}
        yield _clip(root, row["name"], "v1" if key == "caption" else "v1-chinese", labels, place)


def _clip(root: Path, name: str, version: str, labels: dict[str, str], place: str) -> Clip:
    where = placed(root, [f"{folder}/{name}{suffix}" for folder in FOLDERS for suffix in (".mp4", ".avi")])
    if not name:
        where["problem"] = f"no name ({place})"
    elif where["problem"]:
        where["problem"] = f"no video {name} there: link the folders of MER2023 into this one"
    split = "test" if version == "v2" else None
    return Clip("emer", name, split=split, protocol=version, labels=labels, parent=("mer2023", name), **where)


EMER = Dataset(
    "emer",
    "EMER",
    holds="332 explained clips of MER2023 (version 1: 100)",
    licence="as MER2023: academic only",
    licence_tag="academic",
    apply_at="github.com/zeroQiaoba/AffectGPT for texts, MER2023 for videos",
    needs=(
        (
            "EMER/dataset-v2/final-EMER-reason.csv",
            "dataset-v2/final-EMER-reason.csv",
            "final-EMER-reason.csv",
        ),
        FOLDERS,
    ),
    verified=True,
    note="tables seen as the makers publish them; where users put the videos is our own choice",
    read=read,
)
