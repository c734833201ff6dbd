"""StrongSORT alone: the life of tracks, cuts, camera motion, and what must never matter."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facevlm.errors import InputError, UsageError
from facevlm.tracking import DEEPSORT, FACES, DetectedBoxes, StrongSort, StrongSortConfig

from .moving_faces import look

PAPER = StrongSortConfig()
CONFIGS = {"paper": PAPER, "faces": FACES, "deepsort": DEEPSORT}
EACH = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
FRAME = 1 / 30


def faces(*boxes, people=(), score=0.9, **options):
    """Boxes given as centre x, centre y, height."""
    xyxy = [[x - 0.4 * h, y - h / 2, x + 0.4 * h, y + h / 2] for x, y, h in boxes]
    features = np.stack([look(p) for p in people]) if people else None
    return DetectedBoxes.of(np.array(xyxy).reshape(-1, 4), np.full(len(boxes), score), features=features, **options)


NOBODY = faces()


def ids(tracked):
    return [t.track_id for t in tracked]


def test_a_track_is_confirmed_when_seen_three_times_in_turn():
    sort = StrongSort(PAPER)
    assert [ids(sort.update(faces((100, 100, 50)), k * FRAME)) for k in range(4)] == [[], [], [1], [1]]
    sort = StrongSort(PAPER)
    for k in range(6):  # a flicker never is
        assert sort.update(faces((100, 100, 50)) if k % 2 else NOBODY, k * FRAME) == []


def test_a_lost_track_is_given_out_where_expected_for_a_frame_and_ends_after_max_age():
    sort = StrongSort(PAPER)
    tracked = [sort.update(faces((100 + 6 * k, 100, 50)), k * FRAME) for k in range(10)]
    (last,), (lost,) = tracked[-1], sort.update(NOBODY, 10 * FRAME)
    assert last.detection == 0 and lost.detection is None
    assert lost.box[0] == pytest.approx(last.box[0] + 6, abs=1)
    for k in range(11, 40):
        assert sort.update(NOBODY, k * FRAME) == [] and sort.ended == ()
    assert set(sort.expected(39 * FRAME)) == {1}
    sort.update(NOBODY, 40 * FRAME)
    assert sort.ended == (1,) and sort.expected(40 * FRAME) == {}


@EACH
@pytest.mark.parametrize(("gap", "same"), [(0.5, True), (0.95, True), (1.3, False), (4.0, False)])
def test_age_is_counted_in_time_not_in_frames(config, gap, same):
    """A gap without any frame, as in a damaged file, is as long as it lasts."""
    sort, time = StrongSort(config), 0.0
    for k in range(6):
        time = k * FRAME
        sort.update(faces((100, 100, 50), people=[0]), time)
    found = [sort.update(faces((101, 100, 50), people=[0]), time + gap + k * FRAME) for k in range(4)][-1]
    assert (ids(found) == [1]) == same


@EACH
def test_a_cut_ends_all_tracks_and_the_camera_does_not_move_across_it(config):
    sort, image = StrongSort(replace(config, camera_motion=True)), textured(0, 0)
    for k in range(5):
        sort.update(faces((100, 100, 50), people=[0]), k * FRAME, image=image)
    sort.update(faces((100, 100, 50), people=[0]), 5 * FRAME, shot=1, image=textured(40, 0))
    assert sort.ended == (1,) and sort.camera.failed == 0


def textured(right, down, *, size=(480, 640)):
    """A picture of smooth random texture, seen by a camera that has moved."""
    rng = np.random.default_rng(0)
    import cv2

    world = cv2.GaussianBlur(rng.uniform(0, 255, (size[0] + 200, size[1] + 200)).astype(np.float32), (0, 0), 25)
    world = cv2.normalize(world, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    view = world[100 + down : 100 + down + size[0], 100 + right : 100 + right + size[1]]
    return np.repeat(view[:, :, None], 3, axis=2)


@pytest.mark.parametrize("given_as", ["image", "matrix"])
def test_a_camera_that_jerks_keeps_the_ids(given_as):
    """All faces jump by more than their size; without camera motion they are new ones."""

    def last_ids(config):
        sort = StrongSort(config)
        for k in range(10):
            shift = 0 if k < 6 else -40
            matrix = np.array([[1, 0, shift if k == 6 else 0.0], [0, 1, 0]])
            camera = {"image": textured(-shift, 0)} if given_as == "image" else {"camera_matrix": matrix}
            tracked = sort.update(faces((120 + shift, 80, 30), (200 + shift, 160, 30)), k * FRAME, **camera)
        return ids(tracked)

    assert last_ids(PAPER) == [1, 2]
    assert not set(last_ids(replace(PAPER, camera_motion=False))) & {1, 2}


def test_what_is_given_back_names_the_detection():
    sort = StrongSort(FACES)
    detections = faces((300, 100, 40), (100, 100, 60), (200, 200, 80), score=0.9)
    for k in range(3):
        tracked = sort.update(detections, k * FRAME)
    assert [t.detection for t in tracked] == [2, 1, 0]  # larger faces get the smaller ids
    for t in tracked:
        assert t.box == pytest.approx(detections.boxes[t.detection], abs=0.5)


def test_weak_faces_are_left_out_and_some_may_not_start():
    sort = StrongSort(FACES)
    assert sort.update(faces((100, 100, 50), score=0.4), 0.0) == []
    assert sort.update(faces((100, 100, 50), may_start=[False]), FRAME) == []
    assert ids(sort.update(faces((100, 100, 50)), 2 * FRAME)) == [1]
    assert ids(sort.update(faces((100, 100, 50), may_start=[False]), 3 * FRAME)) == [1]


def test_surprise_is_the_distance_from_where_a_track_is_expected():
    sort = StrongSort(FACES)
    for k in range(9):
        sort.update(faces((100 + 5 * k, 100, 50)), k * FRAME)
    there, away = (faces((x, 100, 50)).boxes[0] for x in (145, 185))
    near, far, unknown = sort.surprise([1, 1, 7], np.stack([there, away, there]), 9 * FRAME)
    assert near < 1 < 9.4877 < far and unknown == np.inf


WRONG = {
    "a score missing": ([[0, 0, 9, 9]], [], {}, "scores"),
    "a vector missing": ([[0, 0, 9, 9]], [0.9], {"features": np.zeros((0, 4))}, "features"),
    "not a number": ([[0, 0, np.nan, 9]], [0.9], {}, "not finite"),
    "inverted": ([[9, 0, 0, 9]], [0.9], {}, "no area"),
    "of no height": ([[0, 5, 9, 5]], [0.9], {}, "no area"),
    "three numbers a box": ([[0, 0, 9]], [0.9], {}, "boxes of shape"),
    "a vector finite in part": ([[0, 0, 9, 9]], [0.9], {"features": [[1.0, np.nan]]}, "finite in part"),
    "an infinite vector": ([[0, 0, 9, 9]], [0.9], {"features": [[1.0, np.inf]]}, "finite in part"),
    "a vector without a row": ([[0, 0, 9, 9]], [0.9], {"features": np.ones(1)}, "vectors of shape"),
    "a score that is none": ([[0, 0, 9, 9]], [np.inf], {}, "not finite"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_detections_are_told(name):
    boxes, scores, options, message = WRONG[name]
    with pytest.raises(InputError, match=message):
        DetectedBoxes.of(np.array(boxes), np.array(scores), **options)


@pytest.mark.parametrize("time", [np.nan, np.inf])
def test_a_time_that_is_none_is_told(time):
    with pytest.raises(InputError, match="is no time"):
        StrongSort().update(NOBODY, time)


def test_vectors_keep_their_length_and_none_is_no_length():
    sort = StrongSort(FACES)
    box = np.array([[100, 100, 140, 150.0]])

    def given(features):
        return DetectedBoxes.of(box, np.array([0.9]), features=features)

    for k, features in enumerate([None, [[np.nan] * 4], np.eye(4)[:1], None, np.eye(4)[:1]]):
        assert ids(sort.update(given(features), k * FRAME)) == [1]
    with pytest.raises(InputError, match="vectors of length 5 after those of 4"):
        sort.update(given(np.eye(5)[:1]), 5 * FRAME)
    assert ids(sort.update(given(np.eye(4)[:1]), 5 * FRAME)) == [1]


def test_time_never_runs_back():
    sort = StrongSort()
    sort.update(NOBODY, 1.0)
    with pytest.raises(InputError, match="time runs back"):
        sort.update(NOBODY, 0.9)


# --- what must never matter


def any_scene(seed, *, steady=False):
    """[(time, shot, boxes, people)]: moving, missed and false faces, uneven times, cuts; or people who only walk."""
    rng = np.random.default_rng(seed)
    n, frames, time, shot = int(rng.integers(1, 7)), [], 0.0, 0
    at, speed = rng.uniform(100, 900, (n, 2)), rng.normal(0, 60, (n, 2))
    if steady:  # apart from each other
        at, speed = np.column_stack([200.0 * np.arange(n) + 100, np.full(n, 300.0)]), rng.normal(0, 20, (n, 2))
    for _ in range(40):
        step = FRAME if steady else rng.uniform(0.005, 0.15)
        time, at = time + step, at + speed * step
        shot += int(not steady and rng.random() < 0.03)
        there = [p for p in range(n) if steady or rng.random() < 0.85]
        boxes = [(*at[p], 60 + 6 * p) for p in there]
        if not steady and rng.random() < 0.3:
            boxes.append((*rng.uniform(0, 900, 2), 40))
            there.append(11)
        frames.append((time, shot, boxes, there))
    return frames


def followed(config, scene, *, scale=1.0, order=None):
    """Rows (frame, id, box) of a scene."""
    sort, rows = StrongSort(config), []
    for number, (time, shot, boxes, people) in enumerate(scene):
        picks = list(range(len(boxes)))
        if order is not None:
            picks = order.permutation(len(boxes)).tolist()
        scaled = [tuple(scale * v for v in boxes[j]) for j in picks]
        found = faces(*scaled, people=[people[j] for j in picks])
        for t in sort.update(found, time, shot=shot):
            rows.append((number, t.track_id, *t.box))
    return np.array(rows).reshape(-1, 6)


@EACH
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_ids_are_unique_in_each_frame_and_boxes_are_finite(config, seed):
    rows = followed(config, any_scene(seed))
    assert len(np.unique(rows[:, :2], axis=0)) == len(rows) and np.isfinite(rows).all()
    assert (rows[:, 4:] > rows[:, 2:4]).all()


@EACH
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_detections_changes_nothing(config, seed):
    scene = any_scene(seed)
    shuffled = followed(config, scene, order=np.random.default_rng(seed))
    np.testing.assert_allclose(shuffled, followed(config, scene), atol=1e-6)


@EACH
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 6))
def test_scaling_the_video_scales_the_boxes(config, seed, scale):
    scene = any_scene(seed)
    plain, scaled = followed(config, scene), followed(config, scene, scale=scale)
    np.testing.assert_allclose(scaled[:, :2], plain[:, :2])
    np.testing.assert_allclose(scaled[:, 2:], plain[:, 2:] * scale, rtol=1e-5, atol=1e-3)


@EACH
@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_a_simple_scene_has_as_many_tracks_backwards(config, seed):
    scene = any_scene(seed, steady=True)
    end = scene[-1][0]
    backwards = [(end - time, shot, boxes, people) for time, shot, boxes, people in scene[::-1]]
    people = len(scene[0][2])
    for played in (scene, backwards):
        assert set(followed(config, played)[:, 1]) == set(range(1, people + 1))


def test_tentative_tracks_need_the_second_pass():
    alone = replace(FACES.association, max_overlap_cost=None)
    with pytest.raises(UsageError, match="no tentative track"):
        StrongSort(replace(FACES, n_init=2, association=alone))
    StrongSort(replace(FACES, association=alone))
