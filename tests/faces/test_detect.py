"""Face detection: anchors, letterbox and suppression by hand-made numbers; one face at many sizes and places."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from facevlm.faces import detect
from facevlm.faces.detect import (
    DETECTORS,
    FULL_RANGE,
    SHORT_RANGE,
    Blaze,
    BlazeNetwork,
    SmallFaces,
    WholeFrame,
    merge,
)
from facevlm.faces.faces import Detections
from facevlm.faces.mesh import AttentionMesh, Roi
from facevlm.faces.suppress import box_iou, drop_contained, weighted_nms
from facevlm.tracking.tracker import TrackerConfig
from tests.faces.portrait import EYES, FACE, placed, portrait


@pytest.fixture(scope="module")
def whole() -> WholeFrame:
    return WholeFrame()


@pytest.fixture(scope="module")
def small() -> SmallFaces:
    return SmallFaces()


def detections(*rows: tuple[float, tuple[float, float, float, float]]) -> Detections:
    """Rows of score and box; the one key point is the box's corner."""
    boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([score for score, _ in rows], np.float32), boxes[:, None, :2].copy())


# --- anchors and letterbox


@pytest.mark.parametrize(("blaze", "count"), [(SHORT_RANGE, 896), (FULL_RANGE, 2304)])
def test_anchors_are_as_many_as_the_network_has_rows(blaze, count):
    centres = detect._anchor_centres(blaze)
    assert centres.shape == (count, 2) and centres.dtype == np.float32
    assert centres.min() > 0 and centres.max() < 1


def test_anchors_go_row_by_row_at_the_middle_of_each_cell():
    centres = detect._anchor_centres(Blaze("none", 4, ((2, 2), (4, 1))))
    quarter = [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    np.testing.assert_allclose(centres, [*np.repeat(quarter, 2, axis=0), [0.5, 0.5]])


class ScriptedNetwork:
    """Answers with given rows and keeps what it was shown."""

    def __init__(self, raw: np.ndarray, logits: np.ndarray) -> None:
        self.raw, self.logits, self.seen = raw, logits, np.empty(0)

    def __call__(self, canvas: np.ndarray) -> list[np.ndarray]:
        self.seen = canvas.copy()
        return [self.raw, self.logits]


@pytest.fixture
def scripted(monkeypatch) -> ScriptedNetwork:
    """A short-range network that is sure of anchor 0 (centre 4, 4 of 128) and of nothing else."""
    raw = np.zeros((1, 896, 16), np.float32)
    raw[0, 0, :4] = [60, 28, 32, 16]  # centre moved by (60, 28), 32 wide, 16 high
    raw[0, 0, 4:6] = [50, 20]
    logits = np.full((1, 896, 1), -200.0, np.float32)  # far beyond what exp can take
    logits[0, 0] = 2.0
    network = ScriptedNetwork(raw, logits)
    monkeypatch.setattr(detect, "load", lambda name: b"")
    monkeypatch.setattr(detect, "Network", lambda model, threads: network)
    return network


@pytest.mark.parametrize(
    ("width", "height", "box", "first_eye"),
    [
        (128, 128, (48, 24, 80, 40), (54, 24)),
        (256, 128, (96, -16, 160, 16), (108, -16)),  # letterboxed: 32 rows of 128 above
        (64, 128, (16, 24, 48, 40), (22, 24)),  # 32 columns at the left
        (512, 512, (192, 96, 320, 160), (216, 96)),
    ],
)
def test_a_detection_is_told_in_pixels_of_the_frame(scripted, width, height, box, first_eye):
    found = BlazeNetwork(SHORT_RANGE).detect(np.full((height, width, 3), 255, np.uint8))
    np.testing.assert_allclose(found.boxes, [box], atol=1e-3)
    np.testing.assert_allclose(found.keypoints[0, 0], first_eye, atol=1e-3)
    assert found.scores == pytest.approx([1 / (1 + np.exp(-2))])


def test_the_network_sees_the_whole_frame_between_black_bars(scripted):
    BlazeNetwork(SHORT_RANGE).detect(np.full((50, 100, 3), 255, np.uint8))
    assert scripted.seen.shape == (1, 128, 128, 3)
    np.testing.assert_allclose(scripted.seen[0, 32:96], 1, atol=1e-6)
    np.testing.assert_array_equal(scripted.seen[0, :32], -1)
    np.testing.assert_array_equal(scripted.seen[0, 96:], -1)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (3000, 2), (2, 1000)])
