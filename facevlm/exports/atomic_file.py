"""Write a file whole or not at all."""

import errno
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facevlm.errors import OutputError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it onto `path` when the block ends well, else remove it.

    The temporary name keeps the suffix, because video writers choose their container by it. Something that is no
    regular file (`/dev/stdout`, a named pipe) is given as it is.

    Args:
        path: The file to write. An existing one is replaced and keeps its permissions.

    Yields:
        The path to write to.

    Raises:
        OutputError: The folder is missing, the path is a folder, or the system refuses to write.
    """
    with _refusals_as_output_errors(path):
        target = Path(path)
        if target.is_dir():
            raise OutputError("is a folder, not a file", where=path, mend="name a file in it")
        if target.exists() and not target.is_file():
            yield target
            return
        if target.is_symlink():
            target = target.resolve()
        if not target.parent.is_dir():
            raise OutputError("the folder does not exist", where=path, mend=f"create {target.parent} first")
        # A long name must leave room for the random part: names have 255 bytes at most, characters up to 4.
        temporary = target.with_name(f".{target.stem[:40]}.{secrets.token_hex(6)}{target.suffix}")
        try:
            yield temporary
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o777)
            temporary.replace(target)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_text(text: str, path: str | Path) -> None:
    """Write text as UTF-8, line ends as they are, whole or not at all.

    What UTF-8 cannot hold (a byte of a file name that was no UTF-8 itself) becomes a question mark.

    Raises:
        OutputError: The file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)


@contextmanager
def _refusals_as_output_errors(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"cannot be written: {reason}", where=path, mend=MENDS.get(error.errno or 0)) from error


MENDS = {
    errno.EACCES: "choose a folder you may write to",
    errno.EPERM: "choose a folder you may write to",
    errno.EROFS: "choose a folder on a disk that is not read-only",
    errno.ENOSPC: "free some space or choose another disk",
    errno.EFBIG: "free some space or choose another disk",
    errno.EDQUOT: "free some space or choose another disk",
    errno.ENAMETOOLONG: "choose a shorter name",
}
