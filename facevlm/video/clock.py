"""Presentation times: seconds from the first displayed frame, from the container's own time stamps.

Rules, in order:

1.  time = (PTS - PTS of the first displayed frame) * time base. Edit lists are applied by FFmpeg: frames that they cut
    away never arrive here, and a start offset vanishes in the subtraction.
2.  A frame without PTS uses its decoding time stamp; without both, the time of the frame before plus one step. In a raw
    stream no frame has a time stamp, so that times are (decoding order) / (exact stated rate): a warning says so.
3.  A frame that is not later than the one before was never to be seen: it has no time and is left out.
4.  A jump back by more than 0.2 s is a new beginning (joined recordings): time goes on by one step from there.
5.  A jump beyond the stated end by more than a minute is a damaged time stamp and is replaced by one step.
"""

from fractions import Fraction

FALLBACK_RATE = Fraction(25)  # only where a file states neither time stamps nor a rate; always with a warning
RESTART_S = 0.2  # a smaller step back is a frame out of order
BEYOND_END_S = 60.0


class Clock:
    """Gives each frame of one decode its time; called in presentation order.

    Args:
        time_base: Seconds per tick of the time stamps.
        rate: Stated frames per second, None where unknown.
        end: Stated end in seconds on the time stamps' axis, None where unknown.

    Attributes:
        step: Seconds from the last displayed frame to its end, as far as known.
        missing: Frames without any time stamp.
        hidden: Frames left out because they were not later than the one before.
        restarts: Jumps back or far beyond the end.
    """

    def __init__(self, time_base: Fraction, rate: Fraction | None, end: Fraction | None) -> None:
        self.time_base = time_base
        self.rate = rate
        self.end = end
        self.missing = self.hidden = self.restarts = 0
        self._nominal = 1 / (rate or FALLBACK_RATE)
        self.step = float(self._nominal)
        self._zero: Fraction | None = None  # PTS in seconds that means time 0
        self._last: Fraction | None = None

    def time(self, stamp: int | None, duration: int = 0) -> float | None:
        """Returns the time of the next frame in seconds, or None if it is not to be displayed.

        Args:
            stamp: PTS in ticks, else the decoding time stamp, else None.
            duration: Stated duration of the frame in ticks, 0 for unknown.
        """
        if stamp is None:
            self.missing += 1
            now = Fraction(0) if self._last is None else self._last + self._nominal
        else:
            now = self._from_stamp(Fraction(stamp) * self.time_base)
        if self._last is not None and now <= self._last:
            self.hidden += 1
            return None
        if duration > 0:
            self.step = float(duration * self.time_base)
        elif self._last is not None:
            self.step = float(now - self._last)
        self._last = now
        return float(now)

    def _from_stamp(self, stamp: Fraction) -> Fraction:
        if self._zero is None:
            # Frames before this one had no stamp: they keep their times, and the stamp continues from there.
            self._zero = stamp if self._last is None else stamp - (self._last + self._nominal)
        now = stamp - self._zero
        if self._last is None:
            return now
        beyond = self.end is not None and stamp > self.end + Fraction(BEYOND_END_S) and now > self._last + 1
        if beyond:
            self.restarts += 1
            return self._last + self._nominal
        if now < self._last - Fraction(RESTART_S):
            self.restarts += 1
            now = self._last + self._nominal
            self._zero = stamp - now
        return now

    def warnings(self, frames: int) -> list[str]:
        """Returns sentences about what was wrong with the time stamps of so many frames."""
        found = []
        if self.missing and self.missing == frames and self.rate is None:
            found.append(f"The file has neither frame times nor a rate; {FALLBACK_RATE} frames a second are assumed.")
        elif self.missing and self.missing == frames:
            found.append(f"The file has no frame times; they are counted at its stated rate of {self.rate} per second.")
        elif self.missing:
            found.append(f"Frames without a time stamp, placed one step after the frame before: {self.missing}.")
        if self.hidden:
            found.append(f"Frames left out because they are not later than the frame before: {self.hidden}.")
        if self.restarts:
            found.append(f"Jumps of the time stamps, across which time was continued: {self.restarts}.")
        return found
