"""The motion filter: time in seconds, noise in face heights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facevlm.tracking.kalman import CHI2_95_4DOF, KalmanFilter, from_box, to_box

BOX = np.array([100.0, 50.0, 180.0, 150.0])


def moved(right, down=0.0):
    return BOX + np.array([right, down, right, down])


def followed(boxes, steps, scale=1.0):
    kalman = KalmanFilter()
    motion = kalman.first(boxes[0] * scale)
    for box, step in zip(boxes[1:], steps, strict=True):
        motion = kalman.update(kalman.predict(motion, step), box * scale)
    return motion


def test_box_and_state_are_inverse():
    assert from_box(BOX) == pytest.approx([140, 100, 0.8, 100])
    assert to_box(from_box(BOX)) == pytest.approx(BOX)


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 1), st.floats(0, 1))
def test_predicting_in_two_steps_is_predicting_in_one(first, second):
    kalman, motion = KalmanFilter(), followed([BOX, moved(3), moved(6)], [0.03, 0.03])
    motion.mean[7] = 0.0  # of constant height
    twice, once = kalman.predict(kalman.predict(motion, first), second), kalman.predict(motion, first + second)
    assert twice.mean == pytest.approx(once.mean)
    assert twice.covariance == pytest.approx(once.covariance, rel=1e-6, abs=1e-6)


def test_uneven_steps_give_the_true_velocity():
    steps = np.random.default_rng(0).uniform(0.01, 0.09, 60)
    times = np.concatenate([[0], np.cumsum(steps)])
    motion = followed([moved(120 * t, -60 * t) for t in times], steps)
    assert motion.mean[4:6] == pytest.approx([120, -60], abs=2)
    assert KalmanFilter().predict(motion, 0.5).box[0] == pytest.approx(100 + 120 * (times[-1] + 0.5), abs=3)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.05, 20))
def test_the_size_of_the_video_does_not_matter(scale):
    boxes = [moved(4 * k, k) for k in range(10)]
    plain, scaled = followed(boxes, [0.04] * 9), followed(boxes, [0.04] * 9, scale)
    assert scaled.box == pytest.approx(plain.box * scale, rel=1e-6)
    away = np.stack([BOX, BOX + 30])
    distances = KalmanFilter().distances
    assert distances(scaled, away * scale) == pytest.approx(distances(plain, away), rel=1e-4)


def test_the_gate_widens_while_a_face_is_unseen():
    kalman, motion = KalmanFilter(), followed([BOX] * 10, [1 / 30] * 9)
    aside = moved(80)[None]
    near, far = (kalman.distances(kalman.predict(motion, t), aside)[0] for t in (1 / 30, 0.8))
    assert near > CHI2_95_4DOF > far
    assert kalman.distances(motion, np.zeros((0, 4))).shape == (0,)


def test_covariance_stays_symmetric_and_positive():
    motion = followed([BOX] * 500, [1 / 30] * 499)
    assert motion.covariance == pytest.approx(motion.covariance.T)
    assert np.linalg.eigvalsh(motion.covariance).min() > 0


def test_a_shrinking_face_never_turns_inside_out():
    motion = followed([BOX, np.array([130.0, 90, 150, 115])], [0.05])
    x0, y0, x1, y1 = KalmanFilter().predict(motion, 3.0).box
    assert x1 > x0 and y1 > y0
