"""FaceTrack-MM's choice of the main characters, in named situations."""

import math

import numpy as np
import pytest

from facevlm.tracking.main_character import choose_main

SITUATIONS = {
    # areas, similarities -> which are main
    "one track": ([0.1], [0.9], [True]),
    "one track, seen once": ([0.1], [math.nan], [True]),
    "one large and steady among small ones": ([0.2, 0.01, 0.02], [0.98, 0.7, 0.75], [True, False, False]),
    "two talk, extras behind": ([0.1, 0.11, 0.01, 0.012], [0.97, 0.96, 0.8, 0.82], [True, True, False, False]),
    "two tracks": ([0.05, 0.1], [0.9, 0.95], [False, True]),
    "two tracks, larger but less steady: area decides": ([0.05, 0.1], [0.95, 0.90], [False, True]),
    "all alike": ([0.1, 0.1, 0.1], [0.9, 0.9, 0.9], [True, False, False]),
    "alike in size, one steadier": ([0.1, 0.1, 0.1], [0.7, 0.95, 0.7], [False, True, False]),
    "one large, others small and a little steadier": ([0.018, 0.003, 0.001], [0.92, 0.96, 0.965], [True, False, False]),
    "similarities unknown": ([0.01, 0.2, 0.02], [math.nan] * 3, [False, True, False]),
    "one similarity unknown": ([0.2, 0.01, 0.01], [math.nan, 0.8, 0.8], [True, False, False]),
    "areas of zero": ([0.0, 0.0], [0.9, 0.9], [True, False]),
    "one area unknown": ([math.nan, 0.1], [0.9, 0.9], [False, True]),
    "steadiest of unknown area": ([math.nan, 0.1, 0.001, 0.002], [0.99, 0.9, 0.5, 0.5], [False, True, False, False]),
    "no area known": ([math.nan, math.nan], [0.9, 0.9], [True, False]),
    "no area known, one steadier": ([math.nan] * 3, [0.5, 0.95, 0.5], [False, True, False]),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_choice(name):
    areas, similarities, expected = SITUATIONS[name]
    choices = choose_main(areas, similarities)
    assert [c.main for c in choices] == expected
    for choice in choices:
        assert choice.reason.startswith("Main character because" if choice.main else "Background because")
        assert choice.reason.endswith(".") and "nan" not in choice.reason
    for choice, area in zip(choices, areas, strict=True):
        assert ("share of the picture it fills is unknown" in choice.reason) == math.isnan(area)
        assert ("largest" in choice.reason) <= (not math.isnan(area))
        assert math.isnan(choice.selection.area_z) == math.isnan(area)
    assert sorted(choice.selection.rank for choice in choices) == list(range(1, len(choices) + 1))


def test_nobody():
    assert choose_main([], []) == []


def test_the_order_of_the_tracks_and_a_second_run_change_nothing():
    rng = np.random.default_rng(0)
    for count in range(2, 12):
        areas, similarities = rng.uniform(0, 0.2, count), rng.uniform(0.6, 1, count)
        first = choose_main(areas, similarities)
        order = rng.permutation(count)
        assert choose_main(areas[order], similarities[order]) == [first[i] for i in order]
        assert any(c.main for c in first)
