"""Which frames to look at: decided from presentation times alone, for constant and variable frame rates."""

import math
import re
from collections.abc import Iterable
from fractions import Fraction

from facevlm.errors import UsageError

NATIVE_LIMIT = Fraction(30)  # per second; faster cameras show no facial action that this would miss
MAX_RATE = 1000
_LONG_EXPONENT = re.compile(r"[eE].*\d{3}")  # 1e999999999 as a fraction would take minutes and gigabytes


def parse_rate(rate_given: str | float | Fraction) -> Fraction | None:
    """Reads a sampling rate such as "native", "16", "29.97", "30000/1001", 16 or 29.97.

    Returns:
        Exact frames per second; None for "native", which is every frame but at most 30 per second.

    Raises:
        UsageError: if it is neither, not above 0, or above 1000.
    """
    text = rate_given if isinstance(rate_given, str) else str(rate_given)
    if text.strip().lower() == "native":
        return None
    try:
        rate = Fraction(text.strip()) if len(text) <= 40 and not _LONG_EXPONENT.search(text) else None
    except (ValueError, ZeroDivisionError):
        rate = None
    if rate is None or not 0 < rate <= MAX_RATE:
        raise UsageError(
            f"{text[:40]!r} is no frame rate",
            where="--fps",
            mend=f'give "native" or a number above 0, at most {MAX_RATE}',
        )
    return rate


class Sampler:
    """Decides frame by frame which to keep; usable as `keep` of `Video.frames`. One per pass over a video.

    The times 0, 1/rate, 2/rate, … from the first frame are due. A frame is kept when it is the nearest one to the time
    due, or later than it; after a gap longer than one period the count starts anew at the frame after the gap. Hence:

    -   in any stretch of T seconds at most rate*T + 2 frames are kept;
    -   from a steady source that is faster, within 2 of rate*T: no drift, however long;
    -   from a source that is slower, all.

    For native rate the tolerance is half a period, so that the jitter of a 30 fps camera costs no frame.

    Args:
        rate: Frames per second, None for native (at most 30).
    """

    def __init__(self, rate: Fraction | float | None = None) -> None:
        self.period = 1.0 / float(NATIVE_LIMIT if rate is None else rate)
        self._native = rate is None
        self._due: float | None = None
        self._previous = 0.0
        self._gap = 0.0  # running mean of the time between frames

    def __call__(self, time: float) -> bool:
        """Returns whether to keep the frame at `time`; call in order of time."""
        if self._due is None:
            self._due, self._previous = time + self.period, time
            return True
        gap, self._previous = time - self._previous, time
        self._gap = gap if self._gap == 0 else 0.8 * self._gap + 0.2 * gap
        # Slightly below one half: a source at exactly twice the rate must not hang on rounding.
        tolerance = 0.49 * (self.period if self._native else min(self.period, self._gap))
        if time < self._due - tolerance:
            return False
        if time - self._due > self.period:
            self._due = time
        self._due += self.period
        return True


def kept(times: Iterable[float], rate: Fraction | float | None = None) -> list[float]:
    """Returns the times that a `Sampler` of this rate keeps.

    >>> kept([0.0, 0.02, 0.04, 0.06, 0.08], 25)
    [0.0, 0.04, 0.08]
    """
    keep = Sampler(rate)
    return [time for time in times if keep(time)]


def even_times(duration: float, n: int) -> list[float]:
    """Returns the middles of n equal parts of [0, duration] seconds, such as for a filmstrip.

    >>> even_times(8.0, 4)
    [1.0, 3.0, 5.0, 7.0]
    """
    if n < 1 or not (math.isfinite(duration) and duration >= 0):
        raise UsageError(f"cannot take {n} times of {duration} s", mend="ask for at least one time of a known duration")
    return [(i + 0.5) * duration / n for i in range(n)]
