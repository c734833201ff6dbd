"""Faces kept on disk: what comes back is what was given, whole shots only, whatever happened to the files."""

import logging
import zipfile

import numpy as np
import pytest

from facevlm.errors import InputError, OutputError
from facevlm.tracking import saved_faces
from facevlm.tracking.face_parts import FacePart
from facevlm.tracking.saved_faces import SavedFaces
from facevlm.tracking.saved_key import key_of
from facevlm.tracking.track import FaceObservation

CUT = 1.0  # seconds: where the second shot begins


def face(seed: int, **fields) -> FaceObservation:
    rng = np.random.default_rng(seed)
    landmarks = rng.normal(size=(478, 3)).astype(np.float32)
    box = np.concatenate([landmarks[:, :2].min(0), landmarks[:, :2].max(0)])
    return FaceObservation(box, landmarks, float(rng.uniform()), **fields)


def frames(count: int = 50, fps: int = 25) -> dict[float, list[FaceObservation]]:
    """Two shots with 0, 1 or 2 faces in each frame, with all that may be known of a face."""
    vector = np.arange(5, dtype=np.float32)
    hints = {"detector_score": 0.1, "appearance": vector, "carried_from": 0, "likeness": -0.3}
    doubts = {"occlusion": 0.2, "hidden": frozenset({"mouth"}), "touched": frozenset({"brows", "mouth"})}
    return {
        k / fps: [face(k, **hints), face(-k % 97, **doubts)][: k % 3] + ([face(k)] if k % 7 == 0 else [])
        for k in range(count)
    }


def watch(folder, seen, *, until: float = 9.0, cut: float = CUT):
    """All faces as `SavedFaces` gives them, and the times at which it had them looked for; killed at `until`."""
    given, looked = {}, []

    def look(time):
        looked.append(time)
        return seen[time]

    saved = SavedFaces(folder)
    for time in seen:
        if time >= until:
            return given, looked
        given[time] = saved.observations(int(time >= cut), time, lambda time=time: look(time))
    saved.finish()
    saved.close()
    return given, looked


def exact(given) -> list:
    """The same in a form that compares bit by bit."""
    return [(time, [_plain(f) for f in faces]) for time, faces in given.items()]


def _plain(one: FaceObservation) -> list:
    values = [getattr(one, name) for name in FaceObservation.__dataclass_fields__]
    return [(v.dtype.str, v.tobytes()) if isinstance(v, np.ndarray) else (type(v), repr(v)) for v in values]


@pytest.mark.parametrize("part", [900, 7, 1])
def test_what_comes_back_is_what_was_given(tmp_path, monkeypatch, part):
    monkeypatch.setattr(saved_faces, "PART", part)
    seen = frames()
    first, looked = watch(tmp_path / "key", seen)
    second, again = watch(tmp_path / "key", seen)
    assert looked == list(seen) and again == []
    assert exact(first) == exact(second) == exact(seen)
    assert sorted(path.name for path in (tmp_path / "key").iterdir()) == ["shot-00000.npz", "shot-00001.npz"]


