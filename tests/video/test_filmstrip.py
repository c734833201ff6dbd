"""Thumbnails of a stream of unknown length: few, evenly spread, small."""

import cv2
import numpy as np
import pytest

from facevlm.video.filmstrip import THUMBNAIL_HEIGHT, FilmstripRecorder


@pytest.mark.parametrize("frames", [1, 5, 12, 13, 25, 100, 1000, 5000])
def test_pictures_are_few_and_even(frames):
    strip, image = FilmstripRecorder(12), np.zeros((48, 64, 3), np.uint8)
    for i in range(frames):
        strip(i / 30, image)
    times = [time for time, _ in strip.pictures()]
    assert len(times) == min(frames, len(times)) <= 12 and times[0] == 0.0
    assert len(times) >= min(frames, 12) and times[-1] >= (frames - 1) / 30 * 0.75
    if frames >= 25:
        gaps = np.diff(times)
        assert gaps.max() <= 2.1 * gaps.min()


def test_pictures_are_small_jpegs_in_true_colours():
    strip = FilmstripRecorder()
    strip(0.0, np.full((480, 640, 3), (200, 30, 60), np.uint8))
    ((_, jpeg),) = strip.pictures()
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (THUMBNAIL_HEIGHT, 128, 3)
    assert np.abs(picture[40, 60, ::-1].astype(int) - (200, 30, 60)).max() < 12
