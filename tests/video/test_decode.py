"""Frames and their times, from whole and from damaged files."""

import gc
import itertools
import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from facevlm.errors import UsageError, VideoError
from facevlm.video import container
from facevlm.video.decode import Video
from facevlm.video.sampling import Sampler

CLIPS = Path(__file__).parents[2] / "../shared/clips"


def decode(path, **options):
    video = Video.open(path)
    return list(video.frames(**options)), video


KINDS = {  # file -> encoder, pixel format, options
    "h264.mp4": ("libx264", "yuv420p", {"bf": "2"}),
    "h264_444.mp4": ("libx264", "yuv444p", {}),
    "h264.ts": ("libx264", "yuv420p", {}),
    "h264.flv": ("libx264", "yuv420p", {}),
    "hevc10.mkv": ("libx265", "yuv420p10le", {"x265-params": "log-level=none"}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", {}),
    "mjpeg444.mov": ("mjpeg", "yuvj444p", {}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {"bf": "2"}),
    "alpha.mov": ("png", "rgba", {}),
    "ffv1.mkv": ("ffv1", "yuv420p", {}),
    "a.gif": ("gif", "rgb8", {}),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_gives_its_frames_times_and_colours(make_clip, name):
    encoder, pixels, options = KINDS[name]
    frames, video = decode(make_clip(name, encoder, pixels=pixels, options=options))
    assert [f.index for f in frames] == list(range(10))
    assert [f.time for f in frames] == pytest.approx([i / 25 for i in range(10)], abs=0.0011)
    assert video.report.warnings == [] and video.report.frames_damaged == 0
    image = frames[0].image
    assert image.shape == (48, 64, 3) and image.dtype == np.uint8
    loose = 60 if encoder == "gif" else 12
    assert np.abs(image[10, 10].astype(int) - (20, 220, 0)).max() < loose
    assert np.abs(image[-10, -10].astype(int) - (200, 30, 0)).max() < loose


def test_grey_has_three_equal_channels(make_clip):
    image = decode(make_clip("grey.mkv", "ffv1", pixels="gray"))[0][0].image
    assert image.shape == (48, 64, 3)
    assert (image[..., 0] == image[..., 2]).all() and image.std() > 5


def test_av1(make_clip, monkeypatch):
    monkeypatch.setenv("SVT_LOG", "0")
    frames, video = decode(make_clip("av1.mp4", "libsvtav1", options={"preset": "12"}))
    assert len(frames) == 10 and video.info.codec == "av1"


@pytest.mark.parametrize(("name", "encoder", "pixels"), [("p.png", "png", "rgb24"), ("p.jpg", "mjpeg", "yuvj420p")])
def test_a_still_image_is_one_frame(make_clip, name, encoder, pixels):
    frames, video = decode(make_clip(name, encoder, pixels=pixels, times=1, container="image2"))
    assert [f.time for f in frames] == [0.0]
    assert video.report.warnings == []


def test_one_frame(make_clip):
    frames, video = decode(make_clip("one.mp4", times=1))
    assert [(f.index, f.time) for f in frames] == [(0, 0.0)]
    assert video.report.last_time == 0.0


def test_variable_rate_and_start_offset(make_clip):
    times = [0.852, 0.9, 1.1, 1.101, 1.5, 4.0]
    frames, video = decode(make_clip("vfr.mp4", times=times, ticks=12_000))
    assert [f.time for f in frames] == pytest.approx([t - 0.852 for t in times], abs=1e-4)
    assert frames[0].time == 0.0
    assert video.report.warnings == []


def test_ntsc_times_are_exact(make_clip):
    frames, video = decode(make_clip("ntsc.mp4", times=[i * 1001 / 30000 for i in range(40)], ticks=30_000))
    assert frames[39].time == float(Fraction(39 * 1001, 30000))
    assert isinstance(video.info.fps, Fraction) and float(video.info.fps) == pytest.approx(29.97, abs=0.2)


def test_raw_stream_counts_at_its_rate_with_a_warning(make_clip):
    frames, video = decode(make_clip("raw.h264"))
    assert [f.time for f in frames] == pytest.approx([i / 25 for i in range(10)])
    assert any("no frame times" in w for w in video.report.warnings)


def test_odd_size(make_clip):
    frames, video = decode(make_clip("odd.mkv", "ffv1", size=(63, 47), pixels="yuv444p"))
    assert frames[0].image.shape == (47, 63, 3) == (video.info.height, video.info.width, 3)


def test_8k(make_clip):
    frames, _ = decode(make_clip("8k.mp4", "mjpeg", size=(7680, 4320), pixels="yuvj420p", times=1))
    assert frames[0].image.shape == (4320, 7680, 3)


def test_size_changes_midway(make_clip, tmp_path):
    joined = tmp_path / "joined.ts"
    first = make_clip("a.ts", "mpeg2video", size=(64, 48)).read_bytes()
    joined.write_bytes(first + make_clip("b.ts", "mpeg2video", size=(48, 64)).read_bytes())
    frames, video = decode(joined)
    assert {f.image.shape for f in frames} == {(48, 64, 3)}
    assert len(frames) > 10
    assert any("size of the picture changes" in w for w in video.report.warnings)
    assert (frames[-1].image[:, :10] < 16).all()  # fitted with its proportions: black at the sides
    assert all(b.time > a.time for a, b in itertools.pairwise(frames))


def test_range_and_keep(make_clip):
    path = make_clip("a.mp4", times=25)
    asked: list[float] = []

    def every_second(time: float) -> bool:
        asked.append(time)
        return len(asked) % 2 == 1

    frames, video = decode(path, start=0.2, end=0.6, keep=every_second)
    assert asked == pytest.approx([i / 25 for i in range(5, 15)])
    assert [f.index for f in frames] == [5, 7, 9, 11, 13]
    assert video.report.warnings == []
    assert [f.image[0, 0, 2] // 8 for f in frames] == pytest.approx([5, 7, 9, 11, 13], abs=1)
    with pytest.raises(UsageError, match="not after"):
        video.frames(1.0, 1.0)


def test_a_video_can_be_decoded_again(make_clip):
    with Video.open(make_clip("a.mp4", times=12)) as video:
        first_report = video.report
        first = [f.time for f in video.frames()]
        assert first_report.frames_decoded == 12
        assert first == [f.time for f in video.frames()]
        assert video.report.frames_decoded == 12 and first_report.frames_decoded == 12


def test_decoded_pictures_are_let_go_at_once(make_clip):
    path = make_clip("r.mp4", times=60, rotation=90)
    gc.collect()
    gc.disable()
    try:
        with Video.open(path) as video:
            assert sum(1 for _ in video.frames()) == 60
        assert sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects()) < 10
    finally:
        gc.enable()


def test_skipped_frames_are_not_converted(make_clip, monkeypatch):
    from facevlm.video.display import Canvas

    converted = []
    monkeypatch.setattr(Canvas, "rgb", lambda self, frame: converted.append(frame) or np.zeros((48, 64, 3), np.uint8))
    frames, video = decode(make_clip("a.mp4", times=50), keep=Sampler(5))
    assert len(converted) == len(frames) == 10
    assert video.report.frames_decoded == 50


def test_truncated_file_warns(make_clip):
    path = make_clip("cut.mp4", times=100, options={"movflags": "faststart", "g": "10"})
    path = make_clip("cut.mkv", times=100, options={"g": "10"}) if not _index_first(path) else path
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    frames, video = decode(path)
    assert 20 < len(frames) < 90
    assert any("cut short" in w for w in video.report.warnings), video.report


def _index_first(path: Path) -> bool:
    content = path.read_bytes()
    return 0 <= content.find(b"moov") < content.find(b"mdat")


def test_flipped_bits_are_counted_and_survived(make_clip):
    path = make_clip("flip.mkv", times=60, options={"g": "12"})
    whole = path.read_bytes()
    damaged = []
    for seed in range(5):
        content, rng = bytearray(whole), random.Random(seed)
        for _ in range(25):
            content[rng.randrange(1500, len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        frames, video = decode(path)
        assert len(frames) >= 10
        assert all(b.time > a.time for a, b in itertools.pairwise(frames))
        assert any("Damaged" in w for w in video.report.warnings) == (video.report.frames_damaged > 0)
        damaged.append(video.report.frames_damaged)
    assert max(damaged) > 0


def test_nothing_decodable_is_an_error(make_clip):
    path = make_clip("bad.mkv", "mjpeg", pixels="yuvj420p", times=5)
    content = path.read_bytes().replace(b"\xff\xd8", b"\x00\x00").replace(b"\xff\xc0", b"\x00\x00")
    path.write_bytes(content)
    with pytest.raises(VideoError, match="picture"):
        decode(path)


def test_file_that_vanishes_between_probe_and_decode(make_clip):
    path = make_clip("a.mp4")
    video = Video.open(path)
    path.unlink()
    with pytest.raises(VideoError, match="no such file"):
        next(video.frames())


def test_absurd_frame_midway_is_damage(make_clip, monkeypatch):
    path = make_clip("a.mp4")
    video = Video.open(path)
    calls = iter(range(100))

    def check(width, height, path):
        if next(calls) == 5:
            raise VideoError("absurd", where=path)

    monkeypatch.setattr("facevlm.video.display.check_size", check)
    monkeypatch.setattr(container, "check_size", lambda *_: None)
    assert len(list(video.frames())) == 9
    assert video.report.frames_damaged == 1


@pytest.mark.parametrize(
    ("name", "frames", "last"),
    [("no_face.mp4", 95, 3.9167), ("hamilton.mp4", 275, 9.1425), ("noface_face.mov", 169, 6.3453)],
)
def test_real_clips(name, frames, last):
    if not (CLIPS / name).exists():
        pytest.skip("the annotated clips are not here")
    video = Video.open(CLIPS / name)
    times = [f.time for f in video.frames(keep=lambda time: time == 0.0)]
    assert times == [0.0]
    assert video.report.frames_decoded == frames
    assert video.report.last_time == pytest.approx(last, abs=1e-3)
