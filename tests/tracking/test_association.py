"""Likeness of boxes, duplicates, and costs."""

from dataclasses import replace

import numpy as np
import pytest

from facevlm.tracking.association import (
    AssociationConfig,
    Candidate,
    Known,
    assign,
    containment,
    iou,
    without_duplicates,
)
from facevlm.tracking.kalman import KalmanFilter

from .moving_faces import face, look

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
        kept = without_duplicates(order, AssociationConfig())
        assert sorted(sorted(c.hints) for c in kept) == sorted(map(sorted, hints))


def test_a_duplicate_lends_its_appearance():
    (only,) = without_duplicates([replace(A, appearance=None, carried_from=1), A], AssociationConfig())
    assert only.face.appearance is A.appearance and only.hints == {1}


def test_a_clearly_better_new_mesh_replaces_a_doubtful_carried_one():
    (only,) = without_duplicates([replace(A, carried_from=1, presence=0.6), A], AssociationConfig())
    assert only.face.presence == 1.0 and only.hints == {1}


def known(track_id, seen, unseen_s=0.03, person=None):
    kalman = KalmanFilter()
    motion = kalman.first(seen.box)
    for _ in range(5):
        motion = kalman.update(kalman.predict(motion, 0.03), seen.box)
    return Known(track_id, kalman.predict(motion, unseen_s), None if person is None else look(person), unseen_s)


HERE, ASIDE, FAR = face(500, 300), face(560, 300), face(900, 300)
MATCHES = {
    # (track's place, unseen, its person), (face's place, its person, hinted) -> match
    "stays": ((HERE, 0.03, 0), (HERE, 0, False), True),
    "no vectors": ((HERE, 0.03, None), (HERE, None, False), True),
    "looks like another": ((HERE, 0.03, 0), (HERE, 1, False), False),
    "hinted, looks like another (a turn, a hand)": ((HERE, 0.03, 0), (HERE, 1, True), True),
    "jumps aside": ((HERE, 0.03, 0), (face(590, 300), 0, False), False),
    "jumps aside, hinted": ((HERE, 0.03, 0), (face(590, 300), 0, True), True),
    "jumps aside and looks like another, hinted": ((HERE, 0.03, 0), (face(590, 300), 1, True), False),
    "comes out aside after half a second": ((HERE, 0.5, 0), (ASIDE, 0, False), True),
    "comes out far away after half a second": ((HERE, 0.5, 0), (FAR, 0, False), False),
}


@pytest.mark.parametrize("name", MATCHES)
def test_matches(name):
    (place, unseen, person), (now, looks_like, hinted), expected = MATCHES[name]
    seen = replace(now, appearance=None if looks_like is None else look(looks_like))
    candidate = Candidate(seen, frozenset({5} if hinted else ()))
    result = assign([known(5, place, unseen, person)], [candidate], KalmanFilter(), AssociationConfig())
    assert result == ({0: 5} if expected else {})


def test_a_good_match_is_not_given_up_for_two_bad_ones():
    tracks = [known(1, HERE, person=0), known(2, HERE, unseen_s=0.5, person=None)]
    candidates = [Candidate(replace(HERE, appearance=look(0)), frozenset()), Candidate(FAR, frozenset())]
    assert assign(tracks, candidates, KalmanFilter(), AssociationConfig()) == {0: 1}
    assert assign([], candidates, KalmanFilter(), AssociationConfig()) == {}
    assert assign(tracks, [], KalmanFilter(), AssociationConfig()) == {}
