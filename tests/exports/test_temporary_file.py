"""The temporary folder is full, or none can be written to: it is named, and not where the result goes."""

import tempfile
from types import SimpleNamespace

import numpy as np
import pytest

from facevlm.errors import OutputError
from facevlm.exports.face_recorder import FaceRecorder
from facevlm.exports.tracks_document import FaceRow, tracks_json, write_tracks_json
from facevlm.tracking.track import TrackedFace, TrackSummary
from facevlm.video.clip import DecodeReport, VideoInfo
from tests.small_disk import small_disk

BOX = np.array([1, 2, 31, 42], np.float32)
FACE = TrackedFace(1, BOX, np.zeros((478, 3), np.float32), 0.9)
ROWS = [FaceRow(k / 25, k, 1, BOX, 0.9) for k in range(40)]
DOCUMENT = {
    "tracks": [TrackSummary(1, (1,), ((0.0, 1.6),), 40, 0.1, 0.9, True, "only", BOX)],
    "rows": ROWS,
}
VIDEO = VideoInfo("talk.mp4", 1.6, 640, 480, None, 0, "h264"), DecodeReport(40, 0, 1.56)


def record(moments):
    with FaceRecorder() as recorder:
        for k in range(moments):
            recorder(SimpleNamespace(time=k / 25, index=k, faces=(FACE,)))
        list(recorder.rows())


WRITERS = {
    "tracks to print": lambda folder: list(tracks_json(*VIDEO, **DOCUMENT)),
    "tracks to a file": lambda folder: write_tracks_json(*VIDEO, folder / "tracks.json", **DOCUMENT),
    "faces while they are recorded": lambda folder: record(200),
    "faces when they are read back": lambda folder: record(1),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_temporary_folder_is_named(name, tmp_path):
    with small_disk(100), pytest.raises(OutputError) as caught:
        WRITERS[name](tmp_path)
    assert caught.value.where == tempfile.gettempdir()
    assert "temporary file" in caught.value.what and "free some space, or set TMPDIR" in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", WRITERS)
def test_without_any_temporary_folder_that_is_told(name, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "absent")])
    with pytest.raises(OutputError, match="TMPDIR: temporary file cannot be written"):
        WRITERS[name](tmp_path)


def test_with_room_nothing_is_said(tmp_path):
    for writer in WRITERS.values():
        writer(tmp_path)
    assert (tmp_path / "tracks.json").is_file()
