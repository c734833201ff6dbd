"""The scene scripts: what happens in front of the camera, as functions of a `Take`, which draws all that varies.

Scripts and seeds were written before anything was tuned. Trackers are tuned on TUNE_SEEDS, whose clips show other
photos than those of TEST_SEEDS; results are told for both.
"""

import zlib
from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np

from benchmarks.tracking.cast import Cast
from facevlm.puppet.puppet import Puppet
from facevlm.puppet.scene import Actor, Film, Key, Occluder, Scene, Shot
from facevlm.puppet.script import random_script

TUNE_SEEDS = (101,)
TEST_SEEDS = (201, 202)
SMALL, WIDE = (640, 360), (1280, 720)  # pixels
STILL = (Key(0.0, 0.5, 0.5, 1.0),)


class Take:
    """One seed's draw of a scene: who plays, where exactly, which way round, before which wall.

    Args:
        cast: The people.
        name: Of the scene.
        seed: Of the draw.
    """

    def __init__(self, cast: Cast, name: str, seed: int) -> None:
        self.cast, self.seed = cast, seed
        self.rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        self._mirrored = bool(self.rng.random() < 0.5)

    def keys(self, *keys: tuple[float, float, float, float], hold: bool = False) -> tuple[Key, ...]:
        """(seconds, x, y, height) → keys, mirrored or not, each a little earlier or later and a little elsewhere.

        Args:
            keys: Any number.
            hold: Whether all keys get the same shift: what moves is then exactly what was written.
        """
        jitter = self.rng.uniform(-1, 1, (1 if hold else len(keys), 3)) * [0.12, 0.02, 0.02]
        size = float(np.exp(self.rng.uniform(-0.08, 0.08)))
        result = []
        for number, (t, x, y, scale) in enumerate(keys):
            dt, dx, dy = jitter[0 if hold else number]
            t = t + dt if t > 0 else t
            result.append(Key(t, (1 - x if self._mirrored else x) + dx, y + dy, scale * size))
        return tuple(sorted(result, key=lambda key: key.t))

    def actor(
        self,
        who: int | Puppet,
        *keys: tuple[float, float, float, float],
        name: str | None = None,
        seconds: float = 6.0,
        present: tuple[tuple[float, float], ...] = (),
        lively: float = 0.7,
    ) -> Actor:
        """One person with a script of their own."""
        puppet = self.cast.person(who) if isinstance(who, int) else who
        name = name or f"person {who}"
        script = random_script(int(self.rng.integers(1 << 30)), seconds, rate=lively)
        return Actor(name, puppet, script, self.keys(*keys), present)

    def pillar(self, x: float, y: float, height: float, start: float = 0.0, end: float = 60.0) -> Occluder:
        """A post that stands still."""
        x = 1 - x if self._mirrored else x
        colour = tuple(int(c) for c in self.rng.integers(40, 200, 3))
        return Occluder((Key(start, x, y, height), Key(end, x, y, height)), "bar", colour)

    def passing(self, *keys: tuple[float, float, float, float], kind: str = "bar") -> Occluder:
        """A thing that passes by."""
        if kind == "hand":
            return Occluder(self.keys(*keys), "hand")
        return Occluder(self.keys(*keys), "bar", tuple(int(c) for c in self.rng.integers(30, 220, 3)))

    def camera(self, *keys: tuple[float, float, float, float]) -> tuple[Key, ...]:
        """(seconds, x, y, zoom) → the camera's keys, mirrored as the people are."""
        return tuple(Key(t, 1 - x if self._mirrored else x, y, zoom) for t, x, y, zoom in keys)

    def wall(self) -> np.ndarray:
        """A room's wall with shelves and pictures, on which a moving camera shows: uint8 (720, 1280, 3) RGB."""
        rng = self.rng
        coarse = cv2.resize(rng.uniform(-16, 16, (9, 16, 3)), (1280, 720), interpolation=cv2.INTER_CUBIC)
        paint = rng.uniform(90, 170) + rng.uniform(-15, 15, 3)
        wall = np.clip(paint + 0.5 * coarse + rng.normal(0, 3, (720, 1280, 1)), 0, 255).astype(np.uint8)
        for _ in range(26):
            x, y = int(rng.integers(-60, 1280)), int(rng.integers(-60, 720))
            w, h = (int(v) for v in rng.integers(25, 190, 2))
            colour = tuple(
                float(c) for c in np.clip(wall.mean((0, 1)) + rng.normal(0, 34) + rng.normal(0, 14, 3), 0, 255)
            )
            cv2.rectangle(wall, (x, y), (x + w, y + h), colour, -1, cv2.LINE_AA)
            cv2.rectangle(wall, (x, y), (x + w, y + h), tuple(0.6 * c for c in colour), 3, cv2.LINE_AA)
        return wall

    def scene(
        self,
        *actors: Actor,
        seconds: float = 6.0,
        size: tuple[int, int] = SMALL,
        camera: tuple[Key, ...] = STILL,
        shake: float = 0.0,
        occluders: tuple[Occluder, ...] = (),
        film: Film | None = None,
    ) -> Scene:
        """One shot before a wall; the farthest people first."""
        shot = Shot(seconds, actors, self.wall(), camera, shake, occluders)
        return Scene((shot,), size, film or self.film())

    def film(self, **more: float | Fraction) -> Film:
        """A camera with a little noise, 30 frames a second."""
        return Film(**{"fps": Fraction(30), "noise": 2.0, "crf": 23, "seed": self.seed, **more})


