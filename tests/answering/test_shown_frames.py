"""The frames that a model is shown: which, how many, and what cannot be shown."""

import cv2
import numpy as np
import pytest

from facevlm.answering.shown_frames import shown_frames
from facevlm.errors import VideoError
from facevlm.evaluation.answers import Footage
from tests.squares import RED, SIZE, Square, film


@pytest.fixture
def pictures(tmp_path):
    """Ten pictures, each of its number's brightness."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(10):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((6, 8, 3), 20 * number, np.uint8))
    return folder


def numbers(frames):
    return [int(frame.mean()) // 20 for frame in frames]


def test_pictures_at_the_middles_of_equal_parts(pictures):
    assert numbers(shown_frames(Footage(pictures.parent, pictures.name), 3)) == [2, 5, 8]
    assert numbers(shown_frames(Footage(pictures.parent, pictures.name), 1)) == [5]


def test_no_picture_is_shown_twice(pictures):
    assert numbers(shown_frames(Footage(pictures.parent, pictures.name), 64)) == list(range(10))
    assert numbers(shown_frames(Footage(pictures.parent, pictures.name, ("7.png", "3.png")), 16)) == [7, 3]


def test_frames_of_a_video(tmp_path):
    clip = film(tmp_path / "a.mp4", 1.0, [Square(RED, lambda t: (10 + 100 * t, 40, 40))])
    frames = shown_frames(Footage(clip.parent, clip.name), 4)
    lefts = [int(np.flatnonzero((frame[60, :, 0] > 200) & (frame[60, :, 1] < 160))[0]) for frame in frames]
    assert len(frames) == 4 and frames[0].shape == (SIZE[1], SIZE[0], 3) and frames[0].dtype == np.uint8
    assert lefts == sorted(lefts) and np.ptp(np.diff(lefts)) <= 6


def test_what_cannot_be_shown(pictures, tmp_path):
    (tmp_path / "empty").mkdir()
    (pictures / "3.png").write_bytes(b"no picture")
    (pictures / "4.png").write_bytes(b"")
    (tmp_path / "a.mp4").write_text("no video")
    for footage, told in (
        (Footage(tmp_path, "empty"), "no pictures"),
        (Footage(pictures.parent, pictures.name, ("3.png",)), "is no picture"),
        (Footage(pictures.parent, pictures.name, ("4.png",)), "is no picture"),
        (Footage(pictures.parent, pictures.name, ("99.png",)), "no such file"),
        (Footage(tmp_path, "gone"), "no such file"),
        (Footage(tmp_path, "a.mp4"), "a.mp4"),
    ):
        with pytest.raises(VideoError, match=told):
            shown_frames(footage, 2)
