"""The occlusion cue: hands and objects on a face are told, expressions, light and turned heads are not."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from facevlm.faces.mesh import AttentionMesh, Roi
from facevlm.faces.occlusion import LOOK_EVERY_S, SMALLEST_PX, OcclusionCue
from tests.faces.portrait import placed

NOTHING: frozenset[str] = frozenset()
SKIN = (205, 160, 140)  # about the portrait's, RGB
STEP = 0.1  # seconds between frames: every one is looked at

Picture = Callable[[np.ndarray, np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def mesh() -> AttentionMesh:
    return AttentionMesh()


@pytest.fixture(scope="module")
def portrait(mesh: AttentionMesh) -> tuple[np.ndarray, np.ndarray]:
    """A face 260 pixels high in a frame of 512x512, and its landmarks."""
    image, box = placed((512, 512), 260.0, (0.5, 0.5))
    roi = Roi(*box.reshape(2, 2).mean(0), 1.5 * 260.0, 0.0)
    for _ in range(4):
        landmarks = mesh.fit(image, roi).landmarks
        roi = Roi.from_landmarks(landmarks)
    return image, landmarks


def fingers(image: np.ndarray, landmarks: np.ndarray, points: tuple[int, ...], size: float) -> np.ndarray:
    """Four fingers with dark gaps over landmarks; `size` is their common width in outer-eye distances."""
    eyes = float(np.hypot(*(landmarks[263, :2] - landmarks[33, :2])))
    x, y = landmarks[list(points), :2].mean(0)
    width = size * eyes / 4
    image = image.copy()
    for finger in range(4):
        left = int(x + (finger - 2) * width)
        shade = tuple(int(c * (0.9 + 0.04 * finger)) for c in SKIN)
        cv2.rectangle(image, (left, int(y - 0.45 * eyes)), (int(left + width), int(y + 1.5 * eyes)), shade, -1)
        cv2.line(image, (left, int(y - 0.45 * eyes)), (left, int(y + 1.5 * eyes)), (120, 80, 70), 2)
    return image


def box(image: np.ndarray, landmarks: np.ndarray, points: tuple[int, ...], size: float) -> np.ndarray:
    eyes = float(np.hypot(*(landmarks[263, :2] - landmarks[33, :2])))
    (x, y), half = landmarks[list(points), :2].mean(0), size * eyes / 2
    image = image.copy()
    cv2.rectangle(image, (int(x - half), int(y - half / 2)), (int(x + half), int(y + half / 2)), (25, 25, 30), -1)
    return image


COVERS: dict[str, tuple[Picture, str]] = {
    "hand on the mouth": (lambda i, m: fingers(i, m, (0, 17), 1.0), "mouth"),
    "dark box on the mouth": (lambda i, m: box(i, m, (0, 17), 1.0), "mouth"),
    "dark box on the eyes": (lambda i, m: box(i, m, (168,), 1.5), "eyes"),
    "hand on one eye": (lambda i, m: fingers(i, m, (33, 133), 0.7), "eyes"),
    "hand on brows and eyes": (lambda i, m: fingers(i, m, (9,), 1.4), "brows"),
}


@pytest.mark.parametrize("name", COVERS)
def test_what_covers_a_part_is_told_while_it_does(name: str, portrait: tuple[np.ndarray, np.ndarray]) -> None:
    image, landmarks = portrait
    cover, part = COVERS[name]
    cue, covered = OcclusionCue(), cover(image, landmarks)
    told = [cue.look(covered if 10 <= k < 40 else image, landmarks, k * STEP) for k in range(60)]
    assert {t.hidden for t in told[:10]} == {NOTHING}
    assert all(part in t.hidden for t in told[11:40])  # from the second look on
    assert min(t.share or 0.0 for t in told[11:40]) > 0.1
    assert {t.hidden for t in told[40:]} == {NOTHING}
    assert told[-1].share == 0.0


def test_the_cover_is_told_on_the_mesh_that_is_fitted_to_it(
    mesh: AttentionMesh, portrait: tuple[np.ndarray, np.ndarray]
) -> None:
    image, landmarks = portrait
    covered, cue = fingers(image, landmarks, (0, 17), 1.0), OcclusionCue()
    for k in range(5):
        cue.look(image, landmarks, k * STEP)
    invented = landmarks
    for k in range(5, 10):
        face = mesh.fit(covered, Roi.from_landmarks(invented))
        invented = face.landmarks
        seen = cue.look(covered, invented, k * STEP)
    assert face.presence > 0.5 and "mouth" in seen.hidden


def test_half_a_mouth_in_sight_is_trusted(portrait: tuple[np.ndarray, np.ndarray]) -> None:
    image, landmarks = portrait
    cue, covered = OcclusionCue(), fingers(image, landmarks, (61, 57), 0.35)
    told = [cue.look(covered if k >= 10 else image, landmarks, k * STEP) for k in range(30)]
    assert (told[-1].share or 0.0) > 0.1
    assert "mouth" not in told[-1].hidden


def lit(image: np.ndarray, phase: float) -> np.ndarray:
    return (image * (1 - 0.7 * phase) * [1, 1 - 0.15 * phase, 1 - 0.3 * phase]).astype(np.uint8)


def lit_from_the_side(image: np.ndarray, phase: float) -> np.ndarray:
    return (image * np.linspace(1, 1 - 0.75 * phase, image.shape[1])[None, :, None]).astype(np.uint8)


def noisy(image: np.ndarray, phase: float) -> np.ndarray:
    noise = np.random.default_rng(int(phase * 1000)).normal(0, 15, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def blurred(image: np.ndarray, phase: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 0.5 + 4 * phase)


HARMLESS = {"light fades and warms": lit, "light from the side": lit_from_the_side, "noise": noisy, "blur": blurred}


@pytest.mark.parametrize("name", HARMLESS)
def test_light_noise_and_blur_hide_nothing(name: str, portrait: tuple[np.ndarray, np.ndarray]) -> None:
    image, landmarks = portrait
    cue = OcclusionCue()
    phases = np.sin(np.linspace(0, np.pi, 30))
    assert {cue.look(HARMLESS[name](image, p), landmarks, k * STEP).hidden for k, p in enumerate(phases)} == {NOTHING}


def test_a_clip_that_starts_covered_tells_nothing_false_afterwards(portrait: tuple[np.ndarray, np.ndarray]) -> None:
    image, landmarks = portrait
    cue, covered = OcclusionCue(), fingers(image, landmarks, (0, 17), 1.0)
    for k in range(20):
        cue.look(covered, landmarks, k * STEP)
    assert {cue.look(image, landmarks, k * STEP).hidden for k in range(20, 60)} == {NOTHING}


def test_a_small_face_is_not_judged(portrait: tuple[np.ndarray, np.ndarray]) -> None:
    image, landmarks = portrait
    scale = 0.9 * SMALLEST_PX / float(np.hypot(*(landmarks[263, :2] - landmarks[33, :2])))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    seen = OcclusionCue().look(small, landmarks * np.float32(scale), 0.0)
    assert seen.share is None and seen.hidden == NOTHING


def test_between_looks_the_last_answer_holds(portrait: tuple[np.ndarray, np.ndarray]) -> None:
    image, landmarks = portrait
    cue = OcclusionCue()
    first = cue.look(image, landmarks, 0.0)
    assert cue.look(np.zeros_like(image), landmarks, 0.9 * LOOK_EVERY_S) is first
    assert cue.look(image, landmarks, LOOK_EVERY_S) is not first


@pytest.mark.parametrize("shift", [(-0.8, 0), (0.9, 0.3), (0, 5)])
def test_a_face_that_leaves_the_frame_is_no_error(
    shift: tuple[float, float], portrait: tuple[np.ndarray, np.ndarray]
) -> None:
    image, landmarks = portrait
    moved = landmarks + np.array([*shift, 0], np.float32) * 512
    seen = OcclusionCue().look(image, moved, 0.0)
    assert seen.share is not None and 0 <= seen.share <= 1
