"""Made-up clips of people who stand side by side, for the tests of the tracking benchmark."""

from pathlib import Path

import numpy as np

from benchmarks.tracking.clip import Clip, Faces, Truth

FRAMES = 20


def faces_at(*boxes: list[float]) -> Faces:
    """Sure detections at float xyxy boxes; each face looks as its x tells."""
    n = len(boxes)
    vectors = np.eye(64, dtype=np.float32)[[int(box[0]) % 64 for box in boxes]].reshape(n, 64)
    return Faces(
        np.array(boxes, np.float32).reshape(n, 4),
        np.full(n, 0.9, np.float32),
        np.ones(n, np.float32),
        np.zeros((n, 5, 2), np.float32),
        np.stack([_mesh(box) for box in boxes]) if n else np.zeros((0, 478, 3), np.float32),
        vectors,
    )


def standing(people: int, *, hidden: tuple[int, int] = (0, 0)) -> Clip:
    """People who stand 100 pixels apart through `FRAMES` frames, all seen, but the first one covered in [a, b)."""
    boxes = [[100.0 * p, 10.0, 100.0 * p + 40, 60.0] for p in range(people)]
    frames, who = (grid.ravel() for grid in np.meshgrid(np.arange(FRAMES), np.arange(people), indexing="ij"))
    covered = (who == 0) & (frames >= hidden[0]) & (frames < hidden[1])
    truth = Truth(
        frames,
        who,
        np.array(boxes, np.float32)[who],
        np.where(covered, 0.1, 1.0).astype(np.float32),
        tuple(f"person {p}" for p in range(people)),
    )
    faces = tuple(
        faces_at(*(box for p, box in enumerate(boxes) if p or not hidden[0] <= number < hidden[1]))
        for number in range(FRAMES)
    )
    clip = Clip(
        "standing", 0, Path("nowhere.mp4"), (640, 360), np.arange(FRAMES) / 16, np.zeros(FRAMES, int), faces, truth
    )
    wall = np.random.default_rng(1).integers(0, 255, (12, 21, 3), np.uint8).repeat(30, 0).repeat(31, 1)[:, :640]
    clip.__dict__["images"] = (wall,) * FRAMES
    return clip


def rows_of(truth: Truth) -> np.ndarray:
    """The truth as a tracker's rows."""
    return np.column_stack([truth.frames, truth.people, truth.boxes]).astype(float)


def _mesh(box: list[float]) -> np.ndarray:
    shape = np.random.default_rng(7).uniform(0, 1, (478, 3))
    shape[:2, :2] = [[0, 0], [1, 1]]
    low, high = np.array(box[:2]), np.array(box[2:])
    return np.column_stack([low + shape[:, :2] * (high - low), shape[:, 2]]).astype(np.float32)
