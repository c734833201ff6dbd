"""The overlay: faces come back from disk as recorded, labels keep apart, and the drawn video has the clip's times."""

import errno
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from facevlm.errors import OutputError, UsageError
from facevlm.exports.face_recorder import FaceRecorder
from facevlm.exports.label_layout import overlap, place_label
from facevlm.exports.overlay_picture import PEOPLE, ShownFace, draw_mesh, draw_moment, net
from facevlm.exports.overlay_video import SHORTEST_S, OverlayRecorder, _Running
from facevlm.expression.head_pose import template
from facevlm.faces.align import NOSE_TIP, five_points
from facevlm.tracking.track import Moment, TrackedFace
from facevlm.video.decode import Video
from facevlm.video.encode import EncodeOptions, VideoWriter

from .conftest import make_description, make_event, make_person

WIDTH, HEIGHT, FPS = 320, 240, 10


def make_face(track_id: int, *, centre=(160, 120), scale: float = 60, hidden=frozenset()) -> TrackedFace:
    points = (template().points * scale + (*centre, 0)).astype(np.float32)
    box = np.concatenate([points[:, :2].min(0), points[:, :2].max(0)])
    return TrackedFace(track_id, box, points, 0.9, hidden=hidden)


def make_moment(index: int, *faces: TrackedFace) -> Moment:
    return Moment(index, index / FPS, 0, np.zeros((HEIGHT, WIDTH, 3), np.uint8), faces)


def shown(face: TrackedFace, *events, main: bool = True) -> ShownFace:
    points = face.landmarks[:, :2]
    return ShownFace(face.track_id, main, PEOPLE[0], face.box, points, face.hidden, tuple(events))


@pytest.fixture
def clip(tmp_path):
    """One second of grey frames, a little brighter each time."""
    path = tmp_path / "grey.mp4"
    with VideoWriter(path, WIDTH, HEIGHT, options=EncodeOptions(rate=Fraction(FPS), crf=10)) as writer:
        for index in range(FPS):
            writer.write(np.full((HEIGHT, WIDTH, 3), 60 + 5 * index, np.uint8), index / FPS)
    return path


def describe(path, *, track_id: int = 1, parts=(1,)):
    person = make_person(track_id, (make_event(1, "blink", 0.3, 0.35),), duration=1.0, main=True)
    person = replace(person, track=replace(person.track, parts=parts))
    return make_description((person,), path=str(path), duration=1.0)


# ---- recorder


def test_faces_come_back_as_recorded():
    faces = (make_face(1), make_face(2, centre=(40, 50), scale=20, hidden=frozenset({"mouth", "eyes"})))
    with FaceRecorder() as recorder:
        recorder(make_moment(0, *faces))
        recorder(make_moment(3))
        for _ in range(2):  # as often as wanted, also after a reader that stopped early
            next(recorder.moments())
            first, second = recorder.moments()
        recorder(make_moment(5, faces[0]))
        assert [moment.index for moment in recorder.moments()] == [0, 3, 5]
    assert (second.time, second.faces) == (0.3, ())
    for before, after in zip(faces, first.faces, strict=True):
        assert (after.track_id, after.hidden) == (before.track_id, before.hidden)
        np.testing.assert_array_equal(after.box, before.box)
        np.testing.assert_allclose(after.points, before.landmarks[:, :2], atol=0.1)


def test_rows_without_landmarks_are_small():
    with FaceRecorder(landmarks=False) as recorder:
        for index in range(100):
            recorder(make_moment(index, make_face(1)))
        rows = list(recorder.rows())
        assert recorder._file.seek(0, 2) < 100 * 96
        assert next(recorder.moments()).faces[0].points is None
    assert [row.index for row in rows] == list(range(100)) and rows[7].time == 0.7
    np.testing.assert_allclose(rows[7].points, five_points(make_face(1).landmarks), rtol=1e-6)


def test_points_that_are_not_finite_are_not_known():
    face = make_face(1)
    face.landmarks[NOSE_TIP] = np.nan
    with FaceRecorder(landmarks=False) as recorder:
        recorder(make_moment(0, face))
        (row,) = recorder.rows()
    assert row.points is None and np.isfinite(row.box).all()


def test_a_full_disk_is_a_clear_error(monkeypatch):
    class Full:
        def seek(self, *_):
            return 0

        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            pass

    with FaceRecorder() as recorder:
        monkeypatch.setattr(recorder, "_file", Full())
        with pytest.raises(OutputError, match=r"no space left on device.*TMPDIR"):
            recorder(make_moment(0, make_face(1)))


# ---- labels


@pytest.mark.parametrize(
    ("situation", "face", "expected"),
    [
        ("room at the right", (50, 50, 100, 120), (104, 50)),
        ("at the right edge: left", (250, 50, 310, 120), (166, 50)),
        ("a wide face at the top: below", (10, 5, 310, 100), (10, 104)),
        ("a wide face at the bottom: above", (10, 100, 310, 235), (10, 56)),
        ("partly above the picture: moved into it", (50, -40, 100, 60), (104, 4)),
    ],
)
def test_labels_stand_beside_their_face(situation, face, expected):
    assert place_label(face, (80, 40), picture=(320, 240), taken=[], faces=[face], gap=4) == expected, situation


