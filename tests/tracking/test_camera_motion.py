"""Camera motion: found, or recorded as not found and ignored."""

import numpy as np
import pytest

from facevlm.errors import InputError
from facevlm.tracking.camera_motion import CameraMotion, CameraMotionConfig, is_believable, moved_means
from facevlm.tracking.kalman import from_boxes, to_boxes
from facevlm.tracking.strongsort import FACES

from .test_strongsort import textured

MOVES = {"still": (0, 0), "right": (30, 0), "down": (0, 25), "both": (-20, 12)}


@pytest.mark.parametrize("name", MOVES)
def test_a_shift_is_found(name):
    right, down = MOVES[name]
    camera = CameraMotion()
    assert camera.look(textured(0, 0), 0.0) is None
    warp = camera.look(textured(right, down), 0.04)
    assert warp == pytest.approx(np.array([[1, 0, -right], [0, 1, -down]]), abs=1.0)
    assert warp[:, :2] == pytest.approx(np.eye(2), abs=0.01) and camera.failed == 0


def test_a_picture_without_texture_is_recorded_and_ignored():
    camera, plain = CameraMotion(), np.full((240, 320, 3), 90, np.uint8)
    camera.look(plain, 0.0)
    assert camera.look(plain, 0.04) is None
    assert camera.failed == 1 and camera.last_failure.time == 0.04 and camera.last_failure.reason


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (720, 2), (2, 720), (5, 5), (9, 9)])
def test_tiny_pictures_are_recorded_and_ignored(size):
    camera = CameraMotion()
    for k in range(4):
        image = np.random.default_rng(k).integers(0, 255, (*size, 3), np.uint8)
        assert camera.look(image, k / 25) is None
    assert camera.failed == 4 and camera.last_failure.time == 3 / 25


def test_a_picture_of_another_size_is_recorded_and_the_next_one_compared_with_it():
    camera = CameraMotion()
    camera.look(textured(0, 0), 0.0)
    assert camera.look(textured(0, 0)[:240, :320], 0.04) is None
    assert camera.failed == 1 and "another size" in camera.last_failure.reason
    assert camera.look(textured(0, 0)[:240, :320], 0.08) is not None


NO_IMAGES = {
    "float": np.zeros((240, 320, 3)),
    "grey": np.zeros((240, 320), np.uint8),
    "with alpha": np.zeros((240, 320, 4), np.uint8),
    "empty": np.zeros((0, 320, 3), np.uint8),
}


@pytest.mark.parametrize("name", NO_IMAGES)
def test_what_is_no_image_is_told(name):
    with pytest.raises(InputError, match=r"images must be uint8 \(H, W, 3\) RGB"):
        CameraMotion().look(NO_IMAGES[name], 0.0)


def test_a_motion_too_large_to_be_one_is_recorded_and_ignored():
    camera = CameraMotion(CameraMotionConfig(largest=20))
    camera.look(textured(0, 0), 0.0)
    assert camera.look(textured(40, 0), 0.04) is None
    assert camera.failed == 1 and "too large" in camera.last_failure.reason
    assert not is_believable(np.array([[1, 0, 100.0], [0, 1, 0]]), CameraMotionConfig())
    assert is_believable(np.array([[1, 0, 99.0], [0, 1, 0], [0, 0, 1]]), CameraMotionConfig())


def passed_by(k):
    """A dim still wall, and before it somebody large and bright who goes to the right."""
    image = textured(0, 0) // 6
    image[200:, 180 + 20 * k : 380 + 20 * k] = textured(0, 0)[200:, 180:380]
    return image


def test_who_walks_before_a_still_camera_does_not_move_it():
    fooled, guarded = CameraMotion(), CameraMotion(FACES.ecc)
    for k in range(5):
        followed, found = (camera.look(passed_by(k), k / 25) for camera in (fooled, guarded))
        assert k == 0 or (abs(followed[0, 2] - 20) < 3 and found is None)
    assert guarded.failed == 4 and "most of the picture" in guarded.last_failure.reason


@pytest.mark.parametrize("name", MOVES)
def test_a_camera_that_moves_is_believed(name):
    right, down = MOVES[name]
    camera, plain = CameraMotion(FACES.ecc), CameraMotion()
    for k in range(3):
        image = textured(right * k, down * k)
        assert np.array_equal(camera.look(image, k / 25), plain.look(image, k / 25))
    assert camera.failed == 0


def test_nothing_is_compared_with_what_was_before_a_cut():
    camera = CameraMotion()
    camera.look(textured(0, 0), 0.0)
    camera.forget()
    assert camera.look(textured(30, 0), 0.04) is None and camera.failed == 0


def test_means_move_with_the_camera_and_keep_their_velocity():
    boxes = np.array([[10.0, 20, 50, 70], [100, 100, 180, 200]])
    mean = np.concatenate([from_boxes(boxes), np.full((2, 4), 3.0)], axis=1)
    moved = moved_means(mean, np.array([[1.0, 0, 5], [0, 1, -2], [0, 0, 1]]))
    assert to_boxes(moved) == pytest.approx(boxes + np.array([5, -2, 5, -2]))
    assert (moved[:, 4:] == 3).all()
    assert moved_means(np.zeros((0, 8)), np.eye(3)).shape == (0, 8)
