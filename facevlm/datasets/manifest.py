"""Manifests: one JSON object a line for each clip, written by `facevlm data rows`, read by `facevlm data overlap`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from facevlm.datasets.annotation_files import text_lines
from facevlm.datasets.record import Clip
from facevlm.errors import DatasetError


@dataclass(frozen=True)
class ManifestRow:
    """Where the clip of a row comes from; the fields are those of `Clip`."""

    source_dataset: str
    source_clip_id: str
    identity: str | None
    group: tuple[str, ...]
    parent: tuple[str, str] | None


def as_row(clip: Clip) -> dict[str, Any]:
    """A clip as a JSON object, every field of `Clip` in it."""
    row = {field.name: getattr(clip, field.name) for field in fields(clip)}
    return row | {"labels": dict(clip.labels)}


def json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Rows as lines of JSON, each with its line end."""
    for row in rows:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
        # A file name that is no UTF-8 comes back only from escapes.
        yield (text if _is_unicode(text) else json.dumps(row, allow_nan=False)) + "\n"


def read_manifest(path: Path) -> tuple[list[ManifestRow], int]:
    """Read a manifest.

    Args:
        path: One JSON object a line, with "source_dataset" and "source_clip_id"; "identity", "group" and "parent" where
            known. A row of pairs, with "a" and "b" of such objects, is two clips.

    Returns:
        The rows, and the number of those that do not tell their dataset and clip.

    Raises:
        DatasetError: It cannot be read, or a line is no JSON object, or a field is not as described.
    """
    rows, without = [], 0
    for place, line in text_lines(path):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"is no JSON: {error}", where=place, mend="write one JSON object a line") from error
        if not isinstance(value, dict):
            raise DatasetError("is no JSON object", where=place)
        sides = (
            [value["a"], value["b"]]
            if isinstance(value.get("a"), dict) and isinstance(value.get("b"), dict)
            else [value]
        )
        for side in sides:
            row = _row(side, place)
            rows += [row] if row else []
            without += row is None
    return rows, without


def _row(value: dict[str, Any], place: str) -> ManifestRow | None:
    dataset, clip_id, identity = (value.get(key) for key in ("source_dataset", "source_clip_id", "identity"))
    if dataset is None or clip_id is None:
        return None
    if not isinstance(dataset, str) or not isinstance(clip_id, str) or not isinstance(identity, str | None):
        mend = "clip ids are text, with their zeros"
        raise DatasetError("source_dataset, source_clip_id or identity is no text", where=place, mend=mend)
    group, parent = value.get("group") or [], value.get("parent")
    if not isinstance(group, list) or not all(isinstance(one, str) for one in group):
        raise DatasetError("group is no list of texts", where=place)
    if parent is not None:
        if not isinstance(parent, list) or len(parent) != 2 or not all(isinstance(one, str) for one in parent):
            raise DatasetError("parent is no [dataset, clip id]", where=place)
        parent = (parent[0], parent[1])
    return ManifestRow(dataset, clip_id, identity, tuple(group), parent)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
