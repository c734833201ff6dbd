"""Seen once, used again: `perceive` and `describe` with a folder of saved faces, killed runs, changed options."""

import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest

from facevlm import describe, perceive
from facevlm.errors import InputError, OutputError
from facevlm.perceiving import PerceptionConfig
from facevlm.tracking.relink import RelinkConfig
from facevlm.tracking.tracker import AFTER_THE_LAST_FRAME, TrackerConfig
from tests.faces.scripted_onnx import channel_means, scripted_onnxruntime
from tests.squares import GREEN, RED, Square, SquareDetector, SquareEmbedder, SquareMesh, film, still

PLAIN = PerceptionConfig(occlusion=False)  # a plain square looks hidden
FIELDS = ("track_id", "box", "landmarks", "presence", "occlusion", "hidden", "touched", "appearance")


@pytest.fixture
def clip(tmp_path):
    """Three shots of a second; one person stays, one comes and goes, and after the second cut both have moved."""
    walks = Square(RED, lambda t: (20 + 20 * t, 30, 40))
    visits = Square(GREEN, lambda t: (110, 60 + 10 * (t > 2), 36) if 0.4 <= t < 0.8 or t > 1.3 else None)
    return film(tmp_path / "a.mp4", 3.0, [walks, visits], cuts=[1.0, 2.0])


@pytest.fixture
def asked(squares, monkeypatch) -> Counter:
    """How often each network was asked."""
    count: Counter = Counter()
    for kind, name in (
        (SquareDetector, "detect"),
        (SquareDetector, "glance"),
        (SquareMesh, "fit"),
        (SquareEmbedder, "embed"),
    ):
        monkeypatch.setattr(kind, name, _counting(getattr(kind, name), kind.__name__, count))
    return count


def _counting(method, name: str, count: Counter):
    def counted(*arguments):
        count[name] += 1
        return method(*arguments)

    return counted


def seen(clip, *, until: float = 9.0, config=PLAIN, **options):
    """All that comes out of `perceive`, in a form that compares bit by bit; stopped at `until`, nothing."""
    perception = perceive(clip, config=config, **options)
    moments = []
    iterator = iter(perception)
    for m in iterator:
        if m.time >= until:
            iterator.close()
            return None
        moments.append((m.index, m.time, m.shot, [[_bits(getattr(f, name)) for name in FIELDS] for f in m.faces]))
    tracks = [[_bits(getattr(t, field.name)) for field in fields(t)] for t in perception.tracks]
    return moments, tracks, perception.shots


def _bits(value):
    return (value.dtype.str, value.tobytes()) if isinstance(value, np.ndarray) else repr(value)


# --- a second run


def test_a_second_run_is_equal_and_asks_no_network(tmp_path, clip, asked):
    fresh = seen(clip)
    assert len(fresh[0]) == 75 and len(fresh[2]) == 3 and {len(faces) for *_, faces in fresh[0]} == {1, 2}
    assert seen(clip, saved=tmp_path / "seen") == fresh
    asked.clear()
    assert seen(clip, saved=tmp_path / "seen") == fresh and not asked


def test_describe_and_perceive_share_what_was_seen(tmp_path, clip, asked):
    fresh = describe(clip, config=PLAIN)
    seen(clip, saved=tmp_path / "seen")
    asked.clear()
    again = describe(clip, config=PLAIN, saved=tmp_path / "seen")
    assert not asked and again.to_json() == fresh.to_json()


def test_without_a_folder_nothing_is_kept(tmp_path, clip, squares):
    before = set(tmp_path.rglob("*"))
    seen(clip)
    assert set(tmp_path.rglob("*")) == before


def test_a_real_face_with_all_cues_comes_back_equal(tmp_path, puppet_clip, monkeypatch):
    from facevlm.faces.mesh import Network

    config = PerceptionConfig()
    options = {"config": config, "fps": "12.5", "end": 3.0}
    fresh = seen(puppet_clip.path, saved=tmp_path / "seen", **options)
    monkeypatch.setattr(Network, "__call__", lambda *_: pytest.fail("a network was asked"))
    assert seen(puppet_clip.path, saved=tmp_path / "seen", **options) == fresh and fresh[1]


# --- killed


@pytest.mark.parametrize(("until", "finished"), [(0.5, 0), (1.5, 1), (2.5, 2)])
def test_stopped_in_mid_shot_it_goes_on_after_the_last_finished_one(tmp_path, clip, asked, until, finished):
    fresh = seen(clip)
    whole = asked["SquareMesh"]
    assert seen(clip, saved=tmp_path / "seen", until=until) is None
    (key,) = (tmp_path / "seen").iterdir()
    assert sorted(path.name for path in key.iterdir()) == [f"shot-{n:05d}.npz" for n in range(finished)]
    asked.clear()
    assert seen(clip, saved=tmp_path / "seen") == fresh
    assert (asked["SquareMesh"] == whole) == (finished == 0) and asked


