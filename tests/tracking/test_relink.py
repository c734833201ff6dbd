"""People who come back, and people who only look a little alike."""

import numpy as np
import pytest

from facevlm.tracking.relink import RelinkConfig, relink
from facevlm.tracking.tracklet import Totals


def totals(angle, start, end, vectors=10):
    """A track whose mean vector points at `angle` degrees."""
    vector = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    return Totals(10, 10.0, 1.0, vectors, vector * vectors if vectors else None, [(start, end)])


# cosine .95 is 18.2 degrees
SITUATIONS = {
    "comes back": ([(0, 0, 1), (5, 2, 3)], [(1, 2)]),
    "comes back twice": ([(0, 0, 1), (5, 2, 3), (8, 4, 5)], [(1, 2, 3)]),
    "another one": ([(0, 0, 1), (40, 2, 3)], [(1,), (2,)]),
    "two at one time are two, however alike": ([(0, 0, 2), (0, 1, 3)], [(1,), (2,)]),
    "as alike as two strangers of this video": ([(0, 0, 1), (12, 0, 1), (24, 2, 3)], [(1,), (2,), (3,)]),
    "a chain of half-likenesses joins only the closest": ([(0, 0, 1), (15, 2, 3), (29, 4, 5)], [(1,), (2, 3)]),
    "the more alike of two": ([(0, 0, 1), (60, 0, 1), (50, 2, 3)], [(1,), (2, 3)]),
    "too few vectors": ([(0, 0, 1), (0, 2, 3, 2)], [(1,), (2,)]),
    "no vectors": ([(0, 0, 1, 0), (0, 2, 3, 0)], [(1,), (2,)]),
    "nobody": ([], []),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_relink(name):
    tracks, expected = SITUATIONS[name]
    people = relink({i: totals(*t) for i, t in enumerate(tracks, 1)}, RelinkConfig())
    assert list(people) == expected
    assert sum(t.frames for t in people.values()) == 10 * len(tracks)


def test_joined_totals_add_up_and_keep_the_first_box():
    early, late = totals(0, 0, 1), totals(0, 2, 3)
    early.first_box, late.first_box = np.ones(4, np.float32), np.zeros(4, np.float32)
    both = late.joined(early)
    assert both.spans == [(0, 1), (2, 3)] and both.vectors == 20 and both.first_box[0] == 1
    assert both.similarity == pytest.approx(1.0)