def one_talks(take: Take) -> Scene:
    """A talking head."""
    return take.scene(take.actor(0, (0, 0.5, 0.5, 0.36), (6, 0.53, 0.5, 0.38), lively=1.2))


def one_walks_to_and_fro(take: Take) -> Scene:
    """One person walks across and turns round."""
    return take.scene(
        take.actor(0, (0, 0.12, 0.5, 0.26), (2.4, 0.85, 0.48, 0.26), (3.0, 0.85, 0.48, 0.26), (5.2, 0.2, 0.5, 0.26))
    )


def comes_near(take: Take) -> Scene:
    """One person walks up to the camera while another stays behind."""
    behind = take.actor(1, (0, 0.78, 0.42, 0.17), (6, 0.74, 0.42, 0.17))
    return take.scene(behind, take.actor(0, (0, 0.3, 0.42, 0.14), (5.0, 0.42, 0.52, 0.42)))


def two_cross(take: Take) -> Scene:
    """Two people walk past each other, one hides the other for a moment."""
    return take.scene(
        take.actor(0, (0, 0.15, 0.5, 0.24), (4.8, 0.85, 0.5, 0.24)),
        take.actor(1, (0, 0.85, 0.52, 0.26), (4.8, 0.15, 0.52, 0.26)),
    )


def two_cross_fast(take: Take) -> Scene:
    """Two people run past each other, twice."""
    return take.scene(
        take.actor(0, (0, 0.12, 0.5, 0.22), (1.9, 0.88, 0.5, 0.22), (2.8, 0.88, 0.5, 0.22), (4.7, 0.15, 0.5, 0.22)),
        take.actor(1, (0, 0.88, 0.52, 0.24), (1.9, 0.12, 0.52, 0.24), (2.8, 0.12, 0.52, 0.24), (4.7, 0.85, 0.52, 0.24)),
    )


def two_meet_and_part(take: Take) -> Scene:
    """Two people come together until one half hides the other, and go back to where they came from."""
    return take.scene(
        take.actor(0, (0, 0.2, 0.5, 0.25), (2.4, 0.48, 0.5, 0.25), (3.2, 0.48, 0.5, 0.25), (5.6, 0.2, 0.5, 0.25)),
        take.actor(1, (0, 0.8, 0.52, 0.27), (2.4, 0.53, 0.52, 0.27), (3.2, 0.53, 0.52, 0.27), (5.6, 0.8, 0.52, 0.27)),
    )


def three_weave(take: Take) -> Scene:
    """Three people change places again and again."""
    return take.scene(
        take.actor(0, (0, 0.18, 0.46, 0.2), (2.0, 0.5, 0.46, 0.2), (4.0, 0.82, 0.46, 0.2), (6.0, 0.5, 0.46, 0.2)),
        take.actor(1, (0, 0.5, 0.5, 0.22), (2.0, 0.82, 0.5, 0.22), (4.0, 0.18, 0.5, 0.22), (6.0, 0.8, 0.5, 0.22)),
        take.actor(2, (0, 0.82, 0.54, 0.24), (2.0, 0.18, 0.54, 0.24), (4.0, 0.5, 0.54, 0.24), (6.0, 0.2, 0.54, 0.24)),
    )


