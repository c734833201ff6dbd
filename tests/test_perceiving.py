"""From video to tracked faces: ids, spans and shots, when the detector looks, what is kept and what is let go."""

import sys
import threading
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facevlm import perceive
from facevlm.errors import UsageError, VideoError, WeightsError
from facevlm.faces.suppress import box_iou
from facevlm.perceiving import DOUBT_EVERY_S, FaceFinder, PerceptionConfig
from facevlm.tracking.relink import RelinkConfig
from facevlm.tracking.strongsort import FACES
from facevlm.tracking.tracker import TrackerConfig
from facevlm.video.clip import Frame
from tests.faces.scripted_onnx import channel_means, scripted_onnxruntime
from tests.squares import (
    BLUE,
    GREEN,
    RED,
    SIZE,
    Square,
    SquareDetector,
    SquareEmbedder,
    SquareMesh,
    boxes,
    film,
    still,
)

PLAIN = PerceptionConfig(occlusion=False)  # a plain square looks hidden


def watch(clip, **options):
    """All moments of a clip without their images, and the perception."""
    perception = perceive(clip, config=options.pop("config", PLAIN), **options)
    return [(m.time, m.shot, {f.track_id: f.box for f in m.faces}) for m in perception], perception


# --- who is there


def test_one_face_keeps_one_id_and_one_span(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 2.0, [Square(RED, lambda t: (20 + 40 * t, 30, 60))])
    moments, perception = watch(clip)
    assert len(moments) == 50 and all(set(faces) == {1} for _, _, faces in moments)
    (track,) = perception.tracks
    assert track.main and track.parts == (1,) and track.frames == 50
    assert track.spans == (pytest.approx((0.0, 1.96)),)
    assert track.area_share == pytest.approx(60 * 60 / (SIZE[0] * SIZE[1]), rel=0.1)
    np.testing.assert_allclose(moments[25][2][1], [60, 30, 120, 90], atol=2)
    np.testing.assert_allclose(track.first_box, [20, 30, 80, 90], atol=2)


def test_two_faces_cross_without_changing_ids(tmp_path, squares):
    there = Square(RED, lambda t: (10 + 45 * t, 10, 40))
    back = Square(GREEN, lambda t: (140 - 45 * t, 80, 50))
    moments, perception = watch(film(tmp_path / "a.mp4", 2.5, [there, back]))
    first, last = moments[0][2], moments[-1][2]
    assert set(first) == set(last) == {1, 2}
    upper = min(first, key=lambda i: first[i][1])
    assert last[upper][1] < 20 and last[3 - upper][1] > 70
    assert len(perception.tracks) == 2


def test_who_leaves_and_returns_is_the_same_person_with_two_spans(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 4.4, [Square(RED, still(50, 40, 60, (0, 1.2), (3.0, 9)))])
    _, perception = watch(clip)
    (track,) = perception.tracks
    assert len(track.parts) == 2
    assert track.spans == (pytest.approx((0, 1.16), abs=0.05), pytest.approx((3.0, 4.36), abs=0.15))


@pytest.mark.parametrize(("fps", "gap"), [("native", (1.16, 3.0)), (1, None)], ids=["damaged", "a frame a second"])
def test_a_stretch_without_pictures_is_told_from_one_without_faces(tmp_path, squares, fps, gap):
    clip = film(tmp_path / "a.mp4", 4.4, [Square(RED, still(50, 40, 60))], without=(1.2, 3.0))
    _, perception = watch(clip, fps=fps)
    assert perception.gaps == ([] if gap is None else [pytest.approx(gap, abs=1e-3)])
    assert watch(film(tmp_path / "b.mp4", 2, [Square(RED, still(50, 40, 60, (0, 1)))]))[1].gaps == []


def test_who_looks_different_is_another_person(tmp_path, squares):
    come_and_go = [Square(RED, still(50, 40, 60, (0, 1.2))), Square(BLUE, still(50, 40, 60, (3.0, 9)))]
    _, perception = watch(film(tmp_path / "a.mp4", 4.4, come_and_go))
    assert [len(track.spans) for track in perception.tracks] == [1, 1]


def test_a_short_disappearance_does_not_end_a_track(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 2.0, [Square(RED, still(50, 40, 60, (0, 0.8), (1.2, 9)))])
    moments, perception = watch(clip)
    assert {i for _, _, faces in moments for i in faces} == {1}
    assert len(perception.tracks[0].spans) == 1


def test_a_flicker_is_no_person(tmp_path, squares):
    squares_ = [Square(RED, still(20, 40, 60)), Square(GREEN, still(120, 40, 50, (0.6, 0.72)))]
    _, perception = watch(film(tmp_path / "a.mp4", 2.0, squares_))
    assert len(perception.tracks) == 1


def test_spans_end_at_cuts_and_shots_are_numbered(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 3.0, [Square(RED, still(60, 40, 40))], cuts=[1.0, 2.0])
    moments, perception = watch(clip)
    assert perception.shots == [pytest.approx(s) for s in ((0, 0.96), (1.0, 1.96), (2.0, 2.96))]
    assert [shot for _, shot, _ in moments] == [0] * 25 + [1] * 25 + [2] * 25
    (track,) = perception.tracks
    assert track.spans == tuple(pytest.approx(s, abs=0.01) for s in perception.shots)


