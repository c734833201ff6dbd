"""Read annotation files as datasets ship them, line by line: text, CSV, JSON; each fault is told with file and line."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from facevlm.errors import DatasetError

CSV_FIELD_LIMIT = 16 * 2**20  # characters; captions are long, but no field is longer than this


def text_lines(path: Path, *, encodings: Sequence[str] = ("utf-8-sig",)) -> Iterator[tuple[str, str]]:
    """The lines that are not empty, without their ends, each with its place ("file, line 3").

    Args:
        path: A text file.
        encodings: Tried one after the other on the whole file, streaming.

    Raises:
        DatasetError: The file cannot be read, or is of no such encoding.
    """
    encoding = _encoding_of(path, encodings)
    with _opened(path, encoding) as stream:
        for number, line in enumerate(stream, start=1):
            if line := line.strip("\r\n"):
                yield f"{path}, line {number}", line


def csv_rows(path: Path, *, needs: Sequence[Sequence[str]] = ()) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a CSV file with a header, values stripped, each with its place.

    Args:
        path: A comma-separated file in UTF-8, with or without byte order mark.
        needs: Columns that must be there; for each, its spellings. Rows hold it under the first.

    Raises:
        DatasetError: The file cannot be read, lacks a column, or a row has another number of fields.
    """
    encoding = _encoding_of(path, ("utf-8-sig",))
    csv.field_size_limit(CSV_FIELD_LIMIT)
    with _opened(path, encoding) as stream:
        rows = csv.reader(stream)
        try:
            header = [name.strip() for name in next(rows, [])]
            for spellings in needs:
                found = next((name for name in spellings if name in header), None)
                if found is None:
                    has = ", ".join(header) or "nothing"
                    raise DatasetError(f"no column {' or '.join(spellings)}", where=path, mend=f"it has {has}")
                header[header.index(found)] = spellings[0]
            for row in rows:
                place = f"{path}, line {rows.line_num}"
                if not row:
                    continue
                if len(row) != len(header):
                    raise DatasetError(f"{len(row)} fields, but the header has {len(header)}", where=place)
                yield place, {name: value.strip() for name, value in zip(header, row, strict=True)}
        except csv.Error as error:
            raise DatasetError(f"is no CSV: {error}", where=f"{path}, line {rows.line_num}") from error


def json_file(path: Path, *, kind: type, says: str) -> Any:
    """A JSON file whose outermost value is a `kind` (dict or list).

    Raises:
        DatasetError: The file cannot be read, is no JSON, or is something else than `says`.
    """
    encoding = _encoding_of(path, ("utf-8-sig",))
    with _opened(path, encoding) as stream:
        try:
            value = json.load(stream)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"is no JSON: {error}", where=path) from error
    if not isinstance(value, kind):
        raise DatasetError(f"is no {says}", where=path)
    return value


def whole_number(text: Any, *, where: object, what: str) -> int:
    """An integer, written as text or as a number.

    Raises:
        DatasetError: It is none.
    """
    if isinstance(text, int | str) and not isinstance(text, bool):
        try:
            return int(text)
        except ValueError:
            pass
    raise DatasetError(f"{what} is no whole number: {text!r}", where=where)


def number(text: Any, *, where: object, what: str) -> float:
    """A finite number, written as text or as a number.

    Raises:
        DatasetError: It is none.
    """
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = float("nan")
    if not abs(value) < float("inf"):
        raise DatasetError(f"{what} is no number: {text!r}", where=where)
    return value


def _opened(path: Path, encoding: str) -> Any:
    try:
        return path.open(encoding=encoding, newline="")
    except OSError as error:
        raise DatasetError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=path) from error


def _encoding_of(path: Path, encodings: Sequence[str]) -> str:
    for encoding in encodings:
        try:
            with _opened(path, encoding) as stream:
                while stream.read(2**20):
                    pass
            return encoding
        except UnicodeDecodeError:
            continue
    raise DatasetError(f"is no text in {' or '.join(encodings)}", where=path)