def four_dance(take: Take) -> Scene:
    """Four people jump about."""
    actors = []
    for number in range(4):
        at = 0.16 + 0.22 * number
        keys = [(0.0, at, 0.48, 0.2)]
        for step in range(1, 9):
            where = float(np.clip(at + take.rng.uniform(-0.2, 0.2), 0.1, 0.9))
            keys.append((0.7 * step, where, float(0.46 + take.rng.uniform(-0.16, 0.16)), 0.2))
        actors.append(take.actor(number, *keys))
    return take.scene(*actors)


def thing_passes(take: Take) -> Scene:
    """A thing passes before two people who stay where they are."""
    thing = take.passing((1.0, -0.2, 0.5, 0.6), (3.6, 1.2, 0.5, 0.6))
    return take.scene(take.actor(0, (0, 0.3, 0.5, 0.28)), take.actor(1, (0, 0.68, 0.5, 0.28)), occluders=(thing,))


def walks_behind_a_pillar(take: Take) -> Scene:
    """One person walks on behind a pillar, another stays before it."""
    return take.scene(
        take.actor(1, (0, 0.86, 0.42, 0.18)),
        take.actor(0, (0, 0.1, 0.5, 0.24), (5.0, 0.72, 0.5, 0.24)),
        occluders=(take.pillar(0.4, 0.5, 0.8),),
    )


def turns_behind_a_pillar(take: Take) -> Scene:
    """Two people vanish behind one pillar; each comes out on the side where they went in."""
    return take.scene(
        take.actor(0, (0, 0.2, 0.48, 0.2), (1.8, 0.48, 0.48, 0.2), (2.5, 0.48, 0.48, 0.2), (4.6, 0.2, 0.48, 0.2)),
        take.actor(1, (0, 0.8, 0.52, 0.2), (1.8, 0.53, 0.52, 0.2), (2.5, 0.53, 0.52, 0.2), (4.6, 0.8, 0.52, 0.2)),
        occluders=(take.pillar(0.5, 0.5, 0.75),),
    )


def swaps_behind_a_pillar(take: Take) -> Scene:
    """Two people vanish behind one pillar and come out on the other side."""
    return take.scene(
        take.actor(0, (0, 0.15, 0.5, 0.2), (4.6, 0.85, 0.5, 0.2)),
        take.actor(1, (0, 0.85, 0.5, 0.2), (4.6, 0.15, 0.5, 0.2)),
        occluders=(take.pillar(0.5, 0.5, 0.75),),
    )


def hand_before_the_face(take: Take) -> Scene:
    """A hand is held before one of two faces and taken away."""
    hand = take.passing(
        (1.4, 0.3, 1.2, 0.5), (2.0, 0.31, 0.56, 0.5), (3.4, 0.32, 0.56, 0.5), (4.0, 0.3, 1.2, 0.5), kind="hand"
    )
    return take.scene(take.actor(0, (0, 0.3, 0.5, 0.3)), take.actor(1, (0, 0.7, 0.5, 0.28)), occluders=(hand,))


def leaves_and_returns(take: Take) -> Scene:
    """One person leaves and comes back on the same side; another stays."""
    return take.scene(
        take.actor(1, (0, 0.65, 0.5, 0.24)),
        take.actor(0, (0, 0.3, 0.5, 0.26), (1.6, -0.2, 0.5, 0.26), (3.2, -0.2, 0.5, 0.26), (4.8, 0.32, 0.5, 0.26)),
    )


def returns_on_the_other_side(take: Take) -> Scene:
    """One person leaves and comes back from the other side; another walks about."""
    return take.scene(
        take.actor(1, (0, 0.55, 0.44, 0.2), (6, 0.45, 0.44, 0.2)),
        take.actor(
            0,
            *((0, 0.3, 0.5, 0.26), (1.6, -0.2, 0.5, 0.26), (3.0, 1.2, 0.5, 0.26), (5.0, 0.72, 0.5, 0.26)),
            present=((0, 1.75), (2.85, 6.0)),
        ),
    )


