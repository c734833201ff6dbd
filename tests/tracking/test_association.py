"""Which face is which track: costs, gates, hints, the cascade and the second pass."""

from dataclasses import replace

import numpy as np
import pytest

from facevlm.tracking.association import AssociationConfig, Evidence, costs, least, match, match_overlap
from facevlm.tracking.detected import DetectedBoxes
from facevlm.tracking.strongsort import FACES, StrongSort

from .moving_faces import face, look

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


def seen(where, person=None, hints=()):
    features = None if person is None else look(person)[None]
    return DetectedBoxes.of(where.box[None], np.ones(1), features=features, hints=[frozenset(hints)])


@pytest.mark.parametrize("name", MATCHES)
def test_matches(name):
    (place, unseen, person), (now, looks_like, hinted), expected = MATCHES[name]
    sort = StrongSort(FACES)
    for k in range(6):
        sort.update(seen(place, person), 0.03 * k)
    ids = [t.track_id for t in sort.update(seen(now, looks_like, {1} if hinted else ()), 0.15 + unseen)]
    assert ids == ([1] if expected else [2])


def evidence(appearance, *, motion=0.0, overlap=1.0, hinted=False, unseen=1.0):
    shape = np.shape(appearance)
    fill = [np.broadcast_to(value, shape).copy() for value in (motion, overlap, hinted)]
    return Evidence(np.array(appearance, float), *fill, np.broadcast_to(unseen, shape[0]).copy())


PAPER = AssociationConfig()
COSTS = {
    # evidence of one pair, config -> cost, None where forbidden
    "appearance and motion (eq. 7)": (evidence([[0.3]], motion=5.0), PAPER, 0.98 * 0.3 + 0.02 * 5),
    "beyond the gate": (evidence([[0.0]], motion=9.5), PAPER, None),
    "at the gate": (evidence([[0.0]], motion=9.4), PAPER, 0.188),
    "without motion cost": (evidence([[0.3]], motion=5.0), replace(PAPER, appearance_weight=1.0), 0.3),
    "unknown appearance": (evidence([[np.nan]]), replace(PAPER, unknown_appearance=0.25), 0.98 * 0.25),
    "overlap counts": (evidence([[0.0]], overlap=0.4), replace(PAPER, overlap_weight=0.5), 0.3),
    "near whatever the gate says": (
        evidence([[0.0]], motion=99.0, overlap=0.4),
        replace(PAPER, near_overlap=0.3),
        0.19,
    ),
    "long unseen": (evidence([[0.0]], unseen=20.0), replace(PAPER, unseen_penalty=0.001), 0.02),
    "hinted": (evidence([[0.3]], hinted=True), replace(PAPER, hint=0.1), 0.194),
    "another face": (evidence([[0.3]]), replace(PAPER, max_appearance=0.2), None),
}


@pytest.mark.parametrize("name", COSTS)
def test_costs(name):
    pair, config, expected = COSTS[name]
    cost = costs(pair, config)[0, 0]
    assert cost >= 1e5 if expected is None else cost == pytest.approx(expected, abs=2e-3)


def test_a_good_match_is_not_given_up_for_two_bad_ones():
    assert least(np.array([[0.1, 1.0], [0.4, 9.0]]), 0.45) == [(0, 0)]
    assert least(np.array([[0.1, 0.3], [0.2, 0.9]]), 0.45) == [(0, 1), (1, 0)]
    assert least(np.zeros((0, 3)), 0.45) == [] and least(np.array([[0.5]]), 0.45) == []


def test_the_cascade_prefers_the_track_seen_last_and_vanilla_matching_the_one_more_alike():
    pairs = evidence([[0.1], [0.3]], unseen=np.array([5.0, 1.0]))
    assert match(pairs, PAPER) == [(0, 0)]
    assert match(pairs, replace(PAPER, cascade_depth=30)) == [(1, 0)]
    assert match(pairs, replace(PAPER, cascade_depth=0)) == []


def test_the_second_pass_goes_by_overlap_and_respects_looks():
    pairs = evidence([[0.6, np.nan]], overlap=np.array([[0.9, 0.5]]))
    assert match_overlap(pairs, PAPER) == [(0, 0)]
    assert match_overlap(pairs, replace(PAPER, max_appearance=0.5)) == [(0, 1)]
    assert match_overlap(pairs, replace(PAPER, max_overlap_cost=None)) == []
    assert match_overlap(evidence([[0.0]], overlap=0.25), PAPER) == []
