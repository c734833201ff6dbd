"""End with clean-up when told to: by `kill`, or because the terminal was closed."""

import signal
from typing import NoReturn


def leave_cleanly_when_told() -> None:
    """Let SIGTERM and SIGHUP end the program as `sys.exit` does, so that no partial file is left.

    What the caller had ignored (`nohup` ignores SIGHUP) stays ignored.
    """
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)  # as shells count