def test_frames_of_any_shape_can_be_looked_at(whole, small, size):
    image = np.full((*size, 3), 90, np.uint8)
    assert not len(whole.detect(image).scores) and not len(small.detect(image).scores)


# --- suppression


def test_overlapping_detections_become_their_mean_weighted_with_the_scores():
    found = weighted_nms(detections((0.6, (10, 0, 110, 100)), (0.9, (0, 0, 100, 100)), (0.5, (300, 300, 400, 400))))
    np.testing.assert_allclose(found.boxes, [[4, 0, 104, 100], [300, 300, 400, 400]], atol=1e-4)
    np.testing.assert_allclose(found.keypoints[:, 0], [[4, 0], [300, 300]], atol=1e-4)
    np.testing.assert_allclose(found.scores, [0.9, 0.5])


@pytest.mark.parametrize(
    ("situation", "rows", "left"),
    [
        ("none", (), 0),
        ("one", ((0.7, (0, 0, 10, 10)),), 1),
        ("side by side", ((0.7, (0, 0, 10, 10)), (0.7, (10, 0, 20, 10))), 2),
        ("little overlap", ((0.7, (0, 0, 10, 10)), (0.6, (6, 0, 16, 10))), 2),
        ("much overlap", ((0.7, (0, 0, 10, 10)), (0.6, (3, 0, 13, 10))), 1),
        ("equal scores, same box", ((0.7, (0, 0, 10, 10)), (0.7, (0, 0, 10, 10))), 1),
        ("empty boxes", ((0.7, (5, 5, 5, 5)), (0.6, (5, 5, 5, 5))), 2),
    ],
)
def test_suppression_leaves_one_per_face(situation, rows, left):
    found = weighted_nms(detections(*rows))
    assert len(found.scores) == left
    assert found.boxes.shape == (left, 4) and found.keypoints.shape == (left, 1, 2)
    assert (np.diff(found.scores) <= 0).all()


def test_part_of_a_face_inside_the_whole_face_is_dropped():
    whole_face, part, beside = (0, 0, 100, 100), (60, 60, 100, 104), (90, 0, 150, 60)
    found = drop_contained(detections((0.8, whole_face), (0.7, part), (0.6, beside)))
    np.testing.assert_allclose(found.boxes, [whole_face, beside])
    better_part = drop_contained(detections((0.7, whole_face), (0.8, part)))
    np.testing.assert_allclose(better_part.boxes, [part])


def test_two_networks_are_merged_on_the_key_points_they_share():
    first = Detections(np.array([[0, 0, 10, 10]], np.float32), np.array([0.9], np.float32), np.zeros((1, 6, 2)))
    second = Detections(np.array([[50, 0, 60, 10]], np.float32), np.array([0.8], np.float32), np.ones((1, 5, 2)))
    both = merge([first, second])
    assert both.keypoints.shape == (2, 5, 2) and len(both.scores) == 2
    nothing = merge([weighted_nms(detections()), weighted_nms(detections())])
    assert len(nothing.scores) == 0


def test_overlap_of_boxes():
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [2, 2, 2, 2]], np.float32)
    np.testing.assert_allclose(box_iou(np.array([0, 0, 10, 10], np.float32), others), [1, 1 / 3, 0, 0], atol=1e-6)


