"""A scene: puppets on their paths before a background, filmed by a camera, cut into shots, with the truth of each frame."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import cv2
import numpy as np

from facevlm.errors import UsageError
from facevlm.puppet.puppet import Puppet
from facevlm.puppet.script import Script
from facevlm.puppet.truth import GroundTruth, truth_of

IN_VIEW = 0.6  # share of a face's box inside the frame from which it counts as visible


@dataclass(frozen=True)
class Key:
    """Where something is at a time; between keys it moves smoothly, before the first and after the last it rests.

    Attributes:
        t: Seconds.
        x: Centre in the frame, 0 left to 1 right. A person's centre is that of the face.
        y: 0 top to 1 bottom.
        scale: Size; for a person the height of the face's mesh as a share of the frame's height, for the camera its zoom.
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
        noise: Standard deviation of pixel noise, of 255.
        light: Factor on the brightness; 0.2 is a dark room.
        blur: Standard deviation in pixels.
        crf: Compression of the file.
        rotation: Degrees counter-clockwise by which players turn the file's pictures: 0, 90, 180, 270.
        seed: Of noise, shake and frame times.
    """

    fps: Fraction = Fraction(30)
    vary: float = 0.0
    noise: float = 0.0
    light: float = 1.0
    blur: float = 0.0
    crf: int = 20
    rotation: int = 0
    seed: int = 0


@dataclass(frozen=True)
class SceneFrame:
    """One frame and where the people are.

    Attributes:
        time: Seconds from the first frame.
        image: uint8 (H, W, 3) RGB.
        boxes: name -> float (4,) xyxy box of the 468 landmarks in pixels, for people who are mostly in view.
        hidden: Names of people at least a quarter of whose face something covers.
    """

    time: float
    image: np.ndarray
    boxes: dict[str, np.ndarray]
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scene:
    """A clip to be.

    Attributes:
        shots: One after the other.
        size: Width and height in pixels.
        film: Camera and file.
    """

    shots: tuple[Shot, ...]
    size: tuple[int, int] = (512, 512)
    film: Film = field(default_factory=Film)

    def __post_init__(self) -> None:
        if not self.shots or any(b.end <= a.end for a, b in zip(self.shots, self.shots[1:], strict=False)):
            raise UsageError("the shots of a scene must end one after the other", mend="give at least one, with rising ends")

    @classmethod
    def of(cls, puppet: Puppet, script: Script, *, film: Film | None = None, name: str = "A") -> "Scene":
        """One photo, one shot, the photo's own frame."""
        return cls((Shot(script.duration, (Actor(name, puppet, script),)),), puppet.size, film or Film())

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.shots[-1].end

    def times(self) -> list[float]:
        """Time of each frame in seconds, the first at 0."""
        count = max(1, math.floor(self.duration * self.film.fps + Fraction(1, 1000)))
        if not self.film.vary:
            return [float(number / self.film.fps) for number in range(count)]
        rng = np.random.default_rng([self.film.seed, 5])
        gaps = rng.uniform(1 - self.film.vary, 1 + self.film.vary, count - 1) / float(self.film.fps)
        times = np.round(np.concatenate([[0.0], np.cumsum(gaps)]), 3)  # whole milliseconds, as phones write them
        return [float(t) for t in times if t < self.duration]

    def shot_at(self, t: float) -> int:
        """Number of the shot."""
        return next((i for i, shot in enumerate(self.shots) if t < shot.end), len(self.shots) - 1)

    def frames(self) -> Iterator[SceneFrame]:
        """Draw the clip frame by frame."""
        rng = np.random.default_rng([self.film.seed, 9])
        stages: dict[int, _Stage] = {}
        for t in self.times():
            number = self.shot_at(t)
            if number not in stages:
                stages = {number: _Stage(self.shots[number], self.size, self.film.seed + number)}
            image, boxes, hidden = stages[number].draw(t)
            yield SceneFrame(t, _film(image, self.film, rng), boxes, hidden)

    def truth(self, frames: Sequence[SceneFrame] | None = None) -> dict[str, tuple[GroundTruth, ...]]:
        """Visible events per person.

        Args:
            frames: What `frames` gave (pictures may be empty): events are then clipped to when the person is in view, and
                those under an occluder are marked unsure. Without it presence and shots alone clip them.
        """
        events: dict[str, list[GroundTruth]] = {}
        start = 0.0
        for shot in self.shots:
            for actor in shot.actors:
                spans = actor.present or ((start, shot.end),)
                seen = [(max(a, start), min(b, shot.end)) for a, b in spans]
                hidden: list[tuple[float, float]] = []
                if frames is not None:
                    here = [f for f in frames if start <= f.time < shot.end]
                    seen = _spans([(f.time, actor.name in f.boxes) for f in here])
                    hidden = _spans([(f.time, actor.name in f.hidden) for f in here])
                for event in truth_of(actor.puppet, actor.script):
                    events.setdefault(actor.name, []).extend(_clipped(event, seen, hidden))
            start = shot.end
        return {name: _joined(found) for name, found in events.items()}


