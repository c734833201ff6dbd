"""Time stamps that are missing, doubled, jumping or absurd."""

from fractions import Fraction

import pytest

from facevlm.video.clock import Clock

MS = Fraction(1, 1000)


def times(stamps, *, rate=Fraction(25), end=None):
    clock = Clock(MS, rate, end)
    return [clock.time(stamp) for stamp in stamps], clock


SITUATIONS = {
    "plain": ([0, 40, 80], [0, 0.04, 0.08]),
    "start offset": ([852, 892, 950], [0, 0.04, 0.098]),
    "negative start": ([-80, -40, 0], [0, 0.04, 0.08]),
    "variable": ([0, 33, 500, 501], [0, 0.033, 0.5, 0.501]),
    "long pause": ([0, 40, 60_000], [0, 0.04, 60]),
    "no stamps": ([None, None, None], [0, 0.04, 0.08]),
    "one missing": ([0, 40, None, 120], [0, 0.04, 0.08, 0.12]),
    "first missing": ([None, 1000, 1040], [0, 0.04, 0.08]),
    "doubled": ([0, 40, 40, 80], [0, 0.04, None, 0.08]),
    "out of order": ([0, 80, 40, 120], [0, 0.08, None, 0.12]),
    "joined recordings": ([0, 40, 5000, 0, 40], [0, 0.04, 5.0, 5.04, 5.08]),
    "missing run into stamps": ([0, None, None, 40, 120], [0, 0.04, 0.08, None, 0.12]),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(name):
    stamps, expected = SITUATIONS[name]
    assert times(stamps)[0] == [None if e is None else pytest.approx(e) for e in expected]


def test_a_stamp_far_beyond_the_end_is_replaced():
    found, clock = times([0, 40, 9_000_000, 120], end=Fraction(10))
    assert found == pytest.approx([0, 0.04, 0.08, 0.12])
    assert clock.restarts == 1 and "across which" in clock.warnings(4)[0]


def test_warnings_name_what_happened():
    assert times([0, 40])[1].warnings(2) == []
    assert "stated rate of 30000/1001" in times([None] * 3, rate=Fraction(30000, 1001))[1].warnings(3)[0]
    assert "neither frame times nor a rate" in times([None] * 3, rate=None)[1].warnings(3)[0]
    assert "left out" in times([0, 0])[1].warnings(2)[0]


def test_exact_however_long():
    clock = Clock(Fraction(1, 90_000), None, None)
    clock.time(7)
    n = 10_000_000
    assert clock.time(7 + n * 3003) == float(n * Fraction(1001, 30000))
