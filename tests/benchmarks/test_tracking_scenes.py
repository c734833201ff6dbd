"""The scenes of the tracking benchmark: what they promise, and that a seed always gives the same clip."""

from fractions import Fraction

import numpy as np
import pytest

from benchmarks.tracking.cast import Cast, tinted, varied
from benchmarks.tracking.clip import Clip, Truth, load, save
from benchmarks.tracking.scenes import DETECTORS, SCENES, TEST_SEEDS, TUNE_SEEDS, Take
from facevlm.faces import detect
from facevlm.puppet.puppet import Puppet
from facevlm.puppet.scene import Scene
from tests.benchmarks.made_tracks import faces_at


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    pytest.importorskip("skimage", reason="the portrait comes with scikit-image (extra: demo)")
    from facevlm.puppet.demo import astronaut

    return astronaut()


class Extras(Cast):
    """Everybody is the same puppet, made once."""

    puppet: Puppet

    def person(self, number: int, *, size: int = 256) -> Puppet:
        return self.puppet

    def lookalike(self, number: int, *, tint: float, size: int = 256) -> Puppet:
        return self.puppet


class BareTake(Take):
    """A take before a plain wall, which is drawn in no time."""

    def wall(self) -> np.ndarray:
        return np.full((9, 16, 3), int(self.rng.integers(90, 170)), np.uint8)


@pytest.fixture(scope="module")
def extras(portrait: np.ndarray) -> Extras:
    cast = Extras([portrait], 0)
    cast.puppet = Puppet.from_photo(portrait, size=128)
    return cast


@pytest.fixture(scope="module")
def scenes(extras: Extras) -> dict[str, Scene]:
    return {name: scene(BareTake(extras, name, 7)) for name, scene in SCENES.items()}


def test_there_are_enough_scenes_and_the_seeds_are_apart() -> None:
    assert len(SCENES) >= 24 and not set(TUNE_SEEDS) & set(TEST_SEEDS)
    assert set(DETECTORS) <= set(SCENES) and set(DETECTORS.values()) <= set(detect.DETECTORS)
    assert all(scene.__doc__ for scene in SCENES.values())


def test_scenes_keep_what_they_promise(scenes: dict[str, Scene]) -> None:
    assert all(5 <= scene.duration <= 8 for scene in scenes.values())
    assert {actor.name for actor in scenes["two_cross"].shots[0].actors} == {"person 0", "person 1"}
    assert max(len(scene.shots[0].actors) for scene in scenes.values()) == 12
    assert len(scenes["cut_dialogue"].shots) == 5
    assert np.diff(scenes["dropped_frames"].times()).max() > 3 / 30
    assert np.ptp(np.diff(scenes["variable_rate"].times())) > 0.03
    assert scenes["ntsc_rate"].film.fps == Fraction(30000, 1001)


def test_a_seed_gives_one_clip_and_another_seed_another(extras: Extras) -> None:
    def first(seed: int) -> np.ndarray:
        return next(SCENES["two_cross"](BareTake(extras, "two_cross", seed)).frames()).image

    assert np.array_equal(first(7), first(7)) and not np.array_equal(first(7), first(8))


def test_who_plays_whom_depends_on_the_seed(portrait: np.ndarray) -> None:
    orders = {tuple(Cast([portrait] * 5, seed)._order) for seed in range(8)}
    assert len(orders) > 4


def test_mirrored_takes_mirror_people_things_and_camera(extras: Extras) -> None:
    takes = [Take(extras, "two_cross", seed) for seed in range(12)]
    sides = []
    for take in takes:
        person, thing = take.keys((0, 0.2, 0.5, 0.3))[0].x, take.pillar(0.2, 0.5, 0.8).path[0].x
        camera = take.camera((0, 0.2, 0.5, 1.0))[0].x
        assert thing == camera and person == pytest.approx(thing, abs=0.021)
        sides.append(thing)
    assert set(sides) == {0.2, 0.8}


def test_people_without_photos_of_their_own_look_otherwise(portrait: np.ndarray) -> None:
    assert np.array_equal(tinted(portrait, 0), portrait)
    shifted = tinted(portrait, 10).astype(int) - portrait
    assert np.median(shifted[..., 0]) == 10 and np.median(shifted[..., 2]) == -10
    variants = [varied(portrait, [1, number]) for number in range(3)]
    assert len({variant.shape for variant in variants} | {portrait.shape}) == 4


def test_a_clip_is_read_as_it_was_saved(tmp_path) -> None:
    truth = Truth(np.array([0, 2]), np.array([0, 0]), np.ones((2, 4), np.float32), np.ones(2, np.float32), ("A",))
    faces = (faces_at([0, 0, 9, 9], [20, 0, 29, 9]), faces_at(), faces_at([1, 0, 10, 9]))
    clip = Clip("x", 3, tmp_path / "x.mp4", (64, 48), np.array([0.0, 0.1, 0.2]), np.array([0, 0, 1]), faces, truth)
    save(tmp_path / "x.npz", clip)
    read = load(tmp_path / "x.npz")
    assert (read.name, read.seed, read.size, read.path, read.truth.names) == ("x", 3, (64, 48), clip.path, ("A",))
    assert [len(faces) for _, _, _, faces in read] == [2, 0, 1]
    assert np.array_equal(read.faces[2].boxes, faces[2].boxes) and np.array_equal(read.truth.frames, [0, 2])
    assert [(number, shot) for number, _, shot, _ in read] == [(0, 0), (1, 0), (2, 1)]