class _Stage:
    """One shot, ready to be drawn."""

    def __init__(self, shot: Shot, size: tuple[int, int], seed: int) -> None:
        self.shot, self.size = shot, size
        width, height = size
        if isinstance(shot.background, np.ndarray):
            fit = max(width / shot.background.shape[1], height / shot.background.shape[0])
            wide = cv2.resize(shot.background, None, fx=fit, fy=fit, interpolation=cv2.INTER_AREA if fit < 1 else cv2.INTER_LINEAR)
            x, y = (wide.shape[1] - width) // 2, (wide.shape[0] - height) // 2
            self.background = np.ascontiguousarray(wide[y : y + height, x : x + width])
        else:
            self.background = np.full((height, width, 3), shot.background, np.uint8)
        rng = np.random.default_rng([seed, 3])
        self.shakes = rng.uniform([[0.6, 2.0, 5.0]], [[1.2, 3.5, 8.0]], (2, 3)), rng.uniform(0, 2 * np.pi, (2, 3))

    def draw(self, t: float) -> tuple[np.ndarray, dict[str, np.ndarray], frozenset[str]]:
        width, height = self.size
        camera = self._camera(t)
        still = np.allclose(camera, np.eye(3)[:2])
        canvas = self.background if still else cv2.warpAffine(
            self.background, camera[:2], self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )  # fmt: skip
        canvas = canvas.copy()
        boxes: dict[str, np.ndarray] = {}
        for actor in self.shot.actors:
            if not actor.there(t):
                continue
            controls = actor.script.controls(t)
            place = camera @ _square(self._place(actor, t))
            if actor.path:
                picture, matte = actor.puppet.render_cut_out(controls)
                _lay(canvas, picture, matte, place)
            elif np.allclose(place, np.eye(3)[:2]):
                canvas = actor.puppet.render(controls)
            else:
                canvas = cv2.warpAffine(
                    actor.puppet.render(controls), place, self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
                )
            points = actor.puppet.points(controls) @ place[:, :2].T + place[:, 2]
            box = np.concatenate([points.min(0), points.max(0)])
            inside = np.clip(box, 0, [width, height, width, height])
            if np.prod(inside[2:] - inside[:2]) >= IN_VIEW * np.prod(box[2:] - box[:2]):
                boxes[actor.name] = box
        cover = np.zeros((height, width), np.float32)
        for occluder in self.shot.occluders:
            if occluder.path[0].t <= t <= occluder.path[-1].t:
                _occlude(canvas, cover, occluder, along(occluder.path, t))
        hidden = frozenset(name for name, box in boxes.items() if _mean_inside(cover, box) > 0.25)
        return canvas, boxes, hidden

    def _camera(self, t: float) -> np.ndarray:
        """float (2, 3): scene pixels → frame pixels."""
        width, height = self.size
        key = along(self.shot.camera, t)
        rates, phases = self.shakes
        x, y = self.shot.shake * height * (np.sin(2 * np.pi * rates * t + phases) * [0.5, 0.3, 0.2]).sum(1)
        matrix = cv2.getRotationMatrix2D((key.x * width, key.y * height), -key.angle, key.scale)
        matrix[:, 2] += [width / 2 - key.x * width + x, height / 2 - key.y * height + y]
        return matrix

    def _place(self, actor: Actor, t: float) -> np.ndarray:
        """float (2, 3): pixels of the puppet's picture → scene pixels."""
        width, height = self.size
        if not actor.path:
            own_width, own_height = actor.puppet.size
            fit = max(width / own_width, height / own_height)
            return np.array([[fit, 0, (width - fit * own_width) / 2], [0, fit, (height - fit * own_height) / 2]])
        key = along(actor.path, t)
        low, high = actor.puppet.landmarks[:468, :2].min(0), actor.puppet.landmarks[:468, :2].max(0)
        centre = (low + high) / 2
        matrix = cv2.getRotationMatrix2D(tuple(centre), -key.angle, key.scale * height / float(high[1] - low[1]))
        matrix[:, 2] += np.array([key.x * width, key.y * height]) - centre
        return matrix


