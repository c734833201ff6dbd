"""Short gaps are filled on a line and marked; long ones, cuts and faces of nobody are not."""

import numpy as np
import pytest

from facevlm.exports.gap_filling import with_gaps_filled
from facevlm.exports.tracks_document import FaceRow, mot_lines
from facevlm.tracking.track import TrackSummary

FRAMES = [(k / 25, 2 * k) for k in range(60)]  # every second frame of 50 per second


def rows(places, track_id=1):
    boxes = [np.array([k, 0, k + 10, 20], np.float32) for k in places]
    return [FaceRow(k / 25, 2 * k, track_id, box, 0.9) for k, box in zip(places, boxes, strict=True)]


GAPS = {
    # places seen, shots -> places filled
    "none": ([0, 1, 2], [(0.0, 3.0)], []),
    "three missed": ([0, 4], [(0.0, 3.0)], [1, 2, 3]),
    "less than two thirds of a second": ([0, 16], [(0.0, 3.0)], list(range(1, 16))),
    "longer": ([0, 17], [(0.0, 3.0)], []),
    "across a cut": ([8, 12], [(0.0, 0.36), (0.4, 3.0)], []),
    "up to a cut": ([5, 8, 12], [(0.0, 0.36), (0.4, 3.0)], [6, 7]),
}


@pytest.mark.parametrize("name", GAPS)
def test_gaps(name):
    seen, shots, expected = GAPS[name]
    result = list(with_gaps_filled(rows(seen), FRAMES, ids={1: 1}, shots=shots))
    assert [r.index // 2 for r in result if r.presence is None] == expected
    assert [r.index for r in result] == sorted(2 * k for k in [*seen, *expected])
    for row in result:
        np.testing.assert_allclose(row.box, [row.index / 2, 0, row.index / 2 + 10, 20], atol=1e-4)
        assert row.time == pytest.approx(row.index / 50)


@pytest.mark.parametrize("rate", [60, 120, 240])
def test_single_missed_frames_are_filled_above_30_a_second(rate):
    frames = [(k / rate, k) for k in range(200)]
    seen = [FaceRow(k / rate, k, 1, np.array([k, 0, k + 10, 20], np.float32), 0.9) for k in range(0, 200, 2)]
    result = list(with_gaps_filled(seen, frames, ids={1: 1}, shots=[(0.0, 9.0)]))
    assert [row.index for row in result if row.presence is None] == list(range(1, 199, 2))
    np.testing.assert_allclose([row.box[0] for row in result], range(199), atol=1e-4)


def test_parts_of_one_person_are_one_and_false_tracks_are_left_out():
    seen = sorted(rows([0, 1]) + rows([4], 7) + rows([0, 5], 9), key=lambda row: row.time)
    result = list(with_gaps_filled(seen, FRAMES, ids={1: 1, 7: 1}, shots=[(0, 3)]))
    assert [(r.index // 2, r.track_id) for r in result] == [(k, 1) for k in range(5)]
    track = TrackSummary(1, (1, 7), ((0.0, 0.16),), 3, 0.1, 0.9, True, "only")
    assert [line.split(",")[6] for line in mot_lines([track], result)] == ["0.9000", "0.9000", "-1", "-1", "0.9000"]


def test_rows_wait_only_while_something_before_them_may_be_filled_in():
    source = iter(rows(range(60)))
    first = next(with_gaps_filled(source, FRAMES, ids={1: 1}, shots=[(0, 3)]))
    assert first.index == 0 and len(list(source)) >= 60 - 18  # two thirds of a second


def test_nobody():
    assert list(with_gaps_filled([], FRAMES, ids={}, shots=[(0, 3)])) == []
