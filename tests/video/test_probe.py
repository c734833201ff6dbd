"""What is said of a file before it is decoded, and of what is no video."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from facevlm.errors import VideoError
from facevlm.video import container
from facevlm.video.probe import probe


def test_facts_of_a_plain_clip(make_clip):
    info = probe(make_clip("a.mp4", times=10))
    assert (info.width, info.height, info.rotation, info.codec) == (64, 48, 0, "h264")
    assert info.fps == Fraction(25)
    assert info.duration_s == pytest.approx(0.4, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"Dear reader, this is a letter.\n" * 50, "no video file"),
        ("page.mp4", b"<html><body>404 Not Found</body></html>", "no video file"),
        ("list.mp4", b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:5,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", "video file"),
        ("noise.mp4", np.random.default_rng(0).bytes(5000), "no video file"),
        ("zeros.mp4", bytes(5000), "no video file"),
        ("text.ans", b"\x1b[31mred\x1b[0m\r\n" * 30, "video file"),
    ],
)
def test_what_is_no_video_gives_one_clear_error(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(VideoError) as caught:
        probe(path)
    assert says in caught.value.what
    assert str(path) in str(caught.value) and caught.value.mend
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(VideoError, match="no such file"):
        probe(tmp_path / "none.mp4")
    with pytest.raises(VideoError, match="folder"):
        probe(tmp_path)
    with pytest.raises(VideoError, match=r"cannot be read|no such file"):
        probe(tmp_path / ("x" * 300))


def test_unreadable_file(make_clip, monkeypatch):
    path = make_clip("a.mp4")
    monkeypatch.setattr(Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(VideoError, match="Permission denied"):
        probe(path)


def test_sound_without_picture(sound_only):
    with pytest.raises(VideoError, match="sound but no picture"):
        probe(sound_only)


def test_cover_art_is_no_video(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as out:
        sound = out.add_stream("aac", rate=8000)
        cover = out.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        try:
            cover.disposition = av.stream.Disposition.attached_pic
        except TypeError:
            pytest.skip("this PyAV cannot write a disposition")
        out.mux(cover.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        tone.sample_rate = 8000
        out.mux(sound.encode(tone))
        out.mux(sound.encode(None))
    with pytest.raises(VideoError, match="sound but no picture"):
        probe(path)


def test_video_track_without_a_frame(tmp_path):
    path = tmp_path / "none.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        out.start_encoding()
    with pytest.raises(VideoError, match=r"not one picture|without a single picture|holds no picture|no video file"):
        probe(path)


def test_cut_before_the_index(make_clip):
    path = make_clip("a.mp4", times=30)
    path.write_bytes(path.read_bytes()[:-400])  # the index (moov) is at the end
    with pytest.raises(VideoError, match="damaged beyond reading"):
        probe(path)


def test_absurd_size(make_clip, monkeypatch):
    path = make_clip("a.mp4")
    monkeypatch.setattr(container, "MAX_SIDE", 63)
    with pytest.raises(VideoError, match="64x48"):
        probe(path)


@pytest.mark.parametrize("name", ["a:b.mp4", "http:x.mp4", "per%03dcent.mp4", "späße 1.mp4", "-i.mp4"])
def test_odd_file_names(make_clip, tmp_path, name):
    path = make_clip("plain.mp4").rename(tmp_path / name)
    assert probe(path).width == 64
    assert probe(str(path)).path == str(path)


@pytest.mark.parametrize(
    ("rotation", "flip", "size", "green"),
    [
        (90, False, (48, 64), "bottom left"),
        (180, False, (64, 48), "bottom right"),
        (270, False, (48, 64), "top right"),
        (0, True, (64, 48), "top right"),
        (90, True, (48, 64), "bottom right"),
    ],
)
def test_rotation_and_mirroring_are_applied(make_clip, rotation, flip, size, green):
    from facevlm.video.decode import Video

    with Video.open(make_clip("r.mp4", rotation=rotation, flip=flip)) as video:
        assert (video.info.width, video.info.height) == size
        assert video.info.rotation == rotation
        image = next(video.frames()).image
    assert image.shape == (size[1], size[0], 3) and image.flags.c_contiguous
    corners = {"top left": (5, 5), "top right": (5, -5), "bottom left": (-5, 5), "bottom right": (-5, -5)}
    assert [name for name, (y, x) in corners.items() if image[y, x, 1] > 150] == [green]


def test_rotation_equals_opencv(make_clip):
    cv2 = pytest.importorskip("cv2")
    from facevlm.video.decode import Video

    for rotation in (0, 90, 180, 270):
        path = make_clip(f"r{rotation}.mp4", rotation=rotation)
        ok, theirs = cv2.VideoCapture(str(path)).read()
        ours = next(Video.open(path).frames()).image
        assert ok and np.abs(theirs[..., ::-1].astype(int) - ours).mean() < 1


def test_oblong_pixels_become_square(make_clip):
    assert probe(make_clip("wide.mp4", size=(64, 48), aspect=Fraction(4, 3))).width == 85
    narrow = probe(make_clip("narrow.mp4", size=(64, 60), aspect=Fraction(15, 16)))
    assert (narrow.width, narrow.height) == (64, 64)