def along(path: Sequence[Key], t: float) -> Key:
    """Where something on a path is at a time."""
    if t <= path[0].t:
        return path[0]
    for a, b in zip(path, path[1:], strict=False):
        if t <= b.t:
            s = (t - a.t) / max(b.t - a.t, 1e-9)
            s = s * s * (3 - 2 * s)
            return Key(t, *(p + (q - p) * s for p, q in ((a.x, b.x), (a.y, b.y), (a.scale, b.scale), (a.angle, b.angle))))
    return path[-1]


def _square(matrix: np.ndarray) -> np.ndarray:
    return np.vstack([matrix, [0.0, 0.0, 1.0]])


def _lay(canvas: np.ndarray, picture: np.ndarray, matte: np.ndarray, place: np.ndarray) -> None:
    """Lay a cut-out picture over the canvas, in place."""
    height, width = canvas.shape[:2]
    rim = np.array([[0, 0], [picture.shape[1], 0], [0, picture.shape[0]], [picture.shape[1], picture.shape[0]]])
    corners = rim @ place[:, :2].T + place[:, 2]
    low = np.clip(np.floor(corners.min(0)).astype(int), 0, [width, height])
    high = np.clip(np.ceil(corners.max(0)).astype(int), 0, [width, height])
    if (high <= low).any():
        return
    local = place.copy()
    local[:, 2] -= low
    into = (int(high[0] - low[0]), int(high[1] - low[1]))
    shrink = float(np.hypot(*place[:, 0]))
    if shrink < 0.5:  # smooth first, so that small people do not flicker
        picture, matte = (cv2.GaussianBlur(layer, (0, 0), 0.4 / shrink) for layer in (picture, matte))
    over = cv2.warpAffine(picture, local, into, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share = cv2.warpAffine(matte, local, into, flags=cv2.INTER_LINEAR)[..., None]
    part = canvas[low[1] : high[1], low[0] : high[0]]
    part[:] = (part * (1 - share) + over * share + 0.5).astype(np.uint8)


def _occlude(canvas: np.ndarray, cover: np.ndarray, occluder: Occluder, key: Key) -> None:
    height, width = canvas.shape[:2]
    size = key.scale * height
    turn = np.radians(key.angle)
    axis, across = np.array([np.sin(turn), -np.cos(turn)]), np.array([np.cos(turn), np.sin(turn)])
    centre = np.array([key.x * width, key.y * height])
    mask = np.zeros((height, width), np.uint8)

    def at(u: float, v: float) -> tuple[int, int]:
        x, y = centre + (u * across + v * axis) * size
        return round(float(x)), round(float(y))

    shade = np.ones((height, width), np.float32)
    if occluder.kind == "bar":
        cv2.fillConvexPoly(mask, np.array([at(-0.25, -0.5), at(0.25, -0.5), at(0.25, 0.5), at(-0.25, 0.5)]), 255, cv2.LINE_AA)
    elif occluder.kind == "hand":
        cv2.ellipse(mask, at(0, -0.12), (max(1, int(0.21 * size)), max(1, int(0.24 * size))), key.angle, 0, 360, 255, -1, cv2.LINE_AA)
        cv2.line(mask, at(0, -0.2), at(0, -1.6), 255, max(1, int(0.26 * size)), cv2.LINE_AA)
        for u, reach in ((-0.15, 0.40), (-0.05, 0.50), (0.05, 0.47), (0.15, 0.36)):
            cv2.line(mask, at(u, 0), at(u * 1.25, reach), 255, max(1, int(0.085 * size)), cv2.LINE_AA)
            cv2.line(shade, at(u + 0.05, -0.05), at((u + 0.05) * 1.25, reach), 0.72, max(1, int(0.018 * size)), cv2.LINE_AA)
        cv2.line(mask, at(0.16, -0.2), at(0.34, 0.08), 255, max(1, int(0.095 * size)), cv2.LINE_AA)
    else:
        raise UsageError(f"unknown occluder {occluder.kind!r}", mend='use "hand" or "bar"')
    share = mask.astype(np.float32) / 255
    deep = cv2.GaussianBlur(share, (0, 0), max(1.0, 0.03 * size))
    colour = np.array(occluder.colour, np.float32) * ((0.6 + 0.42 * deep) * cv2.GaussianBlur(shade, (0, 0), max(0.6, 0.01 * size)))[..., None]
    canvas[:] = np.clip(canvas * (1 - share[..., None]) + colour * share[..., None] + 0.5, 0, 255).astype(np.uint8)
    np.maximum(cover, share, out=cover)


def _mean_inside(cover: np.ndarray, box: np.ndarray) -> float:
    x0, y0, x1, y1 = np.clip(np.round(box).astype(int), 0, None)
    part = cover[y0:y1, x0:x1]
    return float(part.mean()) if part.size else 0.0


def _film(image: np.ndarray, film: Film, rng: np.random.Generator) -> np.ndarray:
    if film.blur > 0:
        image = cv2.GaussianBlur(image, (0, 0), film.blur)
    if film.light == 1 and film.noise <= 0:
        return image
    light = image.astype(np.float32) * np.float32(film.light)
    if film.noise > 0:
        light += np.float32(film.noise) * rng.standard_normal(image.shape, np.float32)
    return np.clip(light + 0.5, 0, 255).astype(np.uint8)


def _spans(seen: list[tuple[float, bool]]) -> list[tuple[float, float]]:
    """Stretches of consecutive frames in which something holds."""
    spans: list[list[float]] = []
    before = False
    for t, holds in seen:
        if holds and before:
            spans[-1][1] = t
        elif holds:
            spans.append([t, t])
        before = holds
    return [(a, b) for a, b in spans]


def _clipped(
    event: GroundTruth, seen: list[tuple[float, float]], hidden: list[tuple[float, float]]
) -> Iterator[GroundTruth]:
    for start, end in seen:
        t0, t1 = max(event.t0, start), min(event.t1, end)
        if t1 <= t0:
            continue
        kept = (t1 - t0) / max(event.t1 - event.t0, 1e-9)
        covered = any(a < t1 and t0 < b for a, b in hidden)
        sure = event.sure and not covered and (kept > 0.6 or event.note.startswith("the photo's"))
        yield replace(event, t0=t0, t1=t1, sure=sure)


def _joined(events: list[GroundTruth]) -> tuple[GroundTruth, ...]:
    return tuple(sorted(events, key=lambda event: (event.t0, event.t1, event.action)))
