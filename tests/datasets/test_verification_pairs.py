"""Pairs for face verification: segments used once, none trained on, the share of same pairs, the same again by seed."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facevlm.datasets.readers import DATASETS
from facevlm.datasets.record import Clip
from facevlm.datasets.verification_pairs import Segment, pair_segments, segments_of, verification_pairs
from facevlm.errors import DatasetError
from tests.datasets import trees

EVERY_CLIP = {("ytf", f"{person}/{k}") for person in ("Richard_Gere", "Ann_Veneman", "Jo_Doe") for k in range(5)}


@pytest.fixture
def root(tmp_path):
    trees.ytf(tmp_path)
    return tmp_path


def draw(root, **options):
    return verification_pairs(DATASETS["ytf"].read(root), root, **({"frames": 4} | options))


def frames_used(pairs):
    return Counter((side.path, frame) for pair in pairs for side in (pair.a, pair.b) for frame in side.frames)


@pytest.mark.parametrize(
    ("situation", "numbers", "expected"),
    [
        ("less than a segment", range(3), []),
        ("one and a rest", range(6), [[0, 1, 2, 3]]),
        ("a missing frame", [0, 1, 2, 4, 5, 6, 7], [[4, 5, 6, 7]]),
        ("in order of numbers, not of names", range(8, 12), [[8, 9, 10, 11]]),
        ("begins late", range(100, 108), [[100, 101, 102, 103], [104, 105, 106, 107]]),
        ("no frame", [], []),
    ],
)
def test_segments(tmp_path, situation, numbers, expected):
    trees.frames(tmp_path / "A/1", numbers, "1.{}.jpg")
    found = segments_of(Clip("ytf", "A/1", path="A/1", media="frames", identity="A"), root=tmp_path, frames=4)
    assert [segment.frames for segment in found] == [tuple(f"1.{n}.jpg" for n in run) for run in expected]


def test_a_frame_without_a_number(tmp_path):
    trees.media(tmp_path, "A/1/cover.jpg")
    with pytest.raises(DatasetError, match="no number"):
        segments_of(Clip("ytf", "A/1", path="A/1", media="frames", identity="A"), root=tmp_path, frames=4)


def test_pairs(root):
    pairs = draw(root, pairs=4)
    assert sum(pair.same for pair in pairs) == 2 and len({pair.id for pair in pairs}) == 4
    assert all(pair.same == (pair.a.identity == pair.b.identity) for pair in pairs)
    assert max(frames_used(pairs).values()) == 1
    assert not any(pair.same_clip for pair in pairs)  # whoever has two segments here has two videos


def test_as_many_pairs_as_people_by_default(root):
    assert len(draw(root)) == 3


def test_the_seed_decides(root):
    assert draw(root, seed=1) == draw(root, seed=1)
    assert len({str(draw(root, seed=seed)) for seed in range(5)}) > 1


def test_nothing_that_was_trained_on(root):
    pairs = draw(root, pairs=2, trained_on={("ytf", "Richard_Gere/1"), ("ytf", "Jo_Doe/2")})
    used = {side.source_clip_id for pair in pairs for side in (pair.a, pair.b)}
    assert used and not used & {"Richard_Gere/1", "Jo_Doe/2"}


def test_two_segments_of_one_video_are_told(root):
    trained = {("ytf", clip) for clip in ("Richard_Gere/1", "Ann_Veneman/0", "Ann_Veneman/4")}
    (pair,) = draw(root, pairs=1, same_share=1, trained_on=trained)
    assert pair.same and pair.same_clip


@pytest.mark.parametrize(
    ("situation", "options"),
    [
        ("more than there are", {"pairs": 5}),
        ("all same, but not so many", {"pairs": 5, "same_share": 1}),
        ("segments too long", {"frames": 36}),
        (
            "all trained on",
            {"trained_on": {("ytf", f"{p}/{v}") for p in ("Richard_Gere", "Ann_Veneman", "Jo_Doe") for v in range(5)}},
        ),
    ],
)
def test_too_few_segments_is_an_error(root, situation, options):
    with pytest.raises(DatasetError, match="ask for fewer pairs"):
        draw(root, **options)


COUNTS = st.lists(st.integers(0, 6), max_size=6)


@settings(max_examples=300)
@given(COUNTS, st.integers(1, 12), st.sampled_from([0, 0.25, 0.5, 1]), st.integers(0, 3))
def test_whatever_is_drawn_is_right(counts, wanted, share, seed):
    segments = [
        Segment("ytf", f"P{person}/0", f"P{person}", f"P{person}/0", (f"{k}.jpg",))
        for person, count in enumerate(counts)
        for k in range(count)
    ]
    n_same = round(wanted * share)
    pairs = pair_segments(segments, pairs=wanted, same_share=share, seed=seed)
    if pairs:
        assert len(pairs) == wanted and sum(pair.same for pair in pairs) == n_same
        assert max(frames_used(pairs).values()) == 1
    elif n_same == 0:
        assert not possible(counts, wanted)
    elif n_same == wanted:
        assert sum(count // 2 for count in counts) < n_same


def possible(counts, different):
    """Whether so many pairs of two people can be made: the one with most segments needs as many others."""
    total, most = sum(counts), max(counts, default=0)
    return min(total // 2, total - most) >= different
