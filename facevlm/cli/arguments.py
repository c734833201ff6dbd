"""What the words of the command line mean: whom, found how, and from when to when."""

import math

from facevlm.errors import UsageError


def check_who(text: str) -> str:
    """Return the text when it is "main", "all", a track id, or a point "x,y" in pixels of the first frame.

    Raises:
        UsageError: It is none of them.
    """
    if text in ("main", "all") or (text.isdecimal() and len(text) < 10 and int(text) >= 1):
        return text
    parts = [_number(part) for part in text.split(",")]
    if len(parts) == 2 and all(part >= 0 for part in parts):  # false for NaN
        return text
    raise UsageError(
        "is no person", where=f"--who {text[:40]}", mend="give main, all, an id such as 2, or a point such as 320,180"
    )


def check_detector(text: str) -> str:
    """Return the text when it names a detector; one that is a file is opened once, so that it is refused early.

    Raises:
        UsageError: There is no such detector, or no such file.
        MissingExtraError: onnxruntime is needed and not installed.
        WeightsError: The file is no such detector.
    """
    from facevlm.faces.detect import DETECTORS, find_detector

    make = find_detector(text)
    if text not in DETECTORS:
        make()
    return text


def check_embedder(text: str) -> str:
    """Return the text when it names an embedder, which is opened once; raises as `check_detector`."""
    from facevlm.faces.embed import find_embedder

    find_embedder(text)()
    return text


def parse_span(start: str | None, end: str | None) -> tuple[float | None, float | None]:
    """Start and end in seconds, None where not given.

    Raises:
        UsageError: A text is no time, or the end is not after the start.
    """
    span = _seconds(start, "--start"), _seconds(end, "--end")
    if span[1] is not None and span[1] <= (span[0] or 0.0):
        raise UsageError("ends before it starts", where=f"--end {end}", mend="give an --end after --start")
    return span


def _seconds(text: str | None, option: str) -> float | None:
    """Seconds of "75.5", "1:15.5" or "0:01:15.5"."""
    if text is None:
        return None
    parts = [_number(part) for part in text.split(":")]
    if len(parts) > 3 or not all(part >= 0 for part in parts) or any(part >= 60 for part in parts[1:]):
        raise UsageError("is no time", where=f"{option} {text}", mend="give seconds such as 12.5, or mm:ss")
    return sum(part * 60.0**power for power, part in enumerate(reversed(parts)))


def _number(text: str) -> float:
    """A finite number, else NaN."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
