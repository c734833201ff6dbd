"""End with clean-up when told to: by Ctrl-C, by `kill`, or because the terminal was closed."""

import math
import signal
import time

PATIENCE_S = 5.0  # while the clean-up of the first signal runs, further ones must not break into it


def leave_cleanly_when_told() -> None:
    """Let SIGTERM and SIGHUP end the program as `sys.exit` does, so that no partial file is left; once, like Ctrl-C.

    What the caller had ignored stays ignored: `nohup` ignores SIGHUP, a shell SIGINT of what it runs in the background.
    """
    told = -math.inf

    def leave(number: int, frame: object) -> None:
        nonlocal told
        before, told = told, time.monotonic()
        if told - before < PATIENCE_S:
            return
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)  # as shells count

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)
