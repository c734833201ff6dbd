"""Scenes: several people, paths, cuts, occlusion, frame times, rotation."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from facevlm.errors import UsageError
from facevlm.faces.detect import WholeFrame
from facevlm.puppet.moves import Move
from facevlm.puppet.puppet import Puppet
from facevlm.puppet.record import write_clip
from facevlm.puppet.scene import Actor, Film, Key, Occluder, Scene, Shot
from facevlm.puppet.script import Idle, Script
from facevlm.video.sampling import Sampler, kept

NOTHING = Script((), 2.0, Idle(amount=0.0))
SWAYING = Script((), 2.0, Idle(amount=1.0))


def test_two_people_cross(puppet: Puppet) -> None:
    left = Actor("A", puppet, SWAYING, (Key(0, 0.25, 0.5, 0.4), Key(2, 0.75, 0.5, 0.4)))
    right = Actor("B", puppet, SWAYING, (Key(0, 0.75, 0.5, 0.4), Key(2, 0.25, 0.5, 0.4)))
    scene = Scene((Shot(2.0, (left, right)),), (480, 320), Film(fps=Fraction(5)))
    frames = list(scene.frames())
    centres = {name: [float(f.boxes[name][[0, 2]].mean()) for f in frames] for name in "AB"}
    assert centres["A"][0] == pytest.approx(120, abs=5) and centres["B"][0] == pytest.approx(360, abs=5)
    assert np.all(np.diff(centres["A"]) > 0) and np.all(np.diff(centres["B"]) < 0)
    assert [sorted(f.hidden) for f in frames] == [["A"] if 0.75 < f.time < 1.25 else [] for f in frames]
    found = WholeFrame().detect(frames[0].image).boxes  # both are really drawn
    assert len(found) == 2
    for name in "AB":
        middle = frames[0].boxes[name].reshape(2, 2).mean(0)
        assert any((box[:2] < middle).all() and (middle < box[2:]).all() for box in found)


def test_who_leaves_the_frame_has_no_box_and_no_events_there(puppet: Puppet) -> None:
    script = Script((Move("smile", 0.2, 0.9), Move("brow_raise", 2.2, 3.0)), 3.2, Idle(amount=0.0))
    goes = Actor("A", puppet, script, (Key(1, 0.5, 0.5, 0.5), Key(2, 1.6, 0.5, 0.5)))
    scene = Scene((Shot(3.2, (goes,)),), (320, 240), Film(fps=Fraction(10)))
    frames = list(scene.frames())
    assert [bool(f.boxes) for f in frames if f.time < 1.1 or f.time > 2] == [
        f.time < 1.1 for f in frames if f.time < 1.1 or f.time > 2
    ]
    assert [event.action for event in scene.truth(frames)["A"]] == ["smile"]


def test_a_hand_before_the_face_makes_events_unsure(puppet: Puppet) -> None:
    script = Script((Move("smile", 0.2, 0.9), Move("pout", 1.3, 1.9)), 2.0, Idle(amount=0.0))
    hand = Occluder((Key(1.2, 0.5, 0.6, 0.6), Key(2.0, 0.5, 0.6, 0.6)))
    scene = Scene((Shot(2.0, (Actor("A", puppet, script),), occluders=(hand,)),), puppet.size, Film(fps=Fraction(10)))
    frames = list(scene.frames())
    assert {f.time >= 1.2 for f in frames if f.hidden} == {True}
    assert {event.action: event.sure for event in scene.truth(frames)["A"]} == {"smile": True, "pout": False}


def test_a_cut_changes_the_people_and_cuts_events_short(puppet: Puppet) -> None:
    script = Script((Move("head_tilt_left", 0.4, 1.6),), 2.0, Idle(amount=0.0))
    scene = Scene(
        (Shot(1.0, (Actor("A", puppet, script),)), Shot(2.0, (Actor("B", puppet, NOTHING),))),
        (240, 240),
        Film(fps=Fraction(10)),
    )
    frames = list(scene.frames())
    assert [set(f.boxes) for f in frames] == [{"A"} if f.time < 1 else {"B"} for f in frames]
    truth = scene.truth(frames)
    assert truth["B"] == () and [round(event.t1, 1) for event in truth["A"]] == [0.9]


def test_the_same_seed_gives_the_same_frames(puppet: Puppet) -> None:
    def film(seed: int) -> list[np.ndarray]:
        film = Film(fps=Fraction(4), noise=5, light=0.4, blur=1, seed=seed)
        scene = Scene((Shot(1.0, (Actor("A", puppet, NOTHING),), shake=0.02),), (200, 200), film)
        return [frame.image for frame in scene.frames()]

    assert all(np.array_equal(a, b) for a, b in zip(film(1), film(1), strict=True))
    assert not np.array_equal(film(1)[0], film(2)[0])


def test_irregular_frame_times_are_kept_in_the_file(puppet: Puppet, tmp_path: Path) -> None:
    scene = Scene.of(puppet, NOTHING, film=Film(fps=Fraction(20), vary=0.6, seed=3))
    clip = write_clip(tmp_path / "vfr.mp4", scene)
    gaps = np.diff(clip.times)
    assert gaps.max() > 1.5 * gaps.min() > 0
    with av.open(clip.path) as container:
        times = [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]
    assert np.allclose(np.array(times) - times[0], clip.times, atol=1e-3)


def test_ntsc_rate_is_exact() -> None:
    scene = Scene((Shot(2.0, ()),), (64, 64), Film(fps=Fraction(30000, 1001)))
    assert scene.times()[30] == pytest.approx(1.001, abs=1e-9)


def test_a_rotated_file_shows_upright(puppet: Puppet, tmp_path: Path) -> None:
    scene = Scene((Shot(0.2, (Actor("A", puppet, NOTHING),)),), (240, 160), Film(fps=Fraction(10), rotation=90))
    clip = write_clip(tmp_path / "turned.mp4", scene)
    with av.open(clip.path) as container:
        frame = next(container.decode(video=0))
        upright = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
    assert (frame.width, frame.height) == (160, 240) and upright.shape == (160, 240, 3)
    expected = next(iter(scene.frames())).image
    assert np.abs(upright.astype(int) - expected).mean() < 6


def test_the_record_has_the_form_of_an_annotation(puppet: Puppet, tmp_path: Path) -> None:
    script = Script((Move("wink", 0.1, 0.5, side="left"),), 0.6, Idle(amount=0.0))
    record = write_clip(tmp_path / "wink.mp4", Scene.of(puppet, script, film=Film(fps=Fraction(10)))).record()
    assert record["clip"] == "wink" and record["people"] == [{"id": "A", "main": True}]
    wink = next(event for event in record["events"] if event["action"] == "wink")
    assert {"who", "t0", "t1", "action", "strength", "sure", "image_side"} <= set(wink) and wink[
        "image_side"
    ] == "right"


def test_shots_must_follow_each_other() -> None:
    with pytest.raises(UsageError, match="end one after the other"):
        Scene((Shot(2.0, ()), Shot(1.0, ())))


def test_sights_tell_how_much_is_hidden_and_outside(puppet: Puppet) -> None:
    behind = Actor("A", puppet, NOTHING, (Key(0, 0.3, 0.5, 0.4),))
    leaving = Actor("B", puppet, NOTHING, (Key(0, 1.0, 0.5, 0.4),))
    gone = Actor("C", puppet, NOTHING, (Key(0, 1.5, 0.5, 0.4),))
    pillar = Occluder((Key(0.4, 0.3, 0.5, 1.4), Key(1.0, 0.3, 0.5, 1.4)), "bar")
    scene = Scene((Shot(1.0, (behind, leaving, gone), occluders=(pillar,)),), (480, 320), Film(fps=Fraction(5)))
    free, covered = next(scene.frames()), list(scene.frames())[-1]
    assert set(free.sights) == {"A", "B"} and free.sights["A"].visible == pytest.approx(1)
    assert free.sights["B"].inside == pytest.approx(0.5, abs=0.02) and set(free.boxes) == {"A"}
    assert covered.sights["A"].covered > 0.99 and covered.hidden == {"A"} and set(covered.boxes) == {"A"}


def test_an_open_shutter_smears_what_moves_and_leaves_the_truth(puppet: Puppet) -> None:
    def film(exposure: float) -> tuple[list[np.ndarray], list[np.ndarray]]:
        moves = Actor("A", puppet, NOTHING, (Key(0, 0.2, 0.5, 0.4), Key(0.6, 0.8, 0.5, 0.4)))
        stays = Actor("B", puppet, NOTHING, (Key(0, 0.93, 0.2, 0.2),))
        scene = Scene((Shot(0.6, (moves, stays)),), (480, 320), Film(fps=Fraction(10), exposure=exposure))
        frames = list(scene.frames())
        middle = frames[3]
        cuts = [np.round(middle.sights[name].box).astype(int) for name in "AB"]
        return [middle.image[y0:y1, x0:x1] for x0, y0, x1, y1 in cuts], [middle.sights[name].box for name in "AB"]

    (sharp, still), boxes = film(0.0)
    (smeared, still_too), same_boxes = film(1 / 30)
    upright_edges = [float(np.abs(np.diff(face.astype(float), axis=1)).mean()) for face in (sharp, smeared)]
    assert upright_edges[1] < 0.5 * upright_edges[0]
    assert np.array_equal(boxes, same_boxes) and np.abs(still.astype(int) - still_too).max() <= 1


def test_dropped_frames_leave_gaps_in_time() -> None:
    whole = Scene((Shot(5.0, ()),), (64, 64), Film(fps=Fraction(30))).times()
    left = Scene((Shot(5.0, ()),), (64, 64), Film(fps=Fraction(30), dropped=0.4, seed=2)).times()
    assert left[0] == 0 and set(left) < set(whole) and len(left) == pytest.approx(90, abs=9)
    assert 4 / 30 < np.diff(left).max() < 1


def test_only_the_frames_asked_for_are_drawn() -> None:
    scene = Scene((Shot(1.0, ()),), (64, 64), Film(fps=Fraction(30)))
    assert [frame.time for frame in scene.frames(Sampler(16))] == kept(scene.times(), 16)
