"""What of a dataset is on disk: which parts are there, which are missing, and where the dataset is applied for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facevlm.datasets.media_files import folders_in, matches
from facevlm.datasets.record import Dataset


@dataclass(frozen=True)
class Presence:
    """One dataset on disk.

    Attributes:
        dataset: Which.
        state: "present" if all parts are there, "partial", or "missing" if none is.
        root: The folder that was looked into; None where no folder bears the dataset's name.
        found: What was found of each part, relative to `root`.
        missing: The parts that are missing, each by the first of its patterns.
    """

    dataset: Dataset
    state: Literal["present", "partial", "missing"]
    root: Path | None
    found: tuple[str, ...]
    missing: tuple[str, ...]


def presence(dataset: Dataset, root: Path) -> Presence:
    """Look for a dataset in a folder that holds datasets, each in a folder of its name (`dfew`, `DFEW` …)."""
    folder = folder_of(dataset, root)
    if folder is None:
        return Presence(dataset, "missing", None, (), tuple(part[0] for part in dataset.needs))
    found, missing = [], []
    for part in dataset.needs:
        match = next((m for pattern in part for m in matches(folder, pattern)), None)
        if match is None:
            missing.append(part[0])
        else:
            found.append(match.relative_to(folder).as_posix())
    state: Literal["present", "partial", "missing"] = "partial" if found else "missing"
    return Presence(dataset, state if missing else "present", folder, tuple(found), tuple(missing))


def folder_of(dataset: Dataset, root: Path) -> Path | None:
    """The folder of a dataset below `root`: named as its key or its title, in any case; None if there is none."""
    names = {_plain(dataset.name), _plain(dataset.title.partition(" (")[0])}
    return next((folder for folder in folders_in(root) if _plain(folder.name) in names), None)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower().replace("++", "pp") if letter.isalnum())