def test_a_kept_file_is_plain_arrays(tmp_path):
    watch(tmp_path, frames())
    with np.load(tmp_path / "shot-00000.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"0/frames", "0/faces", "0/vectors"}
        assert arrays["0/frames"]["time"].tolist() == [k / 25 for k in range(25)]
        assert arrays["0/faces"]["landmarks"].shape == (arrays["0/frames"]["faces"].sum(), 478, 3)


@pytest.mark.parametrize(("until", "kept"), [(0.4, 0), (1.0, 0), (1.04, 25), (1.8, 25)])
def test_a_killed_run_goes_on_after_the_last_finished_shot(tmp_path, until, kept):
    seen = frames()
    watch(tmp_path, seen, until=until)
    given, looked = watch(tmp_path, seen)
    assert looked == list(seen)[kept:] and exact(given) == exact(seen)
    assert len(list(tmp_path.iterdir())) == 2  # nothing is left of the unfinished shot


def test_what_another_is_writing_is_left_alone(tmp_path):
    seen, times = frames(), list(frames())
    one = SavedFaces(tmp_path)
    for time in times[:30]:
        one.observations(int(time >= CUT), time, lambda time=time: seen[time])
    other = SavedFaces(tmp_path)
    for time in times:
        other.observations(int(time >= CUT), time, lambda time=time: seen[time])
    assert len(list(tmp_path.glob(".shot-*"))) == 2
    for time in times[30:]:
        one.observations(1, time, lambda time=time: seen[time])
    for saved in (one, other):
        saved.finish()
        saved.close()
    given, looked = watch(tmp_path, seen)
    assert looked == [] and exact(given) == exact(seen)
    assert not list(tmp_path.glob(".shot-*"))


def _cut_short(path):
    path.write_bytes(path.read_bytes()[:-1000])


def _bit_flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def _from_elsewhere(path):
    other = path.parents[1] / "other key"
    watch(other, frames())
    (other / path.name).replace(path)


def _other_arrays(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = path.parent.name.encode()
        for name in saved_faces.ARRAYS:
            with archive.open(f"0/{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, np.zeros((2, 2)))


def _pickle(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = path.parent.name.encode()
        for name in saved_faces.ARRAYS:
            with archive.open(f"0/{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, np.array([{}], object), allow_pickle=True)


def _headers_without_end(path):
    header = b"{'descr': ["
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = path.parent.name.encode()
        for name in saved_faces.ARRAYS:
            archive.writestr(f"0/{name}.npy", b"\x93NUMPY\x01\x00" + bytes([len(header), 0]) + header)


def _compressed(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = path.parent.name.encode()
        archive.writestr("0/frames.npy", bytes(1000))


def _a_part_is_missing(path):
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = path.parent.name.encode()
        for name in list(contents)[:-1]:
            archive.writestr(name, contents[name])


def _empty(path):
    path.write_bytes(b"")


def _text(path):
    path.write_text("hello")


DAMAGES = [
    *(_cut_short, _bit_flipped, _from_elsewhere, _other_arrays, _pickle, _compressed, _a_part_is_missing, _empty),
    *(_text, _headers_without_end),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_shot_is_looked_at_again_and_said(tmp_path, caplog, damage):
    seen = frames()
    watch(tmp_path / "key", seen)
    damage(tmp_path / "key" / "shot-00000.npz")
    with caplog.at_level(logging.WARNING):
        given, looked = watch(tmp_path / "key", seen)
    assert looked == list(seen)[:25] and exact(given) == exact(seen)
    assert [record.getMessage().endswith("looked at again") for record in caplog.records] == [True]
    assert watch(tmp_path / "key", seen)[1] == []


def test_a_folder_in_the_place_of_a_shot_is_said_and_left_alone(tmp_path, caplog):
    seen = frames()
    watch(tmp_path, seen)
    shot = tmp_path / "shot-00001.npz"
    shot.unlink()
    (shot / "mine").mkdir(parents=True)
    for _ in range(2):
        caplog.clear()
        given, looked = watch(tmp_path, seen)
        assert exact(given) == exact(seen) and looked == list(seen)[25:]
        assert "shot-00001.npz: is a folder" in caplog.text and "remove it" in caplog.text
    assert (shot / "mine").is_dir()


def test_a_shot_at_other_times_is_looked_at_again(tmp_path, caplog):
    seen = frames()
    watch(tmp_path, seen)
    other = {time + 0.001 * (time > 0.5): faces for time, faces in seen.items()}
    given, looked = watch(tmp_path, other)
    assert exact(given) == exact(other) and looked == list(other)[13:]
    assert "does not fit the clip" in caplog.text
    assert watch(tmp_path, other)[1] == list(other)  # what is found from the middle of a shot on is not kept
    assert watch(tmp_path, other)[1] == []


@pytest.mark.parametrize(("cut", "looked_at", "says"), [(0.6, 10, "more frames"), (1.4, 25, "does not fit")])
def test_a_shot_of_another_length_is_looked_at_again(tmp_path, caplog, cut, looked_at, says):
    seen = frames()
    watch(tmp_path, seen)
    given, _ = watch(tmp_path, seen, cut=cut)
    assert exact(given) == exact(seen) and says in caplog.text
    watch(tmp_path, seen, cut=cut)
    assert watch(tmp_path, seen, cut=cut)[1] == []


def test_memory_holds_one_part(tmp_path, monkeypatch):
    sizes = []
    kept = FacePart.of

    def of(seen):
        sizes.append((len(seen), sum(len(faces) for _, faces in seen)))
        return kept(seen)

    monkeypatch.setattr(FacePart, "of", of)
    monkeypatch.setattr(saved_faces, "PART", 900)
    crowd = [face(seed) for seed in range(100)]
    watch(tmp_path / "crowd", {k / 25: crowd for k in range(25)})
    watch(tmp_path / "nobody", {k / 2500: [] for k in range(2000)})
    assert max(faces for _, faces in sizes) <= saved_faces.PART + len(crowd)
    assert max(count for count, _ in sizes) <= saved_faces.PART and len(sizes) == 3 + 3


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be kept here"):
        SavedFaces(tmp_path / "file" / "key")


def test_a_folder_that_goes_is_said(tmp_path):
    saved = SavedFaces(tmp_path / "key")
    (tmp_path / "key").rmdir()
    with pytest.raises(OutputError, match="cannot be kept here"):
        saved.observations(0, 0.0, list)


@pytest.mark.parametrize("change", ["content", "options", "name"])
def test_a_key_is_of_content_and_options(tmp_path, change):
    clip, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    clip.write_bytes(b"moving pictures")
    other.write_bytes(b"other pictures" if change == "content" else b"moving pictures")
    keys = key_of(clip, {"fps": "16"}), key_of(other, {"fps": "8" if change == "options" else "16"})
    assert (keys[0] == keys[1]) == (change == "name") and len(keys[0]) == 64


def test_a_pipe_has_no_key(tmp_path):
    with pytest.raises(InputError, match="no regular file"):
        key_of(tmp_path, {})