def test_the_larger_face_is_the_main_one_and_comes_first(tmp_path, squares):
    two = [Square(GREEN, still(10, 10, 24)), Square(RED, still(80, 30, 90))]
    _, perception = watch(film(tmp_path / "a.mp4", 2.0, two))
    assert [t.main for t in perception.tracks] == [True, False]
    assert perception.tracks[0].area_share > perception.tracks[1].area_share
    assert all(t.reason for t in perception.tracks)


def test_no_face_gives_moments_without_faces(tmp_path, squares):
    moments, perception = watch(film(tmp_path / "a.mp4", 1.0, []))
    assert len(moments) == 25 and not any(faces for _, _, faces in moments)
    assert perception.tracks == [] and len(perception.shots) == 1


def test_a_video_of_one_frame_shows_whom_it_shows(tmp_path, squares):
    moments, perception = watch(film(tmp_path / "a.mp4", 0.04, [Square(RED, still(60, 40, 60))]))
    assert len(moments) == 1 and set(moments[0][2]) == {1}
    assert [track.spans for track in perception.tracks] == [((0.0, 0.0),)]


def test_no_more_faces_are_followed_than_wanted(tmp_path, squares):
    many = [Square(RED, still(8 + 46 * i, 40, 36)) for i in range(4)]
    moments, _ = watch(film(tmp_path / "a.mp4", 1.0, many), config=PerceptionConfig(occlusion=False, max_faces=2))
    assert max(len(faces) for _, _, faces in moments) == 2


# --- when it looks


def test_the_detector_looks_twice_a_second_while_a_face_is_held_and_no_longer_new(tmp_path, squares):
    watch(film(tmp_path / "a.mp4", 4.0, [Square(RED, still(60, 40, 60))]))
    new = PLAIN.tracker.doubted_s
    assert squares.calls <= new / DOUBT_EVERY_S + (4.0 - new) / PLAIN.detect_every_s + 2


def test_the_detector_looks_ten_times_a_second_while_no_face_is_known(tmp_path, squares):
    watch(film(tmp_path / "a.mp4", 4.0, []))
    assert 4.0 / PLAIN.detect_every_empty_s * 0.7 <= squares.calls <= 4.0 / PLAIN.detect_every_empty_s + 2


def test_a_face_that_appears_is_seen_within_half_a_second(tmp_path, squares):
    two = [Square(RED, still(10, 40, 60)), Square(GREEN, still(110, 40, 60, (1.1, 9)))]
    moments, _ = watch(film(tmp_path / "a.mp4", 2.4, two))
    first = next(t for t, _, faces in moments if len(faces) == 2)
    assert 1.1 <= first <= 1.1 + PLAIN.detect_every_s + 0.05


def test_a_new_shot_is_searched_at_once(tmp_path, squares):
    moved = Square(RED, lambda t: (10, 40, 60) if t < 1.04 - 1e-6 else (110, 20, 60))
    moments, _ = watch(film(tmp_path / "a.mp4", 2.0, [moved], cuts=[1.04]))
    assert all(faces for _, _, faces in moments)


# --- which frames


@pytest.mark.parametrize(
    ("options", "times"),
    [
        ({"start": 0.5, "end": 1.0}, (0.52, 0.96, 12)),
        ({"start": 1.0}, (1.0, 1.96, 25)),
        ({"end": 0.04}, (0.0, 0.0, 1)),
        ({"end": 99.0}, (0.0, 1.96, 50)),
        ({"fps": "5"}, (0.0, 1.8, 10)),
        ({"fps": "16", "end": 1.0}, (0.0, 0.92, 16)),
        ({"fps": "1000"}, (0.0, 1.96, 50)),
    ],
)
def test_a_range_and_a_rate_are_kept(tmp_path, squares, options, times):
    moments, perception = watch(film(tmp_path / "a.mp4", 2.0, [Square(RED, still(60, 40, 60))]), **options)
    assert (moments[0][0], moments[-1][0]) == (pytest.approx(times[0]), pytest.approx(times[1], abs=0.05))
    assert abs(len(moments) - times[2]) <= 1
    assert perception.shots == [pytest.approx((moments[0][0], moments[-1][0]))]


