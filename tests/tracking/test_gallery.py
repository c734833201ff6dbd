"""What a track looks like: averages and galleries."""

import numpy as np
import pytest

from facevlm.tracking.gallery import Gallery, cosine_distances


def unit(degrees):
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])


def of(*angles, budget=100, memory=None):
    gallery = Gallery(budget=budget, memory=memory)
    for angle in angles:
        gallery.add(unit(angle))
    return gallery


def test_an_average_moves_slowly_and_keeps_its_length():
    gallery = of(0, 90, budget=1, memory=0.9)
    assert len(gallery) == 1
    assert gallery.vectors[0] == pytest.approx(unit(np.degrees(np.arctan2(0.1, 0.9))))


def test_a_gallery_keeps_the_last():
    assert of(10, 20, 30, budget=2).vectors == pytest.approx(np.stack([unit(20), unit(30)]))


def test_the_least_distance_counts_and_what_is_unknown_is_nan():
    nothing = np.full(2, np.nan)
    faces = np.stack([unit(0), unit(90), nothing])
    distances = cosine_distances([of(0, 60), of(), of(30)], faces)
    expected = [[0, 1 - np.cos(np.radians(30)), np.nan], [np.nan] * 3, [1 - np.cos(np.radians(30)), 0.5, np.nan]]
    np.testing.assert_allclose(distances, expected, atol=1e-12)
    assert np.isnan(cosine_distances([of(0)], np.zeros((2, 0)))).all()


def test_no_vector_changes_nothing():
    gallery = of(0)
    gallery.add(np.full(2, np.nan))
    gallery.add(np.zeros(0))
    assert len(gallery) == 1