KILLED = """
    import os, signal, sys
    from facevlm import perceive
    from facevlm.faces.detect import DETECTORS
    from facevlm.faces.embed import EMBEDDERS
    from facevlm.faces.mesh import MESHES
    from facevlm.perceiving import PerceptionConfig
    from tests.squares import SquareDetector, SquareEmbedder, SquareMesh

    DETECTORS["whole"], MESHES["attention"], EMBEDDERS["descriptor"] = SquareDetector, SquareMesh, SquareEmbedder
    for moment in perceive(sys.argv[1], saved=sys.argv[2], config=PerceptionConfig(occlusion=False)):
        if moment.time > 2.5:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_outright_it_goes_on_after_the_last_finished_shot(tmp_path, clip, asked):
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(clip), str(tmp_path / "seen")]
    assert subprocess.run(command, check=False).returncode == -9
    (key,) = (tmp_path / "seen").iterdir()
    kept = {path: path.stat().st_mtime_ns for path in key.glob("shot-*")}
    assert len(kept) == 2 and len(list(key.glob(".shot-*"))) == 1
    fresh = seen(clip)
    whole = asked["SquareMesh"]
    asked.clear()
    assert seen(clip, saved=tmp_path / "seen") == fresh
    assert 0 < asked["SquareMesh"] < whole * 0.5  # of three shots one
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(key.iterdir())) == 3


# --- what is the same


def _with(config=PLAIN, **changes):
    return {"config": replace(config, **changes)}


def _tracker(**changes):
    return _with(tracker=replace(TrackerConfig(), **changes))


@pytest.mark.parametrize(
    "other",
    [
        {"fps": "12"},
        {"start": 0.2},
        {"end": 2.5},
        _with(detect_every_s=0.25),
        _with(occlusion=True),
        _with(max_faces=1),
        _tracker(min_presence=0.6),
        _tracker(doubted_s=0.5),
        _tracker(appearance_every_s=0.4),
    ],
    ids=[
        "fps",
        "start",
        "end",
        "detect_every_s",
        "occlusion",
        "max_faces",
        "min_presence",
        "doubted_s",
        "appearance_every_s",
    ],
)
def test_what_is_seen_under_other_options_is_kept_apart(tmp_path, clip, asked, other):
    seen(clip, saved=tmp_path / "seen")
    asked.clear()
    assert seen(clip, saved=tmp_path / "seen", **other) == seen(clip, **other) and asked
    assert len(list((tmp_path / "seen").iterdir())) == 2


@pytest.mark.parametrize(
    "other",
    [
        _tracker(min_frames=30),
        _tracker(min_duration_s=2.0, sure_score=2.0),
        _tracker(relink=RelinkConfig(min_similarity=1.1, aflink_min_similarity=1.1)),
        {"start": None, "fps": "native"},
    ],
    ids=["min_frames", "sure", "relink", "defaults given"],
)
def test_who_is_a_person_is_decided_anew_without_looking(tmp_path, clip, asked, other):
    seen(clip, saved=tmp_path / "seen")
    fresh = seen(clip, **other)
    asked.clear()
    assert seen(clip, saved=tmp_path / "seen", **other) == fresh and not asked


def test_what_is_asked_after_the_last_frame_are_fields():
    assert set(AFTER_THE_LAST_FRAME) < {field.name for field in fields(TrackerConfig)}


def test_another_clip_of_the_same_name_is_seen_anew(tmp_path, clip, asked):
    seen(clip, saved=tmp_path / "seen")
    film(clip, 1.0, [Square(RED, still(60, 40, 40))])
    assert seen(clip, saved=tmp_path / "seen") == seen(clip)


def test_a_moved_clip_is_known(tmp_path, clip, asked):
    fresh = seen(clip, saved=tmp_path / "seen")
    asked.clear()
    assert seen(clip.rename(tmp_path / "b.mp4"), saved=tmp_path / "seen") == fresh and not asked


def test_an_embedder_is_known_by_what_is_in_its_file(tmp_path, clip, asked, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", scripted_onnxruntime(channel_means))
    model = tmp_path / "arc.onnx"
    model.write_bytes(b"model")
    options = {"saved": tmp_path / "seen", **_with(embedder=f"onnx:{model}")}
    fresh = seen(clip, **options)
    assert asked["SquareMesh"] and not asked["SquareEmbedder"]
    asked.clear()
    moved = model.rename(tmp_path / "moved.onnx")
    assert seen(clip, saved=tmp_path / "seen", **_with(embedder=f"onnx:{moved}")) == fresh and not asked
    model.write_bytes(b"model, trained longer")
    assert seen(clip, **options) == fresh and asked
    assert len(list((tmp_path / "seen").iterdir())) == 2


# --- what goes wrong


def test_a_damaged_shot_is_looked_at_again(tmp_path, clip, asked, caplog):
    fresh = seen(clip, saved=tmp_path / "seen")
    (shot,) = (tmp_path / "seen").glob("*/shot-00001.npz")
    shot.write_bytes(shot.read_bytes()[:-100])
    asked.clear()
    assert seen(clip, saved=tmp_path / "seen") == fresh and asked
    assert [record.name for record in caplog.records] == ["facevlm.tracking.saved_faces"]


def test_where_the_faces_no_longer_fit_in_mid_shot_they_are_looked_for_anew(tmp_path, clip, asked, monkeypatch, caplog):
    from facevlm.tracking import face_parts

    fresh = seen(clip, saved=tmp_path / "seen")
    read = face_parts.FacePart.__iter__
    late = lambda part: ((time + (time > 1.5) * 1e-3, faces) for time, faces in read(part))  # noqa: E731
    monkeypatch.setattr(face_parts.FacePart, "__iter__", late)
    moments, tracks, _ = seen(clip, saved=tmp_path / "seen")
    assert asked and "does not fit the clip" in caplog.text
    assert [(time, len(faces)) for _, time, _, faces in moments] == [
        (time, len(faces)) for _, time, _, faces in fresh[0]
    ]
    assert len(tracks) == len(fresh[1])


def test_a_folder_that_is_a_file_is_said(tmp_path, clip, squares):
    (tmp_path / "seen").write_text("")
    with pytest.raises(OutputError, match="cannot be kept here"):
        perceive(clip, saved=tmp_path / "seen")


def test_a_clip_that_is_gone_is_said(tmp_path, clip, squares):
    with pytest.raises(InputError):
        perceive(tmp_path / "none.mp4", saved=tmp_path / "seen")
