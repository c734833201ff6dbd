"""Choose a detector or an embedder: by its name, or by a file of the user's own that takes its place."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from facevlm.errors import UsageError

Made = TypeVar("Made")


def chosen(
    choice: str, named: Mapping[str, Callable[[], Made]], of_files: Mapping[str, Callable[[str], Made]], *, what: str
) -> Callable[[], Made]:
    """How to make what was chosen.

    Args:
        choice: A key of `named`, or "KIND:PATH" with a key of `of_files`.
        named: Name -> makes it.
        of_files: Kind of file -> makes it from the path of one.
        what: What it is, for the error.

    Raises:
        UsageError: There is no such choice.
    """
    kind, _, path = choice.partition(":")
    if choice in named:
        return named[choice]
    if kind in of_files and path:
        return partial(of_files[kind], path)
    choices = [*named, *(f"{kind}:PATH" for kind in of_files)]
    raise UsageError(f"no {what} {choice!r}", mend=f"choose among {', '.join(choices)}")
