"""Draw one shot: background, people on their paths, things before them, as the camera sees them."""

from dataclasses import dataclass

import cv2
import numpy as np

from facevlm.puppet.occluder import occlude
from facevlm.puppet.shot import Actor, Film, Shot, along

HIDDEN = 0.25  # share of a face's box under something else from which its events are unsure
IN_VIEW = 0.6  # share of a face's box inside the frame from which it counts as visible
Layer = tuple[np.ndarray, np.ndarray | None]  # a person's picture, and its coverage if the background shows beside it
SMEAR_STEPS = 9  # pictures that are averaged into one while the shutter is open


@dataclass(frozen=True)
class Sight:
    """Where one person's face is in a frame, and how much of it can be seen.

    Attributes:
        box: float (4,) xyxy box of the 468 landmarks in pixels; it may reach outside the frame.
        inside: Share of the box inside the frame, in (0, 1].
        covered: Share of the part inside the frame that lies under other people and things, in [0, 1].
    """

    box: np.ndarray
    inside: float
    covered: float

    @property
    def visible(self) -> float:
        """Share of the box that can be seen, in [0, 1]."""
        return self.inside * (1 - self.covered)


class Stage:
    """One shot, ready to be drawn.

    Args:
        shot: What is filmed.
        size: Width and height in pixels.
        seed: Of the shaking camera.
    """

    def __init__(self, shot: Shot, size: tuple[int, int], seed: int) -> None:
        self.shot, self.size = shot, size
        width, height = size
        if isinstance(shot.background, np.ndarray):
            fit = max(width / shot.background.shape[1], height / shot.background.shape[0])
            wide = cv2.resize(
                shot.background, None, fx=fit, fy=fit, interpolation=cv2.INTER_AREA if fit < 1 else cv2.INTER_LINEAR
            )
            x, y = (wide.shape[1] - width) // 2, (wide.shape[0] - height) // 2
            self.background = np.ascontiguousarray(wide[y : y + height, x : x + width])
        else:
            self.background = np.full((height, width, 3), shot.background, np.uint8)
        rng = np.random.default_rng([seed, 3])
        self.shakes = rng.uniform([[0.6, 2.0, 5.0]], [[1.2, 3.5, 8.0]], (2, 3)), rng.uniform(0, 2 * np.pi, (2, 3))

    def draw(self, t: float, *, exposure: float = 0.0) -> tuple[np.ndarray, dict[str, Sight]]:
        """Draw one frame.

        Args:
            t: Seconds; the middle of the exposure.
            exposure: Seconds during which what moves along its path, and all that a moving camera sees, is smeared.
                Faces do not change meanwhile.

        Returns:
            The picture, uint8 (H, W, 3) RGB, and name -> sight at `t` of every person of whose face the frame holds
            at least a corner, covered or not.
        """
        layers = {actor.name: _drawn(actor, t) for actor in self.shot.actors if actor.there(t)}
        picture, covers = self._expose(t, layers)
        if exposure > 0:
            total = np.zeros(picture.shape, np.float32)
            for moment in t + exposure * np.linspace(-0.5, 0.5, SMEAR_STEPS):
                total += self._expose(float(moment), layers)[0]
            picture = (total / SMEAR_STEPS + 0.5).astype(np.uint8)
        sights = {actor.name: self._sight(actor, t, covers[actor.name]) for actor in self.shot.actors if actor.there(t)}
        return picture, {name: sight for name, sight in sights.items() if sight.inside > 0}

    def _expose(self, t: float, layers: dict[str, Layer]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The picture of one instant from people already drawn, and float32 (H, W) what stands before each."""
        camera = self._camera(t)
        still = np.allclose(camera, np.eye(3)[:2])
        canvas = self.background if still else cv2.warpAffine(
            self.background, camera[:2], self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )  # fmt: skip
        canvas = canvas.copy()
        covers: dict[str, np.ndarray] = {}
        for actor in self.shot.actors:
            if actor.name not in layers:
                continue
            picture, matte = layers[actor.name]
            place = camera @ _square(self._place(actor, t))
            if matte is not None:
                before = _lay(canvas, picture, matte, place)
                for cover in covers.values():
                    np.maximum(cover, before, out=cover)
            elif np.allclose(place, np.eye(3)[:2]):
                canvas = picture.copy()
            else:
                canvas = cv2.warpAffine(
                    picture, place, self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
                )
            covers[actor.name] = np.zeros(canvas.shape[:2], np.float32)
        for occluder in self.shot.occluders:
            if occluder.path[0].t <= t <= occluder.path[-1].t:
                before = occlude(canvas, occluder, along(occluder.path, t))
                for cover in covers.values():
                    np.maximum(cover, before, out=cover)
        return canvas, covers

    def _sight(self, actor: Actor, t: float, cover: np.ndarray) -> Sight:
        """Where a person's face is at a time, under float32 (H, W) what stands before it."""
        place = self._camera(t) @ _square(self._place(actor, t))
        points = actor.puppet.points(actor.script.controls(t)) @ place[:, :2].T + place[:, 2]
        box = np.concatenate([points.min(0), points.max(0)])
        inside = np.clip(box, 0, [*self.size, *self.size])
        share = float(np.prod(inside[2:] - inside[:2]) / np.prod(box[2:] - box[:2]))
        return Sight(box, share, _mean_inside(cover, box))

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


def _drawn(actor: Actor, t: float) -> Layer:
    controls = actor.script.controls(t)
    return actor.puppet.render_cut_out(controls) if actor.path else (actor.puppet.render(controls), None)


def _square(matrix: np.ndarray) -> np.ndarray:
    return np.vstack([matrix, [0.0, 0.0, 1.0]])


def _lay(canvas: np.ndarray, picture: np.ndarray, matte: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Lay a cut-out picture over the canvas, in place; float32 (H, W) what it covers."""
    cover = np.zeros(canvas.shape[:2], np.float32)
    height, width = canvas.shape[:2]
    rim = np.array([[0, 0], [picture.shape[1], 0], [0, picture.shape[0]], [picture.shape[1], picture.shape[0]]])
    corners = rim @ place[:, :2].T + place[:, 2]
    low = np.clip(np.floor(corners.min(0)).astype(int), 0, [width, height])
    high = np.clip(np.ceil(corners.max(0)).astype(int), 0, [width, height])
    if (high <= low).any():
        return cover
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
    cover[low[1] : high[1], low[0] : high[0]] = share[..., 0]
    return cover


def _mean_inside(cover: np.ndarray, box: np.ndarray) -> float:
    x0, y0, x1, y1 = np.clip(np.round(box).astype(int), 0, None)
    part = cover[y0:y1, x0:x1]
    return float(part.mean()) if part.size else 0.0


def develop(image: np.ndarray, film: Film, rng: np.random.Generator) -> np.ndarray:
    """What camera and light make of a picture: uint8 (H, W, 3)."""
    if film.blur > 0:
        image = cv2.GaussianBlur(image, (0, 0), film.blur)
    if film.light == 1 and film.noise <= 0:
        return image
    light = image.astype(np.float32) * np.float32(film.light)
    if film.noise > 0:
        light += np.float32(film.noise) * rng.standard_normal(image.shape, np.float32)
    return np.clip(light + 0.5, 0, 255).astype(np.uint8)
