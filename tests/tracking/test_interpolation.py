"""GSI: which gaps are filled, and how boxes are smoothed."""

import numpy as np
import pytest

from facevlm.errors import UsageError
from facevlm.tracking.interpolation import InterpolationConfig, filled, interpolate, smoothed


def track(frames, track_id=1, *, speed=2.0):
    frames = np.asarray(frames, float)
    return np.column_stack(
        [frames, np.full(len(frames), track_id), speed * frames, 9 - frames, *np.full((2, len(frames)), 50.0)]
    )


GAPS = {
    # frames seen -> frames after filling
    "none": ([1, 2, 3], [1, 2, 3]),
    "two missed": ([1, 4], [1, 2, 3, 4]),
    "nineteen": ([1, 20], list(range(1, 21))),
    "twenty stay open": ([1, 21], [1, 21]),
    "one box": ([5], [5]),
    "at uneven times": ([1, 2.5], [1, 2, 2.5]),
}


@pytest.mark.parametrize("name", GAPS)
def test_gaps(name):
    seen, expected = GAPS[name]
    result = filled(track(seen))
    assert result[:, 0].tolist() == expected
    np.testing.assert_allclose(result, track(expected))


def test_gaps_are_filled_at_the_times_of_the_video():
    result = filled(track([1, 4]), frames=np.array([0.5, 1.0, 1.9, 2.2, 3.9, 4.0, 5.0]))
    np.testing.assert_allclose(result, track([1, 1.9, 2.2, 3.9, 4]))


@pytest.mark.parametrize("rate", [12, 25, 30, 60, 120, 59.94])
def test_one_missed_frame_is_a_gap_at_every_rate(rate):
    frames = np.arange(200) / rate * 30
    seen = np.delete(np.arange(200), np.s_[1::2])
    result = filled(track(frames[seen]), frames=frames)
    np.testing.assert_allclose(result, track(frames[: seen[-1] + 1]))
    np.testing.assert_array_equal(filled(result, frames=frames), result)


def test_tracks_are_apart_and_in_order():
    rows = np.concatenate([track([5, 1], 2), track([2, 4], 1)])
    result = filled(rows)
    assert result[:, :2].tolist() == [[2, 1], [3, 1], [4, 1], [1, 2], [2, 2], [3, 2], [4, 2], [5, 2]]


@pytest.mark.parametrize(("length", "least"), [(40, 1.7), (150, 1.2)])
def test_noise_is_smoothed_and_movement_kept(length, least):
    rng, frames = np.random.default_rng(0), np.arange(length)
    truth = 300 + 80 * np.sin(frames / 25)
    rows = track(frames)
    rows[:, 2] = truth + rng.normal(0, 2, length)
    away = np.abs(smoothed(rows)[:, 2] - truth)[3:-3].mean()
    assert away < np.abs(rows[:, 2] - truth).mean() / least


def test_a_track_too_long_for_the_kernel_is_left_as_it_is():
    rows = track(np.arange(1200))
    rows[:, 2] += np.random.default_rng(0).normal(0, 2, 1200)
    np.testing.assert_array_equal(smoothed(rows), rows)


def test_the_size_of_the_kernel_is_the_papers():
    """tau ln(tau³ / n), between 1 / tau and tau²: with 900 boxes, about a frame."""
    rows = track(np.arange(900), speed=0)
    rows[450, 2] = 10
    spread = np.abs(smoothed(rows)[:, 2]) > 0.5
    assert 1 <= spread.sum() <= 5
    still = smoothed(rows, InterpolationConfig(tau=3.0))
    np.testing.assert_array_equal(still, rows)


def test_both_together():
    np.testing.assert_allclose(interpolate(track([1, 3, 4, 5, 8])), smoothed(track(np.arange(1, 9))))


def test_wrong_rows_are_told():
    with pytest.raises(UsageError, match="two boxes at one time"):
        filled(np.concatenate([track([1, 2]), track([2])]))
    with pytest.raises(UsageError, match="shape"):
        filled(np.zeros((3, 4)))
