"""Signals kept while a video streams by; what is hidden or joined; where and how a person is seen."""

import weakref
from dataclasses import replace

import numpy as np
import pytest

from facevlm.captioning.appearance import appearance
from facevlm.expression.event import SignalTable
from facevlm.expression.head_pose import template
from facevlm.expression.recorder import CHUNK, PLACE, SignalRecorder
from facevlm.expression.signals import SIGNALS
from facevlm.tracking.track import Moment, TrackedFace

IMAGE = np.full((240, 320, 3), 128, np.uint8)


def moment(
    time: float,
    *ids: int,
    shot: int = 0,
    hidden: frozenset[str] = frozenset(),
    touched: frozenset[str] = frozenset(),
    share: float | None = None,
    presence: float = 1.0,
    x: float = 160.0,
) -> Moment:
    landmarks = (template().points * 60 + [x, 100, 0]).astype(np.float32)
    box = np.concatenate([landmarks[:, :2].min(0), landmarks[:, :2].max(0)])
    face = TrackedFace(0, box, landmarks, presence, occlusion=share, hidden=hidden, touched=touched)
    return Moment(round(time * 30), time, shot, IMAGE, tuple(replace(face, track_id=i) for i in ids))


@pytest.mark.parametrize("count", [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_every_frame_becomes_a_row(count):
    recorder = SignalRecorder()
    for i in range(count):
        recorder(moment(i / 30, 1))
    table = recorder.table((1,))
    assert table.times == pytest.approx([i / 30 for i in range(count)]) and set(table.values) == set(SIGNALS)
    assert all(len(column) == count and np.isfinite(column).all() for column in table.values.values())


def test_the_mesh_of_a_face_that_has_gone_is_not_kept():
    recorder = SignalRecorder()
    first = moment(0.0, 1)
    mesh = weakref.ref(first.faces[0].landmarks)
    recorder(first)
    del first
    assert mesh() is not None
    recorder(moment(1 / 30, 2))
    assert mesh() is None and len(recorder.table((1,)).times) == 1


def test_parts_of_one_person_are_joined_in_order_of_time():
    recorder = SignalRecorder()
    for i in range(10):
        recorder(moment(i / 30, 7))
    for i in range(20, 30):
        recorder(moment(i / 30, 3, shot=1))
    table = recorder.table((3, 7))
    assert (np.diff(table.times) > 0).all() and table.shots.tolist() == [0] * 10 + [1] * 10


def test_hidden_parts_are_not_numbers():
    recorder = SignalRecorder()
    recorder(moment(0.0, 1, hidden=frozenset({"mouth"})))
    recorder(moment(1.0, 1, hidden=frozenset({"eyes", "brows"})))
    values = recorder.table((1,)).values
    assert np.isnan(values["mouth_aperture"]).tolist() == [True, False]
    assert np.isnan(values["lid_left"]).tolist() == [False, True] == np.isnan(values["brow_lines"]).tolist()
    assert np.isfinite(values["yaw"]).all()


@pytest.mark.parametrize(
    ("touched", "hidden_at", "unmeasured"),
    [
        pytest.param([0, 1, 1, 1, 0], 2, [1, 2, 3], id="from the first touch to the last"),
        pytest.param([1, 0, 1, 1, 0], 2, [0, 1, 2, 3], id="it seems gone for a moment"),
        pytest.param([1, 0, 0, 0, 0, 1, 1], 5, [5, 6], id="another time"),
        pytest.param([1, 1, 1], None, [], id="something at the edge hides nothing"),
    ],
)
def test_what_hides_a_part_hides_it_as_long_as_it_touches_it(
    touched: list[int], hidden_at: int | None, unmeasured: list[int]
) -> None:
    recorder = SignalRecorder()
    for i, touch in enumerate(touched):
        parts = frozenset({"mouth", "eyes"} if touch else ())
        recorder(moment(0.1 * i, 1, touched=parts, hidden=frozenset({"mouth"} if i == hidden_at else ())))
    values = recorder.table((1,)).values
    assert np.flatnonzero(np.isnan(values["mouth_width"])).tolist() == unmeasured
    assert np.isfinite(values["lid_left"]).all() and np.isfinite(values["gaze_x"]).all()


def test_only_the_place_is_measured_while_a_third_of_the_face_is_covered_or_it_is_hardly_found() -> None:
    recorder = SignalRecorder()
    seen = [(None, 1), (0.0, 1), (0.2, 1), (0.3, 1), (0.5, 1), (0.1, 0.9), (0.1, 0.96)]
    for i, (share, presence) in enumerate(seen):
        recorder(moment(0.1 * i, 1, share=share, presence=presence))
    values = recorder.table((1,)).values
    for name in ("gaze_x", "lid_left", "pitch", "mouth_width"):
        assert np.flatnonzero(np.isnan(values[name])).tolist() == [3, 4, 5]
    assert all(np.isfinite(values[name]).all() for name in PLACE)


def test_an_unknown_id_has_an_empty_table():
    assert len(SignalRecorder().table((9,)).times) == 0


def seen(**columns: float) -> SignalTable:
    rest = {"size": 40.0, "centre_x": 320.0, "centre_y": 180.0, **columns}
    values = {name: np.full(30, rest.get(name, 0.0), np.float32) for name in SIGNALS}
    return SignalTable(np.arange(30) / 30, np.zeros(30, np.int32), values)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, {"facing": "facing the camera"}),
        ({"size": 100.0}, {"framing": "in close-up", "facing": "facing the camera"}),
        ({"size": 12.0}, {"framing": "seen from a distance", "facing": "facing the camera"}),
        ({"centre_x": 100.0}, {"position": "on the left of the picture", "facing": "facing the camera"}),
        ({"yaw": 30.0}, {"facing": "with the head turned to their left"}),
        ({"yaw": -30.0}, {"facing": "with the head turned to their right"}),
        ({"pitch": -35.0}, {}),
    ],
)
def test_appearance_says_what_is_measured(columns, expected):
    found = appearance(seen(**columns), width=640, height=360)
    assert {name: fact.value for name, fact in found.items()} == expected
    assert all(0.6 <= fact.confidence <= 1 for fact in found.values())


def test_a_mixed_clip_claims_no_place():
    table = seen()
    x = table.values["centre_x"].copy()
    x[:15], x[15:] = 40.0, 600.0
    mixed = SignalTable(table.times, table.shots, {**table.values, "centre_x": x})
    assert "position" not in appearance(mixed, width=640, height=360)
