"""Signals of the template turned, tilted and moved by known amounts."""

import numpy as np
import pytest

from facevlm.expression.brow_lines import brow_lines
from facevlm.expression.head_pose import normalise, template
from facevlm.expression.signals import SIGNALS, signals

PIXELS = 120.0  # per outer-eye distance


def posed(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, points: np.ndarray | None = None) -> np.ndarray:
    """float (1, 478, 3) the template in a picture; degrees as the subject moves: left, up, to the left shoulder."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    face = (template().points if points is None else points) @ (about_z @ about_y @ about_x).T
    return (face * PIXELS + [300, 200, 0])[None]


@pytest.mark.parametrize(
    ("pose", "signs"),
    [
        ({"yaw": 20}, {"yaw": 20, "pitch": 0, "roll": 0}),
        ({"yaw": -35}, {"yaw": -35, "pitch": 0, "roll": 0}),
        ({"pitch": 15}, {"yaw": 0, "pitch": 15, "roll": 0}),
        ({"pitch": -15}, {"yaw": 0, "pitch": -15, "roll": 0}),
        ({"roll": 25}, {"yaw": 0, "pitch": 0, "roll": 25}),
    ],
)
def test_pose_is_recovered(pose, signs):
    s = signals(posed(**pose))
    assert {k: round(float(s[k][0])) for k in signs} == signs


def test_turning_left_moves_the_nose_to_the_right_of_the_picture():
    turned, frontal = posed(yaw=20)[0], posed()[0]
    eyes = [33, 263]
    assert turned[1, 0] - turned[eyes, 0].mean() > frontal[1, 0] - frontal[eyes, 0].mean() + 5


@pytest.mark.parametrize("pose", [{"yaw": 25}, {"pitch": 12}, {"roll": -20}, {"yaw": -15, "pitch": 10, "roll": 12}])
def test_expression_signals_do_not_depend_on_pose_place_and_size(pose):
    frontal, turned = signals(posed()), signals(posed(**pose) * 0.4 + [[[50, -20, 0]]])
    for name in SIGNALS:
        if name not in ("yaw", "pitch", "roll", "size", "centre_x", "centre_y", "brow_lines"):
            assert abs(float(frontal[name][0] - turned[name][0])) < 2e-3, name


def test_scale_and_centre_are_in_pixels():
    face = normalise(posed())
    assert face.scale[0] == pytest.approx(PIXELS, rel=1e-6) and face.centre[0] == pytest.approx([300, 200], abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "shift", "signal", "sign"),
    [
        ([468], (0.03, 0, 0), "gaze_x", 1),  # an iris to the picture's right: to the subject's left
        ([468, 473], (0, 0.03, 0), "gaze_y", -1),
        ([61], (0, -0.05, 0), "corner_right", 1),
        ([291], (0, -0.05, 0), "corner_left", 1),
        ([87, 14, 317], (0, 0.1, 0), "mouth_aperture", 1),
        ([61, 291, 0, 17, 13, 14], (0.1, 0, 0), "mouth_shift", 1),
        ([336, 296, 285, 295], (0, -0.05, 0), "brow_inner_left", 1),
        ([107, 66, 55, 65], (0, -0.05, 0), "brow_inner_right", 1),
        ([160, 159, 158, 157], (0, 0.03, 0), "lid_right", -1),
        ([387, 386, 385, 384], (0, 0.03, 0), "lid_left", -1),
        ([107, 55], (0.03, 0, 0), "brow_distance", -1),
    ],
)
def test_a_moved_point_moves_its_signal(rows, shift, signal, sign):
    points = template().points.copy()
    points[rows] += shift
    change = float(signals(posed(points=points))[signal][0] - signals(posed())[signal][0])
    assert np.sign(change) == sign and abs(change) > 0.005


def test_the_template_is_symmetric_and_shipped_whole():
    t = template()
    assert t.points.shape == (478, 3) and (t.mirror[t.mirror] == np.arange(478)).all()
    assert np.abs(t.points * [-1, 1, 1] - t.points[t.mirror]).max() < 1e-3


def test_brow_lines_see_folds_and_not_smooth_skin():
    landmarks = posed()[0]
    smooth = np.full((400, 600, 3), 170, np.uint8)
    folded = smooth.copy()
    x = int(landmarks[[107, 55, 336, 285], 0].mean())
    folded[:, x - 5 : x - 3] = folded[:, x + 3 : x + 5] = 90
    assert brow_lines(smooth, landmarks) < 1e-3 < 0.02 < brow_lines(folded, landmarks)
