"""Every error that facevlm raises on purpose.

    FacevlmError
    ├── InputError          what the user gave cannot be used
    │   ├── UsageError      an argument is wrong (exit code 2)
    │   ├── DatasetError    files of a dataset are missing, or not as its makers describe them
    │   └── VideoError      a file is no video, or holds no picture
    ├── WeightsError        weights are missing, damaged or of another version
    ├── MissingExtraError   an optional package is not installed
    ├── ReplyError          a language model gave no usable reply
    ├── BudgetError         what a language model may cost is spent
    └── OutputError         a result cannot be written

Each message says what is wrong, where, and how to mend it; the command line prints it as one line.
"""


class FacevlmError(Exception):
    """Base of all errors raised on purpose.

    Args:
        what: What is wrong, without a full stop.
        where: The file, argument or place, or None.
        mend: How to mend it, as an imperative sentence without a full stop, or None.
    """

    def __init__(self, what: str, *, where: object = None, mend: str | None = None) -> None:
        self.what, self.where, self.mend = what, where, mend
        message = what if where is None else f"{where}: {what}"
        super().__init__(message if mend is None else f"{message} ({mend})")

    def __reduce__(self) -> tuple[object, ...]:  # keeps `where` and `mend` when a worker process sends the error home
        return _rebuild, (type(self), self.what, None if self.where is None else str(self.where), self.mend)


def _rebuild(kind: type[FacevlmError], what: str, where: str | None, mend: str | None) -> FacevlmError:
    return kind(what, where=where, mend=mend)


class InputError(FacevlmError):
    """What the user gave cannot be used."""


class UsageError(InputError):
    """An argument is wrong; the command line exits with 2."""


class DatasetError(InputError):
    """Files of a dataset are missing, or not as its makers describe them."""


class VideoError(InputError):
    """A file is no video, or holds no picture that can be decoded."""


class WeightsError(FacevlmError):
    """Weights are missing, damaged or of another version than the code expects."""


class MissingExtraError(FacevlmError):
    """An optional package is not installed; the message names the pip line."""


class ReplyError(FacevlmError):
    """A language model, as judge or looking at pictures, gave no usable reply."""


class BudgetError(FacevlmError):
    """What a language model may cost is spent; the run stops, what was answered is kept."""


class OutputError(FacevlmError):
    """A result cannot be written."""
