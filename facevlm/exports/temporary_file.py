"""A file for a while in the temporary folder, which is named when its disk is full, not where the result goes."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from facevlm.errors import OutputError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def temporary_file() -> Iterator[IO[bytes]]:
    """A file without a name, for reading and writing, which is gone after the block.

    Raises:
        OutputError: No temporary folder can be written to.
    """
    with refusals_of_the_temporary_folder():
        file = tempfile.TemporaryFile(prefix="facevlm-")  # noqa: SIM115
    try:
        yield file
    finally:
        with suppress(OSError):  # of what could not be written, which was told
            file.close()


@contextmanager
def refusals_of_the_temporary_folder() -> Iterator[None]:
    """Around writing to such a file; flush it within, else the refusal comes later and elsewhere.

    Raises:
        OutputError: The system refuses to write.
    """
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        mend = f"{'free some space' if error.errno in FULL else 'make it writable'}, or set TMPDIR to another folder"
        raise OutputError(f"temporary file cannot be written: {reason}", where=_folder(), mend=mend) from error


def _folder() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:  # none can be written to
        return "TMPDIR"