def leaves_for_long(take: Take) -> Scene:
    """One person is away for three seconds while another comes in for good."""
    return take.scene(
        take.actor(
            0, (0, 0.35, 0.5, 0.26), (1.2, -0.2, 0.5, 0.26), (4.6, -0.2, 0.5, 0.26), (5.8, 0.3, 0.5, 0.26), seconds=7.0
        ),
        take.actor(1, (0, 1.2, 0.5, 0.25), (1.8, 1.2, 0.5, 0.25), (3.4, 0.62, 0.5, 0.25), seconds=7.0),
        seconds=7.0,
    )


def another_takes_the_place(take: Take) -> Scene:
    """One person leaves; somebody else comes in where they went and stands where they stood."""
    return take.scene(
        take.actor(0, (0, 0.4, 0.5, 0.28), (1.6, -0.2, 0.5, 0.28)),
        take.actor(1, (0, -0.2, 0.5, 0.28), (2.4, -0.2, 0.5, 0.28), (4.0, 0.4, 0.5, 0.28)),
    )


def twins_cross(take: Take) -> Scene:
    """Two people of one photo walk past each other."""
    return take.scene(
        take.actor(take.cast.person(0), (0, 0.15, 0.48, 0.24), (4.8, 0.85, 0.48, 0.24), name="twin 1"),
        take.actor(take.cast.person(0), (0, 0.85, 0.52, 0.24), (4.8, 0.15, 0.52, 0.24), name="twin 2"),
    )


def twins_and_a_thing(take: Take) -> Scene:
    """A thing passes before two people of one photo side by side."""
    thing = take.passing((1.0, -0.2, 0.5, 0.6), (3.6, 1.2, 0.5, 0.6))
    return take.scene(
        take.actor(take.cast.person(0), (0, 0.35, 0.5, 0.26), (6, 0.38, 0.5, 0.26), name="twin 1"),
        take.actor(take.cast.person(0), (0, 0.62, 0.5, 0.26), (6, 0.6, 0.5, 0.26), name="twin 2"),
        occluders=(thing,),
    )


def alike_three(take: Take) -> Scene:
    """Three people of one photo in slightly different colours change places."""
    alike = [take.cast.lookalike(0, tint=tint) for tint in (-10, 0, 10)]
    return take.scene(
        take.actor(alike[0], (0, 0.2, 0.47, 0.2), (2.5, 0.5, 0.47, 0.2), (5.0, 0.2, 0.47, 0.2), name="cold"),
        take.actor(alike[1], (0, 0.5, 0.5, 0.22), (2.5, 0.2, 0.5, 0.22), (5.0, 0.8, 0.5, 0.22), name="plain"),
        take.actor(alike[2], (0, 0.8, 0.53, 0.24), (2.5, 0.8, 0.53, 0.24), (5.0, 0.5, 0.53, 0.24), name="warm"),
    )


def pan(take: Take) -> Scene:
    """The camera pans along four people."""
    actors = [take.actor(n, (0, 0.13 + 0.25 * n, 0.5, 0.15), (6, 0.11 + 0.25 * n, 0.5, 0.15)) for n in range(4)]
    return take.scene(*actors, camera=take.camera((0, 0.3, 0.5, 1.6), (2.8, 0.7, 0.5, 1.6), (5.6, 0.32, 0.5, 1.6)))


def whip_pan(take: Take) -> Scene:
    """The camera jerks aside and back within half a second, three times."""
    actors = [take.actor(n, (0, 0.22 + 0.28 * n, 0.5, 0.2), (6, 0.24 + 0.28 * n, 0.5, 0.2)) for n in range(3)]
    keys = [(0.0, 0.5, 0.5, 1.15)]
    for t, x in ((1.0, 0.38), (2.6, 0.62), (4.2, 0.38)):
        keys += [(t, 0.5, 0.5, 1.15), (t + 0.25, x, 0.5, 1.15), (t + 0.55, 0.5, 0.5, 1.15)]
    return take.scene(*actors, camera=take.camera(*keys), film=take.film(exposure=1 / 60))