def test_indices_count_all_frames_of_the_file(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 2.0, [])
    assert [m.index for m in perceive(clip, start=1.0, fps="5", config=PLAIN)] == list(range(25, 50, 5))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"start": 5.0}, r"start 5 s is after the end of the clip, whose last frame is at 0\.96 s"),
        ({"start": 5.0, "end": 6.0}, r"start 5 s is after the end of the clip, which lasts 1\.00 s"),
        ({"start": 0.41, "end": 0.43}, r"no frame lies between 0\.41 s and 0\.43 s"),
        ({"start": 0.5, "end": 0.5}, "not after the start"),
        ({"fps": "fast"}, "no frame rate"),
        ({"fps": "0"}, "no frame rate"),
        ({"config": PerceptionConfig(detector="owl")}, "no detector 'owl'"),
        ({"config": PerceptionConfig(embedder="arcface")}, "no embedder 'arcface'"),
        ({"config": PerceptionConfig(embedder="onnx:absent.onnx")}, r"absent\.onnx: there is no such embedder file"),
    ],
)
def test_a_wrong_argument_is_said(tmp_path, squares, wrong, message):
    clip = film(tmp_path / "a.mp4", 1.0, [])
    with pytest.raises(UsageError, match=message):
        watch(clip, **wrong)


def test_unusable_weights_of_aflink_are_told_before_the_first_moment(tmp_path, squares):
    pytest.importorskip("torch", reason="needs the extra `models`")
    clip = film(tmp_path / "a.mp4", 1.0, [])
    tracker = TrackerConfig(relink=RelinkConfig(aflink_weights=str(tmp_path / "nope.safetensors")))
    moments = iter(perceive(clip, config=replace(PLAIN, tracker=tracker)))
    with pytest.raises(WeightsError, match=r"nope\.safetensors: no such file"):
        next(moments)


def test_a_file_that_is_no_video_is_refused_before_the_first_moment(tmp_path):
    (tmp_path / "a.mp4").write_text("hello")
    with pytest.raises(VideoError):
        perceive(tmp_path / "a.mp4")


def test_the_report_is_complete_after_the_last_moment(tmp_path, squares):
    _, perception = watch(film(tmp_path / "a.mp4", 1.0, []))
    assert perception.report.frames_decoded == 25 and perception.report.frames_damaged == 0
    assert perception.report.last_time == pytest.approx(0.96)


# --- what is kept


def test_no_picture_outlives_its_moment(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 3.0, [Square(RED, still(60, 40, 60))])
    shown: list[weakref.ref] = []
    alive = []
    for moment in perceive(clip, config=PLAIN):
        shown.append(weakref.ref(moment.image))
        alive.append(sum(reference() is not None for reference in shown))
    del moment
    assert len(alive) == 75 and max(alive) <= 3
    assert sum(reference() is not None for reference in shown) == 0


def test_stopping_early_ends_the_decoding_thread(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 3.0, [])
    moments = iter(perceive(clip, config=PLAIN))
    next(moments)
    assert any(thread.name == "facevlm-decode" for thread in threading.enumerate())
    moments.close()
    assert not any(thread.name == "facevlm-decode" for thread in threading.enumerate())


def test_a_finder_takes_other_parts_by_hand():
    finder = FaceFinder(SIZE, PLAIN, detector=SquareDetector(), mesh=SquareMesh(), embedder=SquareEmbedder())
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    image[30:80, 60:110] = RED
    faces = [finder.look(Frame(i, i / 25, image), 0) for i in range(10)]
    assert all([face.track_id for face in seen] == [1] for seen in faces)
    np.testing.assert_allclose(faces[-1][0].box, boxes(image)[0], atol=0.5)
    assert len(finder.tracker.finish()) == 1


def test_an_embedder_by_path_makes_the_vectors(tmp_path, squares, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", scripted_onnxruntime(channel_means))
    (tmp_path / "arc.onnx").write_bytes(b"model")
    clip = film(tmp_path / "a.mp4", 1.0, [Square(RED, still(60, 40, 60))])
    config = replace(PLAIN, embedder=f"onnx:{tmp_path / 'arc.onnx'}")
    vectors = [m.faces[0].appearance for m in perceive(clip, config=config) if m.faces[0].appearance is not None]
    assert {vector.shape for vector in vectors} == {(4,)} and all(vector[0] > vector[1] for vector in vectors)
    assert {path.name for path in tmp_path.iterdir()} == {"arc.onnx", "a.mp4"}
    (tmp_path / "arc.onnx").write_bytes(b"no model")
    with pytest.raises(WeightsError, match="cannot be read as an ONNX model"):
        perceive(clip, config=config)


# --- with the real networks


def test_a_real_face_is_followed_where_it_is(puppet_clip):
    perception = perceive(Path(puppet_clip.path), fps="12.5")
    for moment in perception:
        true = puppet_clip.boxes[moment.index]["A"].astype(np.float32)
        (face,) = moment.faces
        assert box_iou(true, face.box[None])[0] > 0.7
        assert face.presence > 0.9 and face.landmarks.shape == (478, 3)
    (track,) = perception.tracks
    assert track.main and track.similarity > 0.9


def test_camera_motion_can_be_switched_on(tmp_path, squares):
    moving = TrackerConfig(strongsort=replace(FACES, camera_motion=True))
    clip = film(tmp_path / "a.mp4", 1.0, [Square(RED, still(60, 40, 60))], cuts=[0.52])
    config = PerceptionConfig(occlusion=False, tracker=moving)
    moments, perception = watch(clip, config=config)
    assert all(faces for _, _, faces in moments) and len(perception.tracks) == 1
