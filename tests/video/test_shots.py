"""Cuts are found at once; what only looks like one is not."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from facevlm.video.clip import Frame
from facevlm.video.decode import Video
from facevlm.video.shots import ShotDetector, marked

CLIPS = Path(__file__).parents[2] / "../shared/clips"
SIZE = 160


def scene(seed: int) -> np.ndarray:
    """A blurred random scene with a face-like oval, uint8 (160, 160, 3)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (5, 5, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.integers(0, 60, (40, 40, 1)).astype(np.uint8), (SIZE, SIZE))[..., None]
    image = np.clip(image.astype(int) + fine, 0, 255).astype(np.uint8)
    centre = tuple(int(v) for v in rng.integers(50, 110, 2))
    cv2.ellipse(image, centre, (25, 35), 0, 0, 360, tuple(int(v) for v in rng.integers(80, 255, 3)), -1)
    return image


def moved(image, dx, dy, angle=0.0, scale=1.0):
    matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), angle, 1.2 * scale)
    matrix[:, 2] += dx * SIZE, dy * SIZE
    return cv2.warpAffine(image, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REFLECT)


def lit(image, gain, offset=0):
    return np.clip(image.astype(float) * gain + offset, 0, 255).astype(np.uint8)


def hand(image, x, y, size):
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(mask, (int(x * SIZE), int(y * SIZE)), (int(size * SIZE), int(size * SIZE * 0.7)), 20, 0, 360, 255, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 2)[..., None] / 255
    return (image * (1 - soft) + np.array([190, 140, 110]) * soft).astype(np.uint8)


def cuts(images, fps=25.0):
    detector = ShotDetector()
    return [i for i, image in enumerate(images) if detector.feed(i / fps, image)]


A, B = scene(1), scene(2)
STILL, NEXT = [A] * 8, [B] * 8
BLACK, WHITE = [A * 0], [A * 0 + 255]
WAVE = [(0.9 - 0.1 * i, 0.5) for i in range(9)]
SITUATIONS = {
    "nothing moves": (STILL, []),
    "a cut": (STILL + NEXT, [8]),
    "there and back": (STILL + NEXT + STILL, [8, 16]),
    "cut between letterboxed pictures": ([cv2.copyMakeBorder(i[30:-30], 30, 30, 0, 0, 0) for i in STILL + NEXT], [8]),
    "noise": ([lit(i, 1, np.random.default_rng(k).normal(0, 12, i.shape)) for k, i in enumerate(STILL + NEXT)], [8]),
    "one white frame": (STILL + WHITE + STILL, []),
    "flash": ([*STILL, lit(A, 1.8, 90), *STILL], []),
    "flash on the cut": (STILL + WHITE + NEXT, [9]),
    "light switched on": ([lit(A, 0.4)] * 6 + STILL, []),
    "zoom": ([moved(A, 0, 0, 0, 1 + 0.04 * i) for i in range(12)], []),
    "pan": ([moved(A, 0.05 * i - 0.3, 0) for i in range(12)], []),
    "shake": ([moved(A, 0.07 * (-1) ** i, 0.06 * (-1) ** (i // 2), 2 * (-1) ** i) for i in range(16)], []),
    "hand over the face": (STILL + [hand(A, x, y, 0.3) for x, y in WAVE] + [hand(A, 0.1, 0.5, 0.3)] * 3, []),
    "black frames begin a shot": (STILL + BLACK * 3 + NEXT, [8]),
    "a long black is a shot": (STILL + BLACK * 20 + NEXT, [8, 28]),
    "last frame black": (STILL + BLACK, [8]),
    "black beginning": (BLACK * 3 + STILL, []),
    "fade through black": (STILL + [lit(A, 1 - i / 12) for i in range(13)] + [lit(B, i / 12) for i in range(13)], 1),
    "dissolve": (STILL + [cv2.addWeighted(A, 1 - i / 15, B, i / 15, 0) for i in range(16)] + NEXT, []),
    "all black": (BLACK * 10, []),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(name):
    images, expected = SITUATIONS[name]
    found = cuts(images)
    if isinstance(expected, int):
        assert 1 <= len(found) <= 2
    else:
        assert found == expected


def test_cuts_between_many_scenes():
    scenes = [scene(seed) for seed in range(20)]
    found = cuts([s for s in scenes for _ in range(4)])
    missed = set(range(4, 80, 4)) - set(found)
    assert set(found) <= set(range(4, 80, 4)) and len(missed) <= 1


def test_cheap():
    image = np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8)
    detector = ShotDetector()
    best = min(_seconds(lambda i=i: detector.feed(i / 30, image)) for i in range(60))
    assert best < 0.002


def _seconds(run):
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


REAL = {
    "hamilton.mp4": [0.66, 2.73, 7.03],
    "face_noface.mov": [2.4],
    "noface_face.mov": [3.945, 6.345],
    "single_face.mp4": [],
    "lp_d0.mp4": [],
    "lp_d19.mp4": [],
    "lp_s29.mp4": [],
    "wolfgang.mp4": [],
    "no_face.mp4": [],
}


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("every", [1, 2])
def test_real_clips(name, every):
    if not (CLIPS / name).exists():
        pytest.skip("the annotated clips are not here")
    detector = ShotDetector()
    frames = Video.open(CLIPS / name).frames()
    found = [f.time for f in frames if f.index % every == 0 and detector.feed(f.time, f.image)]
    assert found == pytest.approx(REAL[name], abs=0.03 * every)


def test_marked_frames_carry_the_cut():
    rng = np.random.default_rng(3)
    pictures = [cv2.resize(rng.integers(0, 255, (8, 8, 3), np.uint8), (96, 96)) for _ in range(2)]
    frames = [Frame(i, i / 30, pictures[i >= 4]) for i in range(8)]
    assert [frame.cut for frame in marked(iter(frames))] == [i == 4 for i in range(8)]
