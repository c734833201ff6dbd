"""The motion filter: time in frames of any part, noise in face heights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facevlm.errors import UsageError
from facevlm.tracking.kalman import CHI2_95_4DOF, Beliefs, KalmanConfig, KalmanFilter, from_boxes, to_boxes
from facevlm.tracking.strongsort import FACES

BOX = np.array([100.0, 50.0, 180.0, 150.0])
BOTH = pytest.mark.parametrize("config", [KalmanConfig(), FACES.kalman], ids=["paper", "faces"])


def moved(right, down=0.0):
    return BOX + np.array([right, down, right, down])


def followed(boxes, steps, scale=1.0, config=None):
    """Beliefs (of one) after boxes seen `steps` frames apart."""
    kalman = KalmanFilter(config)
    beliefs = kalman.first(from_boxes(boxes[0] * scale))
    for box, step in zip(boxes[1:], steps, strict=True):
        beliefs = kalman.update(kalman.predict(beliefs, step), from_boxes(box * scale))
    return beliefs


def test_box_and_state_are_inverse():
    assert from_boxes(BOX)[0] == pytest.approx([140, 100, 0.8, 100])
    assert to_boxes(from_boxes(BOX))[0] == pytest.approx(BOX)


@BOTH
@settings(deadline=None, max_examples=30)
@given(st.floats(0, 30), st.floats(0, 30))
def test_predicting_in_two_steps_is_predicting_in_one(config, first, second):
    kalman, beliefs = KalmanFilter(config), followed([BOX, moved(3), moved(6)], [1, 1], config=config)
    beliefs.mean[:, 7] = 0.0  # of constant height
    twice, once = kalman.predict(kalman.predict(beliefs, first), second), kalman.predict(beliefs, first + second)
    assert twice.mean == pytest.approx(once.mean)
    assert twice.covariance == pytest.approx(once.covariance, rel=1e-6, abs=1e-6)


@BOTH
@settings(deadline=None, max_examples=50)
@given(st.floats(0, 50))
def test_noise_is_a_covariance_for_every_step(config, frames):
    certain = Beliefs(np.array([[0, 0, 0.8, 100, 0, 0, 0, 0.0]]), np.zeros((1, 8, 8)))
    assert np.linalg.eigvalsh(KalmanFilter(config).predict(certain, frames).covariance).min() > -1e-9


def test_a_drift_that_is_no_noise_for_short_steps_is_refused():
    with pytest.raises(UsageError, match=r"0\.29"):
        KalmanConfig(drift_position=0.001)
    with pytest.raises(UsageError, match="negative"):
        KalmanConfig(measured_position=-1)


@BOTH
def test_uneven_steps_give_the_true_velocity(config):
    steps = np.random.default_rng(0).uniform(0.3, 2.7, 60)
    times = np.concatenate([[0], np.cumsum(steps)])
    beliefs = followed([moved(4 * t, -2 * t) for t in times], steps, config=config)
    assert beliefs.mean[0, 4:6] == pytest.approx([4, -2], abs=0.07)
    assert KalmanFilter(config).predict(beliefs, 15).boxes[0, 0] == pytest.approx(100 + 4 * (times[-1] + 15), abs=3)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.05, 20))
def test_the_size_of_the_video_does_not_matter(scale):
    boxes = [moved(4 * k, k) for k in range(10)]
    plain, scaled = followed(boxes, [1.2] * 9), followed(boxes, [1.2] * 9, scale)
    assert scaled.boxes == pytest.approx(plain.boxes * scale, rel=1e-6)
    away = np.stack([BOX, BOX + 30])
    distances = KalmanFilter().distances
    near, far = distances(scaled, from_boxes(away * scale)), distances(plain, from_boxes(away))
    assert near == pytest.approx(far, rel=1e-4)


@BOTH
def test_the_gate_widens_while_a_face_is_unseen(config):
    kalman, beliefs = KalmanFilter(config), followed([BOX] * 10, [1] * 9, config=config)
    aside = from_boxes(moved(80))
    near, far = (kalman.distances(kalman.predict(beliefs, n), aside)[0, 0] for n in (1, 24))
    assert near > CHI2_95_4DOF > far
    assert kalman.distances(beliefs, np.zeros((0, 4))).shape == (1, 0)


@BOTH
def test_covariance_stays_symmetric_and_positive(config):
    covariance = followed([BOX] * 500, [1] * 499, config=config).covariance[0]
    assert covariance == pytest.approx(covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_many_boxes_at_once_are_each_alone():
    kalman, boxes = KalmanFilter(), np.stack([BOX, moved(50) * 2, moved(-30, 9) / 3])
    scores = np.array([0.9, 0.6, 1.0])
    together = kalman.update(kalman.predict(kalman.first(from_boxes(boxes)), 1.5), from_boxes(boxes + 1), scores)
    for k in range(3):
        one = kalman.predict(kalman.first(from_boxes(boxes[k])), 1.5)
        one = kalman.update(one, from_boxes(boxes[k] + 1), scores[k : k + 1])
        assert one.mean[0] == pytest.approx(together.mean[k]) and together[k : k + 1].mean == pytest.approx(one.mean)
    assert kalman.distances(together, from_boxes(boxes)).shape == (3, 3)


def test_a_surer_box_counts_more():
    kalman, beliefs = KalmanFilter(KalmanConfig(nsa=True)), followed([BOX] * 5, [1] * 4)
    expected = kalman.predict(beliefs, 1)
    at = [kalman.update(expected, from_boxes(moved(9)), np.array([c])).boxes[0, 0] for c in (0.0, 0.5, 1.0)]
    assert at[0] < at[1] < at[2] == pytest.approx(109, abs=1e-3)
    plain = KalmanFilter(KalmanConfig(nsa=False)).update(expected, from_boxes(moved(9)), np.array([0.9]))
    assert plain.boxes[0, 0] == pytest.approx(at[0])


def test_a_shrinking_face_never_turns_inside_out():
    beliefs = followed([BOX, np.array([130.0, 90, 150, 115])], [1.5])
    x0, y0, x1, y1 = KalmanFilter().predict(beliefs, 90).boxes[0]
    assert x1 > x0 and y1 > y0