def zoom(take: Take) -> Scene:
    """The camera zooms in on three people and out again."""
    actors = [take.actor(n, (0, 0.25 + 0.25 * n, 0.5, 0.15)) for n in range(3)]
    return take.scene(
        *actors,
        camera=take.camera((0, 0.5, 0.5, 1.0), (2.0, 0.55, 0.5, 2.2), (3.2, 0.55, 0.5, 2.2), (5.0, 0.5, 0.5, 1.0)),
    )


def shake(take: Take) -> Scene:
    """A camera shaken hard, three people, one of whom walks."""
    return take.scene(
        take.actor(0, (0, 0.25, 0.5, 0.2)),
        take.actor(1, (0, 0.75, 0.5, 0.2)),
        take.actor(2, (0, 0.12, 0.54, 0.22), (5.6, 0.88, 0.54, 0.22)),
        camera=take.camera((0, 0.5, 0.5, 1.15)),
        shake=0.06,
        film=take.film(exposure=1 / 90),
    )


def shaky_pan_crossing(take: Take) -> Scene:
    """A shaken camera pans while two people cross."""
    return take.scene(
        take.actor(0, (0, 0.25, 0.5, 0.18), (5.0, 0.75, 0.5, 0.18)),
        take.actor(1, (0, 0.72, 0.52, 0.19), (5.0, 0.28, 0.52, 0.19)),
        camera=take.camera((0, 0.42, 0.5, 1.35), (3.0, 0.58, 0.5, 1.35), (6.0, 0.44, 0.5, 1.35)),
        shake=0.03,
    )


def cut_same_people(take: Take) -> Scene:
    """Cuts between a wide view and closer ones of the same three people."""
    wall = take.wall()
    views = (STILL, take.camera((0, 0.3, 0.48, 1.8)), STILL, take.camera((0, 0.66, 0.48, 1.7)))
    actors = tuple(take.actor(n, (0, 0.22 + 0.28 * n, 0.5, 0.2), (6, 0.24 + 0.27 * n, 0.5, 0.2)) for n in range(3))
    return Scene(tuple(Shot(1.5 * (n + 1), actors, wall, view) for n, view in enumerate(views)), SMALL, take.film())


def cut_other_people(take: Take) -> Scene:
    """Cuts to other people at the same places."""
    shots = [
        Shot(
            2.0 * (n + 1),
            (take.actor(2 * n, (0, 0.32, 0.5, 0.28)), take.actor(2 * n + 1, (0, 0.68, 0.5, 0.28))),
            take.wall(),
        )
        for n in range(3)
    ]
    return Scene(tuple(shots), SMALL, take.film())


def cut_dialogue(take: Take) -> Scene:
    """Two people are shown by turns, as in a dialogue."""
    first, second = (take.actor(0, (0, 0.42, 0.5, 0.4)),), (take.actor(1, (0, 0.58, 0.5, 0.4)),)
    walls = take.wall(), take.wall()
    shots = tuple(Shot(1.2 * (n + 1), second if n % 2 else first, walls[n % 2]) for n in range(5))
    return Scene(shots, SMALL, take.film())


def small_faces(take: Take) -> Scene:
    """Eight people far away, walking."""
    return take.scene(*_walkers(take, 8, 0.058, 0.5), size=WIDE, film=take.film(noise=1.5))


def six_walk(take: Take) -> Scene:
    """Six people walk to and fro."""
    return take.scene(*_walkers(take, 6, 0.16, 0.5))


def crowd_of_twelve(take: Take) -> Scene:
    """Twelve people walk to and fro."""
    return take.scene(*_walkers(take, 12, 0.1, 0.35), size=WIDE)


def motion_blur(take: Take) -> Scene:
    """Three people move fast before an open shutter."""
    film = take.film(exposure=1 / 30)
    keys = [[(0.62 * s, 0.2 + 0.3 * n + (0.1 if s % 2 else -0.08), 0.5, 0.22) for s in range(10)] for n in range(3)]
    return take.scene(*(take.actor(n, *keys[n]) for n in range(3)), film=film)


