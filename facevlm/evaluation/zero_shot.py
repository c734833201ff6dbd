"""Whether a result may be called zero-shot: the verdict of `datasets.overlap`, as it stands in a run card."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from facevlm.datasets.dfec import parent_of
from facevlm.datasets.manifest import ManifestRow, read_manifest
from facevlm.datasets.overlap import Origin, overlap

LISTS = ("shared_clips", "shared_identities", "shared_groups")  # told by their number alone


def zero_shot_card(tested: Sequence[Origin], trained_on: str | None, *, untold: int = 0) -> dict[str, Any] | None:
    """What a benchmark shares with training data; None where no manifest of it is given.

    Args:
        tested: The clips of the benchmark.
        trained_on: Manifest of what the model was trained on.
        untold: Number of the benchmark's clips whose origin is not told.

    Raises:
        DatasetError: The manifest cannot be read.
    """
    if trained_on is None:
        return None
    trained, without = read_manifest(Path(trained_on))
    found = asdict(overlap(tested, trained, without_origin=untold + without))
    counts = {name: len(found[name]) for name in LISTS}
    digest = hashlib.sha256(Path(trained_on).read_bytes()).hexdigest()
    return found | counts | {"shared_datasets": list(found["shared_datasets"]), "manifest": digest}


def caption_origins(videos: Mapping[str, str | None]) -> tuple[list[ManifestRow], int]:
    """Where the clips of a file of captions come from, by the paths that DFEC has; and of how many it is not told.

    Args:
        videos: id -> path of the video, None where there is none.
    """
    parents = {name: parent_of(video.replace("\\", "/")) if video else None for name, video in videos.items()}
    rows = [ManifestRow("dfec", name, None, (), parent) for name, parent in parents.items() if parent]
    return rows, len(parents) - len(rows)
