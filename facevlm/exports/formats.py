"""The formats of a description by name: their suffixes, and the text of each."""

from pathlib import Path
from typing import TYPE_CHECKING

from facevlm.exports.atomic_file import write_text

if TYPE_CHECKING:  # the command line reads FORMATS at its start, without numpy
    from facevlm.description import Description

FORMATS = {"text": ".txt", "json": ".json", "vtt": ".vtt", "srt": ".srt", "eaf": ".eaf", "csv": ".csv"}


def to_format(description: "Description", format: str, *, one_line: bool = False) -> str:
    """Return the description as the text of a format; only what this format needs is imported.

    Args:
        description: What `describe` returned.
        format: A key of `FORMATS`.
        one_line: Write JSON in one line.
    """
    match format:
        case "text":
            from facevlm.exports.plain_text import to_text

            return to_text(description)
        case "json":
            from facevlm.exports.json_document import to_json

            return to_json(description, indent=None if one_line else 2)
        case "vtt":
            from facevlm.exports.webvtt import to_webvtt

            return to_webvtt(description)
        case "srt":
            from facevlm.exports.webvtt import to_srt

            return to_srt(description)
        case "eaf":
            from facevlm.exports.eaf import to_eaf

            return to_eaf(description)
        case "csv":
            from facevlm.exports.csv_tables import to_csv

            return to_csv(description)
    raise ValueError(f"no format {format!r}; choose among {', '.join(FORMATS)}")


def write_format(description: "Description", path: str | Path, *, format: str) -> None:
    """Write the description in a format.

    Raises:
        OutputError: The file cannot be written.
    """
    if format == "eaf":  # links the video relative to its own place
        from facevlm.exports.eaf import write_eaf

        write_eaf(description, path)
    else:
        write_text(to_format(description, format), path)
