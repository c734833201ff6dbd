"""Peaks and smoothing are those of scipy, without the second that importing it takes."""

import subprocess
import sys

import numpy as np
import pytest

from facevlm.expression.peaks import find_peaks
from facevlm.expression.runs import STEP_S, smooth

RNG = np.random.default_rng(3)
SIGNALS = {
    "noise": RNG.normal(size=400),
    "walk": RNG.normal(size=3000).cumsum(),
    "few levels, many plateaus": RNG.integers(0, 4, 500).astype(float),
    "wave": np.sin(np.linspace(0, 20, 300)),
    "flat": np.ones(50),
    "rising": np.arange(50.0),
    "plateau at the edges": np.array([2.0, 2, 1, 3, 3, 1, 2, 2]),
    "one sample": np.array([1.0]),
    "nothing": np.empty(0),
}


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("prominence", [0.0, 0.3, 2.0])
def test_peaks_are_those_of_scipy(name, prominence):
    from scipy.signal import find_peaks as reference

    level = SIGNALS[name]
    found = find_peaks(level, prominence=prominence)
    at, facts = reference(level, prominence=prominence)
    assert [p.at for p in found] == at.tolist()
    assert [p.left for p in found] == facts["left_bases"].tolist()
    assert [p.right for p in found] == facts["right_bases"].tolist()
    np.testing.assert_allclose([p.prominence for p in found], facts["prominences"])


@pytest.mark.parametrize("count", [1, 3, 40, 500])
@pytest.mark.parametrize("sigma_s", [0.025, 0.06, 0.5])
def test_smoothing_is_that_of_scipy(count, sigma_s):
    from scipy.ndimage import gaussian_filter1d

    values = RNG.normal(size=count)
    expected = gaussian_filter1d(values, sigma_s / STEP_S, mode="nearest")
    np.testing.assert_allclose(smooth(values, sigma_s), expected, atol=1e-12)


def test_smoothing_does_not_leak_across_what_is_unknown():
    values = np.array([1.0] * 20 + [np.nan] * 5 + [9.0] * 20)
    smoothed = smooth(values, 0.1)
    np.testing.assert_array_equal(np.isnan(smoothed), np.isnan(values))
    assert 1 <= smoothed[19] <= 9


def test_describing_starts_without_the_slow_parts_of_scipy():
    code = "import sys, facevlm.describing; print([m for m in ('scipy.signal', 'scipy.stats') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