def test_labels_of_a_crowd_never_overlap_nor_leave_the_picture():
    rng = np.random.default_rng(0)
    faces = [(x, y, x + 60.0, y + 70.0) for x, y in rng.uniform(-30, 300, (14, 2))]
    taken: list = []
    for face in faces:
        place = place_label(face, (70, 30), picture=(320, 240), taken=taken, faces=faces, gap=4)
        if place is not None:
            box = (*place, place[0] + 70, place[1] + 30)
            assert min(box) >= 0 and box[2] <= 320 and box[3] <= 240
            assert not any(overlap(box, other) for other in taken)
            taken.append(box)
    assert len(taken) >= 10


def test_a_label_larger_than_the_picture_has_no_place():
    assert place_label((0, 0, 9, 9), (400, 20), picture=(320, 240), taken=[], faces=[], gap=4) is None


def test_a_blink_is_listed_long_enough_to_be_read():
    running = _Running((make_event(1, "blink", 1.0, 1.1), make_event(2, "smile", 0.5, 3.0)))
    assert [e.id for e in running.at(1.0 + SHORTEST_S - 0.01)] == [1, 2]
    assert [e.id for e in running.at(1.0 + SHORTEST_S)] == [2]
    assert running.at(0.4) == () and running.at(3.0) == ()


# ---- pictures


@pytest.mark.parametrize("size", [(240, 320), (48, 64), (9, 7), (1080, 1920)])
def test_any_size_of_picture_and_face_is_drawn(size):
    image = np.full((*size, 3), 128, np.uint8)
    events = [make_event(n, action, 0, 1) for n, action in enumerate(("smile", "blink", "head_nod"), start=1)]
    faces = [make_face(n, centre=(n * size[1] / 3, size[0] / 2), scale=size[0] / 4) for n in (0, 1, 3)]
    draw_moment(image, [shown(face, *events) for face in faces], time=12.3)
    assert (image != 128).any() and image.dtype == np.uint8


def test_hidden_parts_are_not_drawn():
    mouth = template().points[13, :2] * 60 + (160, 120)
    x, y = np.rint(mouth).astype(int)

    def changed(hidden: frozenset[str]) -> bool:
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        draw_mesh(image, shown(make_face(1, hidden=hidden)))
        return bool(image[y - 3 : y + 4, x - 3 : x + 4].any())

    assert changed(frozenset()) and not changed(frozenset({"mouth"}))


def test_broken_points_are_left_out():
    face = make_face(1)
    face.landmarks[:200] = np.nan
    face.landmarks[300] = 1e9
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    draw_mesh(image, shown(face))
    assert image.any()


def test_net_leaves_eyes_and_mouth_open():
    edges = {tuple(edge) for edge in net().tolist()}
    assert len(edges) > 1000 and not edges & {(13, 14), (159, 145), (145, 159)}


# ---- video


def test_every_frame_is_drawn_at_its_time(clip, tmp_path):
    seen: list[float] = []
    with OverlayRecorder() as recorder:
        for index in range(FPS):
            recorder(make_moment(index, make_face(1)))
        recorder.render(describe(clip), tmp_path / "overlay.mp4", progress=seen.append)
    with Video.open(tmp_path / "overlay.mp4") as video:
        frames = list(video.frames())
    assert [round(frame.time, 3) for frame in frames] == [round(t, 3) for t in seen] == [n / FPS for n in range(FPS)]
    assert (video.info.width, video.info.height) == (WIDTH, HEIGHT)
    assert all(np.ptp(frame.image) > 100 for frame in frames)


def test_sampled_moments_hold_their_boxes_and_the_range_is_kept(clip, tmp_path):
    with OverlayRecorder() as recorder:
        for index in (4, 6):  # --start 0.4 --end 0.8 --fps 5
            recorder(make_moment(index, make_face(1)))
        recorder.render(describe(clip), tmp_path / "overlay.mp4")
    with Video.open(tmp_path / "overlay.mp4") as video:
        frames = list(video.frames())
    assert [round(frame.time, 3) for frame in frames] == [0.0, 0.1, 0.2, 0.3]
    assert all(np.ptp(frame.image) > 100 for frame in frames)


@pytest.mark.parametrize(("parts", "drawn"), [((1, 7), True), ((1,), False)])
def test_only_faces_of_the_description_are_drawn(parts, drawn, clip, tmp_path):
    with OverlayRecorder() as recorder:
        for index in range(FPS):
            recorder(make_moment(index, make_face(7)))
        recorder.render(describe(clip, parts=parts), tmp_path / "overlay.mp4")
    with Video.open(tmp_path / "overlay.mp4") as video:
        middle = next(video.frames()).image[60:180, 100:220]
    assert (np.ptp(middle) > 60) == drawn


def test_nothing_recorded_is_a_clear_error_and_leaves_no_file(clip, tmp_path):
    with OverlayRecorder() as recorder, pytest.raises(UsageError, match="no moment was recorded"):
        recorder.render(describe(clip), tmp_path / "overlay.mp4")
    assert not (tmp_path / "overlay.mp4").exists()


def test_unknown_ending_is_refused(clip, tmp_path):
    with OverlayRecorder() as recorder:
        recorder(make_moment(0, make_face(1)))
        with pytest.raises(UsageError, match=r"\.txt"):
            recorder.render(describe(clip), tmp_path / "overlay.txt")
