"""Tidy tables for R and pandas: one row per event, and one row per person and frame for the signals.

UTF-8, RFC 4180 (comma, double quotes where needed, CRLF); an unknown value is an empty field. Logical values are TRUE
and FALSE, which both R and pandas recognise. Each row names its video, so tables of several videos can be joined.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from facevlm.description import Description
from facevlm.exports.atomic_file import replacing
from facevlm.expression.event import ACTIONS

EVENT_COLUMNS = (
    "video",
    "person",
    "main",
    "id",
    "region",
    "action",
    "t0",
    "peak",
    "t1",
    "duration",
    "strength",
    "score",
    "image_side",
    "action_units",
)
SIGNAL_KEYS = ("video", "person", "main", "time", "shot")  # the columns before the signals themselves


def event_rows(description: Description) -> Iterator[tuple[object, ...]]:
    """Give the rows of the events table, main people first, each person's events in order of start.

    Times are in seconds; `action_units` are joined by "+" ("AU1+AU2").
    """
    for person in description.people:
        for event in person.events:
            yield (
                description.video.path,
                person.track_id,
                person.main,
                event.id,
                ACTIONS[event.action].region,
                event.action,
                _rounded(event.t0, 4),
                _rounded(event.peak, 4),
                _rounded(event.t1, 4),
                _rounded(event.t1 - event.t0, 4),
                event.strength,
                _rounded(event.score, 4),
                event.image_side,
                "+".join(event.action_units),
            )


def signal_columns(description: Description) -> tuple[str, ...]:
    """Return the names of the signals of all people, in the order of their first appearance."""
    return tuple(dict.fromkeys(name for person in description.people for name in person.signals.values))


def signal_rows(description: Description) -> Iterator[tuple[object, ...]]:
    """Give the rows of the signals table: the columns `SIGNAL_KEYS`, then `signal_columns`."""
    names = signal_columns(description)
    for person in description.people:
        table = person.signals
        columns = [table.values.get(name) for name in names]
        for row, (time, shot) in enumerate(zip(table.times, table.shots, strict=True)):
            values = [None if column is None else _rounded(column[row], 6) for column in columns]
            yield (description.video.path, person.track_id, person.main, _rounded(time, 4), int(shot), *values)


def to_csv(description: Description) -> str:
    """Return the events table as text."""
    buffer = io.StringIO(newline="")
    _write(EVENT_COLUMNS, event_rows(description), buffer)
    return buffer.getvalue()


def write_csv(description: Description, path: str | Path) -> None:
    """Write the events table.

    Raises:
        OutputError: The file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        _write(EVENT_COLUMNS, event_rows(description), file)


def write_signals_csv(description: Description, path: str | Path) -> None:
    """Write the signals table, row by row.

    Raises:
        OutputError: The file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        _write((*SIGNAL_KEYS, *signal_columns(description)), signal_rows(description), file)


def _write(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]], file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_text(value) for value in row] for row in rows)


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return "" if value is None else value


def _rounded(value: float, digits: int) -> float | None:
    return round(float(value), digits) if math.isfinite(value) else None
