"""Likeness of boxes, and meshes that lie on one face."""

from dataclasses import replace

import numpy as np
import pytest

from facevlm.tracking.duplicates import DuplicatesConfig, without_duplicates
from facevlm.tracking.overlap import containment, iou

from .moving_faces import face

BOXES = {
    "same": ([0, 0, 10, 10], [0, 0, 10, 10], 1.0, 1.0),
    "apart": ([0, 0, 10, 10], [20, 0, 30, 10], 0.0, 0.0),
    "touching": ([0, 0, 10, 10], [10, 0, 20, 10], 0.0, 0.0),
    "half over": ([0, 0, 10, 10], [5, 0, 15, 10], 1 / 3, 0.5),
    "inside": ([0, 0, 10, 10], [2, 2, 4, 4], 0.04, 1.0),
}


@pytest.mark.parametrize("name", BOXES)
def test_overlap(name):
    a, b, union_share, inside = BOXES[name]
    one, other = np.array([a]), np.array([b])
    assert iou(one, other)[0, 0] == iou(other, one)[0, 0] == pytest.approx(union_share)
    assert containment(one, other)[0, 0] == containment(other, one)[0, 0] == pytest.approx(inside)


A = face(500, 300, person=0)
DUPLICATES = {
    "the same mesh twice, both hints kept": ([replace(A, carried_from=1), replace(A, carried_from=2)], [{1, 2}]),
    "carried wins over newly found": ([A, replace(A, carried_from=1)], [{1}]),
    "a partial face inside": ([A, face(500, 320, 40)], [set()]),
    "neighbours stay two": ([A, face(570, 300)], [set(), set()]),
    "one peeping over a shoulder stays": ([A, face(540, 260, 70)], [set(), set()]),
    "nobody": ([], []),
}


@pytest.mark.parametrize("name", DUPLICATES)
def test_duplicates(name):
    observations, hints = DUPLICATES[name]
    for order in (observations, observations[::-1]):
        kept = without_duplicates(order, DuplicatesConfig())
        assert sorted(sorted(c.hints) for c in kept) == sorted(map(sorted, hints))


def test_a_duplicate_lends_its_appearance():
    (only,) = without_duplicates([replace(A, appearance=None, carried_from=1), A], DuplicatesConfig())
    assert only.face.appearance is A.appearance and only.hints == {1}


def test_a_clearly_better_new_mesh_replaces_a_doubtful_carried_one():
    (only,) = without_duplicates([replace(A, carried_from=1, presence=0.6), A], DuplicatesConfig())
    assert only.face.presence == 1.0 and only.hints == {1}