@pytest.mark.parametrize(("length", "side"), [(100, 100), (100, 60), (1920, 648), (50, 60), (1080, 648)])
def test_tiles_cover_the_frame_and_overlap_by_a_third(length, side):
    starts = detect._starts(length, side)
    assert starts[0] == 0 and (starts[-1] == max(length - side, 0) or length <= side)
    assert all(b - a <= side * 2 / 3 + 1 for a, b in pairwise(starts))


# --- on pictures


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (480, 854)])
@pytest.mark.parametrize("share", [0.18, 0.3, 0.6])
@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.3, 0.6), (0.7, 0.4)])
def test_one_face_is_found_once_wherever_it_is(whole, size, share, centre):
    image, face = placed(size, share * min(size), centre)
    found = whole.detect(image)
    assert len(found.scores) == 1
    assert box_iou(face.astype(np.float32), found.boxes)[0] > 0.6


def test_key_points_begin_with_the_subjects_right_eye(whole):
    found = whole.detect(portrait())
    right, left = found.keypoints[0, :2]
    assert np.linalg.norm(right - EYES["right"]) < 10 and np.linalg.norm(left - EYES["left"]) < 10
    nose, mouth = found.keypoints[0, 2:4]
    assert right[1] < nose[1] < mouth[1] < FACE[3]


@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.2, 0.7), (0.8, 0.3)])
@pytest.mark.parametrize("face_px", [20, 30])
def test_small_face_mode_finds_what_the_whole_frame_hides(whole, small, face_px, centre):
    image, face = placed((1280, 720), face_px, centre)
    target = face.astype(np.float32)
    assert not (box_iou(target, whole.detect(image).boxes) > 0.4).any()
    assert (box_iou(target, small.detect(image).boxes) > 0.4).any()


def test_small_face_mode_still_finds_a_large_face(small):
    image, face = placed((640, 480), 250, (0.5, 0.5))
    assert (box_iou(face.astype(np.float32), small.detect(image).boxes) > 0.6).any()


def faceless() -> dict[str, np.ndarray]:
    """Pictures without a face, uint8 (360, 640, 3)."""
    rng = np.random.default_rng(0)
    grey = {
        "flat": np.full((360, 640), 127),
        "black": np.zeros((360, 640)),
        "white": np.full((360, 640), 255),
        "chequers": np.kron(np.indices((12, 20)).sum(0) % 2, np.full((30, 32), 255)),
        "stripes": np.tile(np.repeat([40, 200], 8), (360, 40)),
        "gradient": np.tile(np.linspace(0, 255, 640), (360, 1)),
    }
    pictures = {name: np.repeat(picture[..., None], 3, 2).astype(np.uint8) for name, picture in grey.items()}
    return pictures | {"noise": rng.integers(0, 256, (360, 640, 3), dtype=np.uint8)}


@pytest.mark.parametrize(("what", "picture"), faceless().items())
def test_nothing_is_found_where_nothing_is(whole, what, picture):
    assert len(whole.detect(picture).scores) == 0


def test_blots_that_look_like_a_face_do_not_pass_as_one(whole):
    """About every second picture of soft blots has a box; the score and the mesh's presence together refuse it."""
    mesh, limits = AttentionMesh(), TrackerConfig()
    boxes = 0
    for seed in range(12):
        blots = np.random.default_rng(seed).integers(0, 256, (9, 16, 3), dtype=np.uint8)
        picture = cv2.resize(blots, (640, 360), interpolation=cv2.INTER_CUBIC)
        found = whole.detect(picture)
        for box, score, keypoints in zip(found.boxes, found.scores, found.keypoints, strict=True):
            presence = mesh.fit(picture, Roi.from_detection(box, keypoints)).presence
            assert score < limits.birth_score or presence < limits.birth_presence
            boxes += 1
    assert boxes  # else this tests nothing


def test_detectors_are_known_by_name():
    assert {"whole", "small"} <= set(DETECTORS)
    assert all(callable(kind) and hasattr(kind, "detect") for kind in DETECTORS.values())
