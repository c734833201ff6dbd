"""Standard output and error, safe to use whatever the caller left of them: closed, full, of a poor encoding."""

import io
import os
import sys
from collections.abc import Iterable

from facevlm.errors import OutputError


def mend_streams() -> None:
    """Fill the place of closed streams and make printing sure to succeed.

    The numbers of closed streams are taken, else a file opened later would get what is meant for a stream. Writing to
    a closed standard output stays an error. What the encoding lacks is printed as a question mark.
    """
    while (number := os.open(os.devnull, os.O_RDONLY)) <= 2:
        pass
    os.close(number)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def write_document(text: str | Iterable[str]) -> None:
    """Write to standard output, at once.

    Args:
        text: The document, or its pieces as they come.

    Raises:
        OutputError: It is closed, or its disk is full.
        BrokenPipeError: The reader has gone.
    """
    try:
        sys.stdout.writelines([text] if isinstance(text, str) else text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        leave_unsaid()
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"cannot be written: {reason}", where="standard output", mend="add -o FILE") from error


def leave_unsaid() -> None:
    """Drop what could not be written, so that Python does not try again at its end and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