def low_light(take: Take) -> Scene:
    """Three people change places in the near dark."""
    return take.scene(
        take.actor(0, (0, 0.18, 0.48, 0.22), (2.6, 0.5, 0.48, 0.22), (5.4, 0.82, 0.48, 0.22)),
        take.actor(1, (0, 0.5, 0.5, 0.24), (2.6, 0.18, 0.5, 0.24), (5.4, 0.4, 0.5, 0.24)),
        take.actor(2, (0, 0.82, 0.5, 0.25), (2.6, 0.8, 0.5, 0.25), (5.4, 0.15, 0.5, 0.25)),
        film=take.film(light=0.22, noise=7.0, crf=26),
    )


def dropped_frames(take: Take) -> Scene:
    """Two people cross while a busy camera drops 45 % of the frames, in bursts."""
    return take.scene(
        take.actor(0, (0, 0.15, 0.5, 0.23), (2.6, 0.85, 0.5, 0.23), (5.4, 0.2, 0.5, 0.23)),
        take.actor(1, (0, 0.85, 0.52, 0.25), (2.6, 0.15, 0.52, 0.25), (5.4, 0.8, 0.52, 0.25)),
        film=take.film(dropped=0.45),
    )


def variable_rate(take: Take) -> Scene:
    """Three people change places, filmed by a phone at a variable rate."""
    return take.scene(
        take.actor(0, (0, 0.2, 0.47, 0.2), (2.5, 0.8, 0.47, 0.2), (5.0, 0.5, 0.47, 0.2)),
        take.actor(1, (0, 0.5, 0.5, 0.22), (2.5, 0.2, 0.5, 0.22), (5.0, 0.8, 0.5, 0.22)),
        take.actor(2, (0, 0.8, 0.53, 0.24), (2.5, 0.5, 0.53, 0.24), (5.0, 0.2, 0.53, 0.24)),
        film=take.film(fps=Fraction(24), vary=0.75),
    )


def ntsc_rate(take: Take) -> Scene:
    """Two people cross behind a third who stays, at 29.97 frames a second."""
    return take.scene(
        take.actor(0, (0, 0.12, 0.44, 0.18), (5.0, 0.88, 0.44, 0.18)),
        take.actor(1, (0, 0.88, 0.46, 0.19), (5.0, 0.12, 0.46, 0.19)),
        take.actor(2, (0, 0.5, 0.56, 0.3)),
        film=take.film(fps=Fraction(30000, 1001)),
    )


def _walkers(take: Take, count: int, height: float, reach: float) -> list[Actor]:
    """People in rows, those behind higher up and smaller, each walking to and fro by up to `reach` of the width."""
    actors = []
    for number in range(count):
        depth = number / max(count - 1, 1)  # 0 is the farthest
        x, y = float(take.rng.uniform(0.1, 0.9)), 0.3 + 0.42 * depth
        keys = [(0.0, x, y, height * (0.85 + 0.3 * depth))]
        for step in range(1, 4):
            x = float(np.clip(x + take.rng.uniform(-reach, reach), 0.07, 0.93))
            keys.append((step * 2.0, x, y, height * (0.85 + 0.3 * depth)))
        actors.append(take.actor(number, *keys))
    return actors


SCENES: dict[str, Callable[[Take], Scene]] = {
    scene.__name__: scene
    for scene in (
        one_talks, one_walks_to_and_fro, comes_near,
        two_cross, two_cross_fast, two_meet_and_part, three_weave, four_dance, six_walk, crowd_of_twelve,
        thing_passes, hand_before_the_face, walks_behind_a_pillar, turns_behind_a_pillar, swaps_behind_a_pillar,
        leaves_and_returns, returns_on_the_other_side, leaves_for_long, another_takes_the_place,
        twins_cross, twins_and_a_thing, alike_three,
        pan, whip_pan, zoom, shake, shaky_pan_crossing,
        cut_same_people, cut_other_people, cut_dialogue,
        small_faces, motion_blur, low_light, dropped_frames, variable_rate, ntsc_rate,
    )
}  # fmt: skip
DETECTORS = {"small_faces": "small", "crowd_of_twelve": "small"}  # of `facevlm.faces.detect`; all others "whole"


def scene_of(name: str, photos: list[np.ndarray], seed: int) -> Scene:
    """One scene as one seed draws it.

    Args:
        name: A key of `SCENES`.
        photos: Who may play.
        seed: Of all that varies.
    """
    return SCENES[name](Take(Cast(photos, seed + zlib.crc32(name.encode())), name, seed))
