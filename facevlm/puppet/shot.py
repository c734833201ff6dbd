"""What is filmed: people on their paths, things in front of them, a camera, and what camera and file add."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from facevlm.puppet.puppet import Puppet
from facevlm.puppet.script import Script


@dataclass(frozen=True)
class Key:
    """Where something is at a time; between keys it moves smoothly, before the first and after the last it rests.

    Attributes:
        t: Seconds.
        x: Centre in the frame, 0 left to 1 right. A person's centre is that of the face.
        y: 0 top to 1 bottom.
        scale: Size; for a person the height of the face's mesh as a share of the frame's height; of the camera: zoom.
        angle: Degrees clockwise.
    """

    t: float
    x: float = 0.5
    y: float = 0.5
    scale: float = 0.4
    angle: float = 0.0


@dataclass(frozen=True)
class Actor:
    """One person of a shot.

    Attributes:
        name: The person; the same name in several shots is the same person.
        puppet: The photo.
        script: What the face does, in seconds of the whole clip.
        path: Where the face is. Empty: the photo fills the frame, background and all.
        present: (start, end) seconds within which the person is there; empty is always.
    """

    name: str
    puppet: Puppet
    script: Script
    path: tuple[Key, ...] = ()
    present: tuple[tuple[float, float], ...] = ()

    def there(self, t: float) -> bool:
        """Whether the person is there at a time."""
        return not self.present or any(start <= t <= end for start, end in self.present)


@dataclass(frozen=True)
class Occluder:
    """Something that passes before the people.

    Attributes:
        path: Where it is; `scale` is its height as a share of the frame's. It is gone before the first and after the
            last key.
        kind: "hand" or "bar".
        colour: RGB.
    """

    path: tuple[Key, ...]
    kind: str = "hand"
    colour: tuple[int, int, int] = (196, 150, 124)


@dataclass(frozen=True)
class Shot:
    """What is filmed without a cut.

    Attributes:
        end: Seconds of the clip at which it is cut; it starts where the one before ends.
        actors: People, the farthest first.
        background: uint8 (H, W, 3) picture or RGB colour behind people who have a path.
        camera: `x`, `y` are the point of the scene in the frame's middle, `scale` is the zoom (1 shows all).
        shake: Amplitude of a hand-held camera in shares of the frame's height.
        occluders: Things in front.
    """

    end: float
    actors: tuple[Actor, ...]
    background: np.ndarray | tuple[int, int, int] = (120, 130, 140)
    camera: tuple[Key, ...] = (Key(0.0, 0.5, 0.5, 1.0),)
    shake: float = 0.0
    occluders: tuple[Occluder, ...] = ()


@dataclass(frozen=True)
class Film:
    """What camera and file do to a picture.

    Attributes:
        fps: Frames a second, exact.
        vary: 0 for a constant rate, else the share in (0, 0.9] by which the gap between frames varies.
        dropped: Share in [0, 0.9] of the frames that are missing from the file, in bursts; the others keep their times.
        exposure: Seconds for which the shutter is open: what moves meanwhile is smeared along its motion.
        noise: Standard deviation of pixel noise, of 255.
        light: Factor on the brightness; 0.2 is a dark room.
        blur: Standard deviation in pixels.
        crf: Compression of the file.
        rotation: Degrees counter-clockwise by which players turn the file's pictures: 0, 90, 180, 270.
        seed: Of noise, shake and frame times.
    """

    fps: Fraction = Fraction(30)
    vary: float = 0.0
    dropped: float = 0.0
    exposure: float = 0.0
    noise: float = 0.0
    light: float = 1.0
    blur: float = 0.0
    crf: int = 20
    rotation: int = 0
    seed: int = 0


def along(path: Sequence[Key], t: float) -> Key:
    """Where something on a path is at a time."""
    if t <= path[0].t:
        return path[0]
    for a, b in pairwise(path):
        if t <= b.t:
            s = (t - a.t) / max(b.t - a.t, 1e-9)
            s = s * s * (3 - 2 * s)
            return Key(
                t, *(p + (q - p) * s for p, q in ((a.x, b.x), (a.y, b.y), (a.scale, b.scale), (a.angle, b.angle)))
            )
    return path[-1]
