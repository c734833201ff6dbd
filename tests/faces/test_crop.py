"""The crop that models see: how far it is widened, what happens at the edge, which pixels it holds."""

import json
from pathlib import Path

import numpy as np
import pytest

from facevlm.faces.crop import centre_crop, face_crop, widened_box

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "golden" / "preprocess.json"

BOXES = {
    "inside": ([100, 100, 140, 180], [90, 80, 150, 200]),
    "at the edge": ([0, 300, 40, 360], [0, 285, 50, 360]),
    "all": ([0, 0, 640, 360], [0, 0, 640, 360]),
}


@pytest.mark.parametrize("name", BOXES)
def test_a_box_grows_by_half_and_stays_inside(name):
    box, expected = BOXES[name]
    assert widened_box(np.array(box), (640, 360)).tolist() == expected


@pytest.mark.skipif(not GOLDEN.is_file(), reason="no ../shared/golden/preprocess.json")
def test_boxes_grow_as_the_reference_does():
    for case in json.loads(GOLDEN.read_text())["adjust_bbox_640x360"]:
        assert widened_box(np.array(case["box"]), (640, 360)) == pytest.approx(case["out"])


def test_the_crop_holds_the_widened_box():
    image = np.zeros((360, 640, 3), np.uint8)
    image[80:200, 90:150] = (255, 0, 0)
    crop = face_crop(image, np.array([100.0, 100, 140, 180]))
    assert crop.shape == (224, 224, 3) and crop.dtype == np.uint8
    assert (crop == (255, 0, 0)).all()


@pytest.mark.parametrize("box", [[700, 400, 720, 420], [-50, -50, -10, -10], [10, 10, 10, 10]])
def test_a_box_outside_or_empty_still_gives_a_picture(box):
    image = np.full((360, 640, 3), 7, np.uint8)
    assert (face_crop(image, np.array(box, float)) == 7).all()


def test_the_centre_crop_is_the_middle_square():
    image = np.zeros((100, 300, 3), np.uint8)
    image[:, 100:200] = 255
    assert (centre_crop(image) == 255).all()
