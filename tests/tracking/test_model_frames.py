"""Frames for the model: sampled evenly, moved to where the main character is, each with its crops."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facevlm import perceive
from facevlm.errors import UsageError
from facevlm.perceiving import PerceptionConfig
from facevlm.tracking.model_frames import nearest, uniform_frames
from tests.squares import GREEN, RED, Square, film, still

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden" / "preprocess.json"
PLAIN = PerceptionConfig(occlusion=False)


@pytest.mark.skipif(not GOLDEN.is_file(), reason="no ../shared/golden/preprocess.json")
def test_frames_are_those_of_the_reference():
    for count, tables in json.loads(GOLDEN.read_text())["frame_indices"].items():
        for n in (8, 16):
            assert uniform_frames(int(count), n).tolist() == tables[f"videollama2_uniform_{n}"]


@pytest.mark.parametrize(("count", "n"), [(0, 4), (4, 0)])
def test_no_frame_is_refused(count, n):
    with pytest.raises(UsageError):
        uniform_frames(count, n)


NEAREST = {
    "seen": ([3], [1, 3, 5], [3]),
    "the nearer": ([2, 8], [0, 3, 7], [3, 7]),
    "equally near: the earlier": ([4], [3, 5], [3]),
    "before the first, after the last": ([0, 9], [4, 6], [4, 6]),
}


@pytest.mark.parametrize("name", NEAREST)
def test_nearest(name):
    wanted, seen, expected = NEAREST[name]
    assert nearest(np.array(wanted), np.array(seen), np.arange(10) / 25).tolist() == expected


def test_near_is_near_in_time_not_in_number():
    times = np.array([0.0, 0.5, 0.9, 1.0])
    assert nearest(np.array([2]), np.array([0, 3]), times).tolist() == [3]
    assert nearest(np.array([1]), np.array([0, 3]), times).tolist() == [0]


def frames_of(path, n, **options):
    perception = perceive(path, config=PLAIN)
    for _ in perception:
        pass
    return perception.frames_for_model(n, **options)


def colour(crop):
    """The colour in the middle of a crop."""
    return crop.pixels[100:124, 100:124].reshape(-1, 3).mean(0)


def test_frames_without_the_main_face_are_replaced_by_the_nearest_that_has_it(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 4.0, [Square(RED, still(50, 40, 60, (1.0, 2.6)))])
    frames = frames_of(clip, 8)
    assert [f.sampled_time for f in frames] == pytest.approx([0.24, 0.76, 1.24, 1.72, 2.24, 2.72, 3.2, 3.72], abs=0.03)
    assert [f.replaced for f in frames] == [True, True, False, False, False, True, True, True]
    assert all(1.0 <= f.time <= 2.6 for f in frames)
    for frame in frames:
        (crop,) = frame.crops
        assert crop.time == frame.time and crop.replaced == frame.replaced and not crop.whole_frame
        assert crop.pixels.shape == (224, 224, 3) and np.abs(colour(crop) - RED).max() < 40
        np.testing.assert_allclose(crop.box, [50, 40, 110, 100], atol=3)


def test_two_main_characters_can_be_kept_each_from_where_it_is_seen(tmp_path, squares):
    two = [Square(RED, still(20, 30, 64)), Square(GREEN, still(110, 30, 60, (0, 1.0)))]
    clip = film(tmp_path / "a.mp4", 2.0, [*two, Square((0, 0, 255), still(170, 100, 12))])
    one = frames_of(clip, 4)
    assert all(len(f.crops) == 1 for f in one)
    perception = perceive(clip, config=PLAIN)
    for _ in perception:
        pass
    people = [replace(track, main=True) for track in perception.tracks]
    both = perception.frames_for_model(4, most=2, people=people)
    assert [len(f.crops) for f in both] == [2] * 4 and not any(f.replaced for f in both)
    late = both[-1].crops
    assert [c.replaced for c in late] == [False, True] and late[1].time <= 1.0
    assert np.abs(colour(late[0]) - RED).max() < 40 and np.abs(colour(late[1]) - GREEN).max() < 40


def test_a_video_of_nobody_gives_the_middle_of_the_frames_and_says_so(tmp_path, squares):
    for frame in frames_of(film(tmp_path / "a.mp4", 1.0, []), 3):
        (crop,) = frame.crops
        assert crop.whole_frame and crop.track_id is None and not frame.replaced
        assert crop.pixels.shape == (224, 224, 3)


def test_few_frames_are_repeated(tmp_path, squares):
    frames = frames_of(film(tmp_path / "a.mp4", 0.12, [Square(RED, still(60, 40, 60))]), 6)
    assert len(frames) == 6 and len({f.time for f in frames}) == 3


def test_wrong_numbers_are_refused(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 0.2, [])
    with pytest.raises(UsageError, match="main characters"):
        frames_of(clip, 2, most=0)
    with pytest.raises(UsageError, match="0 of 5 frames"):
        frames_of(clip, 0)
    for number in (1.5, "a", None, True):
        with pytest.raises(UsageError, match=r"n: .* is no whole number"):
            frames_of(clip, number)
        with pytest.raises(UsageError, match=r"most: .* is no whole number"):
            frames_of(clip, 2, most=number)


@pytest.mark.parametrize("seen", [0, 1, 40])
def test_before_the_last_moment_there_is_no_answer(tmp_path, squares, seen):
    perception = perceive(film(tmp_path / "a.mp4", 2.0, [Square(RED, still(50, 40, 60))]), config=PLAIN)
    moments = iter(perception)
    for _ in range(seen):
        next(moments)
    for ask in (lambda: perception.tracks, lambda: perception.frames_for_model(3, people=[])):
        with pytest.raises(UsageError, match="iterate over all moments first"):
            ask()
    for _ in moments:
        pass
    assert len(perception.tracks) == 1 and not perception.frames_for_model(3)[0].crops[0].whole_frame


def test_what_is_told_of_a_crop_is_plain(tmp_path, squares):
    (frame,) = frames_of(film(tmp_path / "a.mp4", 0.4, [Square(RED, still(50, 40, 60))]), 1)
    assert json.dumps([frame.crops[0].replaced, frame.replaced, frame.crops[0].whole_frame]) == "[false, false, false]"
