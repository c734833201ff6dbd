"""Who plays: photos as puppets, in an order drawn from the seed; where they run out, photos made to look otherwise."""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from facevlm.errors import InputError
from facevlm.faces.detect import WholeFrame
from facevlm.puppet.controls import Controls
from facevlm.puppet.demo import astronaut
from facevlm.puppet.puppet import Puppet

HUMAN = 0.75  # detector score of the photo: people, painted or of clay, have .81 or more, a dog .62
TRIAL = 96  # pixels: a photo may play if its cut-out is found before a grey wall with a face of this height


def usable_photos(folder: Path | None, *, part: int) -> tuple[Path, ...]:
    """The photos that may play in one of the two parts of the benchmark.

    Args:
        folder: Pictures; those at even places of the sorted names belong to part 0, the others to part 1. None for
            the astronaut alone, in both parts: then nothing is listed.
        part: 0 or 1.
    """
    if folder is None:
        return ()
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    usable = tuple(path for path in paths[part::2] if _can_play(path))
    if not usable:
        raise SystemExit(f"{folder}: no usable photos; give --photos a folder of faces seen from the front")
    return usable


def photos(paths: Sequence[Path]) -> list[np.ndarray]:
    """uint8 (H, W, 3) RGB each; the astronaut where none is listed."""
    return [_read(path) for path in paths] if paths else [astronaut()]


class Cast:
    """The people of one clip.

    Args:
        photos: uint8 (H, W, 3) RGB each.
        seed: Decides who plays whom.
    """

    def __init__(self, photos: Sequence[np.ndarray], seed: int) -> None:
        self._photos = photos
        self._order = np.random.default_rng([seed, 21]).permutation(len(photos))
        self._seed = seed

    def person(self, number: int, *, size: int = 256) -> Puppet:
        """One person, unlike the others: another photo, or a variant of one in new colours and proportions."""
        photo = self._photos[self._order[number % len(self._photos)]]
        turn = number // len(self._photos)
        return Puppet.from_photo(varied(photo, [self._seed, number]) if turn else photo, size=size)

    def lookalike(self, number: int, *, tint: float, size: int = 256) -> Puppet:
        """The same photo as `person`, its colours shifted by `tint` grey levels of 255 towards warm (or cold)."""
        photo = self._photos[self._order[number % len(self._photos)]]
        return Puppet.from_photo(tinted(photo, tint), size=size)


def tinted(photo: np.ndarray, tint: float) -> np.ndarray:
    """Red up and blue down by some grey levels; tint 0 leaves the photo as it is."""
    shift = np.array([tint, 0.2 * tint, -tint], np.float32)
    return np.clip(photo.astype(np.float32) + shift + 0.5, 0, 255).astype(np.uint8)


def varied(photo: np.ndarray, seed: list[int]) -> np.ndarray:
    """Another person made of a photo: mirrored or not, other proportions, hue, saturation and brightness."""
    rng = np.random.default_rng([*seed, 22])
    if rng.random() < 0.5:
        photo = photo[:, ::-1]
    wide = float(np.exp(rng.uniform(-0.15, 0.15)))
    photo = cv2.resize(photo, None, fx=wide, fy=1 / wide, interpolation=cv2.INTER_AREA)
    hue, saturation, value = cv2.split(cv2.cvtColor(np.ascontiguousarray(photo), cv2.COLOR_RGB2HSV).astype(np.float32))
    hue = (hue + rng.uniform(-14, 14)) % 180
    saturation = np.clip(saturation * rng.uniform(0.35, 1.5), 0, 255)
    value = np.clip(255 * (value / 255) ** rng.uniform(0.7, 1.5), 0, 255)
    return cv2.cvtColor(cv2.merge([hue, saturation, value]).astype(np.uint8), cv2.COLOR_HSV2RGB)


def _read(path: Path) -> np.ndarray:
    picture = cv2.imread(os.fspath(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise InputError("not a picture", where=path, mend="give --photos a folder of JPEG or PNG files")
    return np.ascontiguousarray(picture[..., ::-1])


def _can_play(path: Path) -> bool:
    """Whether a photo shows a human face that is still found when its cut-out stands before a grey wall, small."""
    photo, detector = _read(path), WholeFrame()
    if detector.detect(photo).scores.max(initial=0) < HUMAN:
        return False
    try:
        puppet = Puppet.from_photo(photo, size=256)
    except InputError:
        return False
    picture, matte = puppet.render_cut_out(Controls())
    low, high = puppet.landmarks[:468, :2].min(0), puppet.landmarks[:468, :2].max(0)
    scene = picture * matte[..., None] + 128 * (1 - matte[..., None])
    scale = TRIAL / float(high[1] - low[1])
    small = cv2.resize(scene.astype(np.uint8), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((360, 640, 3), 128, np.uint8)
    y, x = (np.array(canvas.shape[:2]) - np.minimum(small.shape[:2], canvas.shape[:2])) // 2
    canvas[y : y + small.shape[0], x : x + small.shape[1]] = small[: 360 - y, : 640 - x]
    middle = np.array([x, y]) + (low + high) / 2 * scale
    found = detector.detect(canvas)
    return any(
        score >= 0.7 and (box[:2] < middle).all() and (middle < box[2:]).all()
        for box, score in zip(found.boxes, found.scores, strict=True)
    )
