"""People who come back, people who only look a little alike, and tracks that continue each other."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from facevlm.tracking.relink import RelinkConfig, relink
from facevlm.tracking.tracklet import Totals


def totals(angle, start, end, vectors=10, shot=0):
    """A track whose mean vector points at `angle` degrees."""
    vector = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    return Totals(10, 10.0, 1.0, vectors, vector * vectors if vectors else None, [(start, end)], [shot])


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
    assert sum(p.totals.frames for p in people.values()) == 10 * len(tracks)


def test_joined_totals_add_up_and_keep_the_first_box():
    early, late = totals(0, 0, 1), totals(0, 2, 3)
    early.first_box, late.first_box = np.ones(4, np.float32), np.zeros(4, np.float32)
    both = late.joined(early)
    assert both.spans == [(0, 1), (2, 3)] and both.vectors == 20 and both.first_box[0] == 1
    assert both.similarity == pytest.approx(1.0)


def moving(start, end, x0, speed, *, angle=None, shot=0, height=100.0):
    """A track that moves steadily to the right, 30 frames a second, from x0 at time 0; without vectors by default."""
    track = totals(angle or 0, start, end, vectors=0 if angle is None else 10, shot=shot)
    for time in np.arange(start, end + 1e-9, 1 / 30):
        left = x0 + speed * time
        track.add_box(time, np.array([left, 100, left + 0.8 * height, 100 + height]))
    return track


BROKEN = {
    "goes on where it was going": ([moving(0, 1, 0, 300), moving(1.3, 2, 0, 300)], [(1, 2)]),
    "thrice": ([moving(0, 1, 0, 90), moving(1.2, 2, 0, 90), moving(2.5, 3, 0, 90)], [(1, 2, 3)]),
    "elsewhere": ([moving(0, 1, 0, 90), moving(1.3, 2, 150, 90)], [(1,), (2,)]),
    "too late": ([moving(0, 1, 0, 0), moving(2.5, 3, 0, 0)], [(1,), (2,)]),
    "both at once": ([moving(0, 1, 0, 0), moving(0.9, 2, 0, 0)], [(1,), (2,)]),
    "of another size": ([moving(0, 1, 0, 0), moving(1.1, 2, 0, 0, height=220)], [(1,), (2,)]),
    "looks like another": ([moving(0, 1, 0, 0, angle=0), moving(1.1, 2, 0, 0, angle=50)], [(1,), (2,)]),
    "looks a little different": ([moving(0, 1, 0, 0, angle=0), moving(1.1, 2, 0, 0, angle=25)], [(1, 2)]),
    "in the next shot": ([moving(0, 1, 0, 0), moving(1.1, 2, 0, 0, shot=1)], [(1,), (2,)]),
    "two cross, each goes its way": (
        [moving(0, 1, 0, 300), moving(0, 1, 800, -300), moving(1.2, 2, 800, -300), moving(1.2, 2, 0, 300)],
        [(1, 4), (2, 3)],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_movement_joins_what_a_shot_shows_to_be_one(name):
    tracks, expected = BROKEN[name]
    people = relink(dict(enumerate(tracks, 1)), RelinkConfig())
    assert list(people) == expected
    for ids, person in people.items():
        assert len(person.joins) == len(ids) - 1
        assert all(j.how == "geometry" and j.score >= 0.95 and not j.across_cut for j in person.joins)
    assert len(relink(dict(enumerate(tracks, 1)), RelinkConfig(aflink=None))) == len(tracks)


def test_a_join_by_looks_across_a_cut_is_told():
    tracks = {1: totals(0, 0, 1), 3: totals(90, 0, 1), 4: totals(5, 2, 3, shot=1)}
    person = relink(tracks, RelinkConfig())[1, 4]
    (join,) = person.joins
    assert (join.former, join.latter, join.how, join.across_cut) == (1, 4, "appearance", True)
    assert str(join) == "4 joined to 1 across a cut by appearance 1.00"
    assert person.totals.shots == [0, 1]


def together(one, other):
    """Whether both were in the picture at one time."""
    return any(a0 <= b1 and b0 <= a1 for a0, a1 in one.spans for b0, b1 in other.spans)


def one_by_one(tracks, config):
    """The same by the book: the most alike two first, every part like every part."""
    groups = {(i,): t for i, t in tracks.items()}
    cosine = lambda a, b: float(tracks[a].mean_vector @ tracks[b].mean_vector)  # noqa: E731
    pairs = [(a, b) for a in tracks for b in tracks if a < b]
    strangers = [cosine(a, b) for a, b in pairs if together(tracks[a], tracks[b])]
    least = max(config.min_similarity, max(strangers, default=-1) + config.margin)
    while True:
        alike = {
            (a, b): min(cosine(i, j) for i in a for j in b)
            for a in groups
            for b in groups
            if a < b and not together(groups[a], groups[b])
        }
        best = max(alike, key=lambda pair: alike[pair], default=None)
        if best is None or alike[best] < least:
            return sorted(tuple(sorted(ids)) for ids in groups)
        a, b = best
        groups[a + b] = groups.pop(a).joined(groups.pop(b))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(0, 90), st.integers(0, 60), st.integers(1, 9)), min_size=2, max_size=9))
def test_relink_joins_as_by_the_book(drawn):
    tracks = {i: totals(angle, start, start + length) for i, (angle, start, length) in enumerate(drawn, 1)}
    angles = [angle for angle, _, _ in drawn]
    gaps = [b - a for a in angles for b in angles if b > a]
    assume(len({round(gap, 2) for gap in gaps} - {0.0}) == len(gaps))  # no two pairs are equally alike
    config = RelinkConfig(aflink=None)
    assert list(relink(tracks, config)) == one_by_one(tracks, config)


def test_a_thousand_tracks_are_joined_into_the_few_people_they_are():
    rng = np.random.default_rng(0)
    faces = np.linalg.qr(rng.normal(size=(64, 4)))[0].T
    tracks = {}
    for number in range(1200):
        look = faces[number % 4] + rng.normal(size=64) * 0.005
        start = float(number // 4)
        tracks[number + 1] = Totals(
            10, 10.0, 1.0, 5, 5 * look / np.linalg.norm(look), [(start, start + 0.5)], [number // 4]
        )
    people = relink(tracks, RelinkConfig())
    assert [len(ids) for ids in people] == [300] * 4
    assert all(len({(i - 1) % 4 for i in ids}) == 1 for ids in people)
