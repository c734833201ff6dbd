"""Read captions to score: JSON or JSON lines of `{"id", "caption"}`; pair predictions with references by id."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facevlm.errors import InputError


@dataclass(frozen=True)
class Failure:
    """A caption that cannot be scored: its id and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Pairs:
    """Predictions and references of the same ids, in the order of the references.

    Attributes:
        ids: N ids.
        predictions: N captions; an empty one counts as said.
        references: N captions.
        failures: Ids that lack a caption on either side.
        reference_set: id -> reference, of all clips that have one, scored or not.
    """

    ids: tuple[str, ...]
    predictions: tuple[str, ...]
    references: tuple[str, ...]
    failures: tuple[Failure, ...]
    reference_set: Mapping[str, str]


def read_captions(path: str | Path, *, field: str = "caption") -> dict[str, str | None]:
    """Read a file of captions.

    Args:
        path: A JSON list of objects with "id" and "caption", or one such object a line. Numbers serve as ids too.
        field: Which field of the objects to read.

    Returns:
        id -> caption, in the order of the file, "?" for lone surrogates; None where it is null or missing.

    Raises:
        InputError: The file cannot be read, is no such file, or has an id twice.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("is no UTF-8 text", where=path, mend="save it as UTF-8") from error
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InputError(f"cannot be read: {reason}", where=path) from error
    captions: dict[str, str | None] = {}
    for place, row in _rows(text, path):
        name = row.get("id") if isinstance(row, dict) else None
        if isinstance(name, bool) or not isinstance(name, str | int):
            raise InputError('no "id"', where=f"{path}, {place}", mend='give each row an "id" and a "caption"')
        caption = row.get(field)
        if not isinstance(caption, str | None):
            raise InputError(f'the "{field}" of id {name} is no text', where=f"{path}, {place}")
        name = without_surrogates(str(name))
        if name in captions:
            raise InputError(f"id {name} is there twice", where=f"{path}, {place}", mend="keep one caption per id")
        captions[name] = None if caption is None else without_surrogates(caption)
    if not captions:
        raise InputError("holds no captions", where=path)
    return captions


def without_surrogates(text: str) -> str:
    """The text with "?" for lone surrogates, which JSON can hold, but no file and no tokenizer."""
    return text.encode("utf-8", "replace").decode()


def pair_captions(
    predictions: dict[str, str | None],
    references: dict[str, str | None],
    *,
    reasons: Mapping[str, str] | None = None,
) -> Pairs:
    """Pair by id; what is missing on either side is a failure, of which `reasons` may say why."""
    failures = []
    for name in [*references, *(name for name in predictions if name not in references)]:
        if references.get(name) is None:
            failures.append(Failure(name, "no reference"))
        elif predictions.get(name) is None:
            failures.append(Failure(name, (reasons or {}).get(name, "no prediction")))
    failed = {failure.id for failure in failures}
    ids = tuple(name for name in references if name not in failed)
    told = {name: caption for name, caption in references.items() if caption is not None}
    return Pairs(ids, tuple(predictions[i] or "" for i in ids), tuple(told[i] for i in ids), tuple(failures), told)


def pairs_at(pairs: Pairs, places: Sequence[int], *, failures: Sequence[Failure]) -> Pairs:
    """Some of the pairs, by their places, of the same reference set; with failures in the place of theirs."""
    ids, said, told = (tuple(column[k] for k in places) for column in (pairs.ids, pairs.predictions, pairs.references))
    return Pairs(ids, said, told, tuple(failures), pairs.reference_set)


def _rows(text: str, path: str | Path) -> Iterable[tuple[str, Any]]:
    if text.lstrip().startswith("["):
        try:
            rows = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"is no JSON: {error}", where=path) from error
        return ((f"row {number}", row) for number, row in enumerate(rows, start=1))
    try:
        return [("line 1", json.loads(text))]  # one object, over as many lines as it likes
    except (ValueError, RecursionError):
        return _lines(text, path)


def _lines(text: str, path: str | Path) -> Iterable[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except (ValueError, RecursionError) as error:
                mend = 'write a JSON list, or one {"id", "caption"} object a line'
                raise InputError("is no JSON", where=f"{path}, line {number}", mend=mend) from error
