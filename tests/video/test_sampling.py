"""Sampling keeps its promises for any presentation times."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facevlm.errors import UsageError
from facevlm.video.sampling import Sampler, even_times, kept, parse_rate

rates = st.fractions(min_value=Fraction(1, 4), max_value=60, max_denominator=1001)
gaps = st.lists(st.floats(min_value=0.001, max_value=0.5), min_size=1, max_size=300)


def steady(fps: float, seconds: float) -> list[float]:
    return [i / fps for i in range(int(fps * seconds))]


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("native", None),
        ("Native ", None),
        ("16", 16),
        ("29.97", Fraction(2997, 100)),
        ("30000/1001", Fraction(30000, 1001)),
    ],
)
def test_rates(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0", "-3", "fast", "1/0", "nan", "inf", "1e9", "30,5", "16 fps"])
def test_no_rates(text):
    with pytest.raises(UsageError, match="no frame rate"):
        parse_rate(text)


@settings(max_examples=150, deadline=None)
@given(gaps, rates)
def test_never_faster_than_asked(gaps, rate):
    times = [sum(gaps[:i]) for i in range(len(gaps))]
    found = kept(times, rate)
    assert found[0] == times[0] and set(found) <= set(times)
    for i in range(0, len(found), 7):
        for j in range(i, len(found), 5):
            assert j - i + 1 <= rate * Fraction(found[j] - found[i]) + 2 + Fraction(1, 10**6)


@settings(max_examples=100, deadline=None)
@given(st.floats(min_value=5, max_value=240), rates, st.integers(min_value=1, max_value=60))
def test_no_drift_from_a_steady_source(fps, rate, seconds):
    times = steady(fps, seconds)
    expected = min(len(times), times[-1] * float(rate) + 1)
    if fps >= rate:
        assert abs(len(kept(times, rate)) - expected) <= 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(min_value=-0.008, max_value=0.008), min_size=10, max_size=300))
def test_native_keeps_every_frame_of_a_jittering_camera(jitter):
    times = [i / 30 + j for i, j in enumerate(jitter)]
    assert kept(times) == times


@settings(max_examples=60, deadline=None)
@given(st.floats(min_value=1, max_value=29), st.integers(min_value=2, max_value=100))
def test_a_slower_source_loses_nothing(fps, n):
    times = [i / fps for i in range(n)]
    assert kept(times) == times
    assert kept(times, 30) == times


@pytest.mark.parametrize(
    ("fps", "rate", "indices"),
    [
        (30, 30, [0, 1, 2, 3, 4, 5]),
        (60, None, [0, 2, 4, 6, 8, 10]),
        (60, 30, [0, 2, 4, 6, 8, 10]),
        (50, 25, [0, 2, 4, 6, 8, 10]),
        (30, 10, [0, 3, 6, 9, 12, 15]),
        (30, 16, [0, 2, 4, 6, 8, 9]),
        (30, 1, [0, 30, 60, 90, 120, 150]),
        (24, 16, [0, 2, 3, 5, 6, 8]),
    ],
)
def test_the_nearest_frames_are_kept(fps, rate, indices):
    times = steady(fps, 8)
    assert [round(t * fps) for t in kept(times, rate)[:6]] == indices


def test_a_gap_is_not_made_up_for():
    times = [0.0, 0.1, 0.2, 5.0, 5.01, 5.02, 5.03, 5.1]
    assert kept(times, 10) == [0.0, 0.1, 0.2, 5.0, 5.1]


def test_first_frame_may_be_anywhere():
    assert Sampler(2)(100.0)


def test_even_times():
    assert even_times(8.0, 4) == [1.0, 3.0, 5.0, 7.0]
    assert even_times(0.0, 2) == [0.0, 0.0]
    for bad in ((1.0, 0), (float("nan"), 3), (-1.0, 3)):
        with pytest.raises(UsageError):
            even_times(*bad)
