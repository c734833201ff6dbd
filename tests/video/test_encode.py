"""Videos are written with their times, whole or not at all."""

import resource
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from facevlm.errors import OutputError, UsageError
from facevlm.video import encode
from facevlm.video.decode import Video
from facevlm.video.encode import EncodeOptions, VideoWriter

TIMES = [0.0, 1 / 30, 0.1, 0.1334, 0.5, 1 + 1001 / 24000]


def picture(width: int, height: int) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[:] = (200, 30, 30)
    image[: height // 2, : width // 2] = (20, 220, 40)
    image[height // 2 :, width // 2 :] = (30, 40, 230)
    return image


def write(path, *, width=64, height=48, times=TIMES, **options):
    with VideoWriter(path, width, height, **options) as writer:
        for time in times:
            writer.write(picture(width, height), time)
    return writer


@pytest.mark.parametrize(
    ("codec", "suffix", "tolerance"),
    [
        ("h264", ".mp4", 1e-5), ("h264", ".mov", 1e-5), ("h264", ".mkv", 6e-4), ("hevc", ".mp4", 1e-5),
        ("vp9", ".webm", 6e-4), ("mpeg4", ".mp4", 2e-5), ("ffv1", ".mkv", 6e-4),
    ],
)  # fmt: skip
def test_times_and_colours_come_back(tmp_path, codec, suffix, tolerance):
    path = tmp_path / f"a{suffix}"
    write(path, codec=codec)
    with Video.open(path) as video:
        frames = list(video.frames())
    assert [f.time for f in frames] == pytest.approx(TIMES, abs=tolerance)
    assert video.report.warnings == []
    assert video.info.duration_s is not None and video.info.duration_s > TIMES[-1]
    for y, x, colour in ((5, 5, (20, 220, 40)), (5, -5, (200, 30, 30)), (-5, -5, (30, 40, 230))):
        assert np.abs(frames[0].image[y, x].astype(int) - colour).max() < 8
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_odd_sizes_are_padded(tmp_path):
    write(tmp_path / "a.mp4", width=63, height=47)
    image = next(Video.open(tmp_path / "a.mp4").frames()).image
    assert image.shape == (48, 64, 3)
    assert np.abs(image[-1, -1].astype(int) - (30, 40, 230)).max() < 12
    write(tmp_path / "b.mkv", width=63, height=47, codec="ffv1")
    assert (next(Video.open(tmp_path / "b.mkv").frames()).image == picture(63, 47)).all()


def test_one_frame(tmp_path):
    write(tmp_path / "a.mp4", times=[0.0])
    assert len(list(Video.open(tmp_path / "a.mp4").frames())) == 1


def test_quality_option(tmp_path):
    rng = np.random.default_rng(0)
    for crf in (15, 40):
        with VideoWriter(tmp_path / f"{crf}.mp4", 64, 64, options=EncodeOptions(crf=crf, rate=Fraction(25))) as writer:
            for i in range(5):
                writer.write(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8), i / 25)
    assert (tmp_path / "15.mp4").stat().st_size > 2 * (tmp_path / "40.mp4").stat().st_size


def test_rotation(tmp_path):
    try:
        write(tmp_path / "a.mp4", options=EncodeOptions(rotation=90))
    except OutputError as error:
        pytest.skip(str(error))
    info = Video.open(tmp_path / "a.mp4").info
    assert (info.width, info.height, info.rotation) == (48, 64, 90)


def test_falls_back_where_h264_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(encode.ENCODERS, "h264", ("no-such-encoder", "mpeg4"))
    assert write(tmp_path / "a.mp4").encoder == "mpeg4"
    assert Video.open(tmp_path / "a.mp4").info.codec == "mpeg4"
    monkeypatch.setitem(encode.ENCODERS, "h264", ("no-such-encoder",))
    with pytest.raises(OutputError, match="no encoder for h264"):
        write(tmp_path / "b.mp4")


@pytest.mark.parametrize(
    ("path", "codec", "error", "says"),
    [
        ("a.xyz", "h264", UsageError, "no video container"),
        ("a.mp4", "h999", UsageError, "unknown codec"),
        ("none/a.mp4", "h264", OutputError, "folder does not exist"),
        ("folder.mp4", "h264", OutputError, "is a folder"),
    ],
)
def test_what_cannot_be_written(tmp_path, path, codec, error, says):
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(error, match=says):
        VideoWriter(tmp_path / path, 64, 48, codec=codec)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.mp4"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, failure):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(failure), VideoWriter(path, 64, 48) as writer:
        writer.write(picture(64, 48), 0.0)
        raise failure
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.mp4", b"old")]


def test_wrong_frames(tmp_path):
    with pytest.raises(UsageError, match="a frame is"), VideoWriter(tmp_path / "a.mp4", 64, 48) as writer:
        writer.write(picture(48, 64), 0.0)
    with pytest.raises(UsageError, match="must increase"):
        write(tmp_path / "a.mp4", times=[0.0, 0.1, 0.1])
    with pytest.raises(OutputError, match="no frame"):
        write(tmp_path / "a.mp4", times=[])
    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import resource, signal, sys
import numpy as np
from facevlm.errors import OutputError
from facevlm.video.encode import VideoWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
rng = np.random.default_rng(0)
try:
    with VideoWriter(sys.argv[1], 128, 128) as writer:
        for i in range(40):
            writer.write(rng.integers(0, 255, (128, 128, 3), dtype=np.uint8), i / 25)
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 20_000, 150_000])
def test_full_disk(tmp_path, room):
    assert resource.RLIMIT_FSIZE
    path = tmp_path / "a.mp4"
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(path), str(room)], capture_output=True, text=True)
    assert "cannot be written" in done.stdout and "free some space" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
