"""One clip of the benchmark, as every tracker gets it: the same detections for all; and the truth, which none gets.

Detections depend on no tracker: in every sampled frame a detector looks at the whole picture, the mesh is fitted twice
to each face it finds (the second time to the landmarks of the first), duplicates are dropped, an appearance vector is
made.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from facevlm.video.decode import Video


@dataclass(frozen=True)
class Faces:
    """Detections of one frame.

    Attributes:
        boxes: float32 (N, 4) xyxy pixels, of the 468 landmarks.
        scores: float32 (N,) detector score in [0, 1].
        presence: float32 (N,) of the mesh, in [0, 1].
        points: float32 (N, 5, 2) pixels: the subject's right eye, left eye, nose tip, right and left mouth corner.
        landmarks: float32 (N, 478, 3) pixels.
        vectors: float32 (N, D) appearance vectors of unit norm.
    """

    boxes: np.ndarray
    scores: np.ndarray
    presence: np.ndarray
    points: np.ndarray
    landmarks: np.ndarray
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def confidence(self) -> np.ndarray:
        """float32 (N,) in [0, 1], for trackers that know one number: detector score times presence."""
        return self.scores * self.presence


@dataclass(frozen=True)
class Truth:
    """Who really is where.

    Attributes:
        frames: int (M,) number of the sampled frame.
        people: int (M,) number of the person.
        boxes: float32 (M, 4) xyxy pixels, may reach outside the frame.
        visible: float32 (M,) share of the box that is inside the frame and not covered, in [0, 1].
        names: By number of the person.
    """

    frames: np.ndarray
    people: np.ndarray
    boxes: np.ndarray
    visible: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Clip:
    """A filmed scene.

    Attributes:
        name: Of the scene.
        seed: Of its draw.
        path: The video file; its frames are the sampled ones.
        size: (width, height) pixels.
        times: float64 (T,) seconds from the first displayed frame.
        shots: int (T,) number of the shot, as the shot detector finds it.
        faces: Detections of each frame.
        truth: The truth.
    """

    name: str
    seed: int
    path: Path
    size: tuple[int, int]
    times: np.ndarray
    shots: np.ndarray
    faces: tuple[Faces, ...]
    truth: Truth

    @cached_property
    def images(self) -> tuple[np.ndarray, ...]:
        """Each frame, uint8 (H, W, 3) RGB."""
        with Video.open(self.path) as video:
            return tuple(frame.image for frame in video.frames())

    def __iter__(self) -> Iterator[tuple[int, float, int, Faces]]:
        """Number, time, shot and faces of each frame."""
        for number, faces in enumerate(self.faces):
            yield number, float(self.times[number]), int(self.shots[number]), faces


class Runs(Protocol):
    """A tracker as the benchmark sees it."""

    def __call__(self, clip: Clip) -> np.ndarray:
        """float (R, 6) rows of frame number, id, x0, y0, x1, y1 (pixels); an id at most once a frame."""
        ...


def save(target: Path, clip: Clip) -> None:
    """Write all but the pictures as npz."""
    counts = [len(faces) for faces in clip.faces]
    parts = {
        name: np.concatenate([getattr(faces, name) for faces in clip.faces])
        for name in ("boxes", "scores", "presence", "points", "landmarks", "vectors")
    }
    about = {
        "name": clip.name,
        "seed": clip.seed,
        "video": clip.path.name,
        "size": clip.size,
        "people": clip.truth.names,
    }
    truth = {f"true_{name}": getattr(clip.truth, name) for name in ("frames", "people", "boxes", "visible")}
    part = target.with_suffix(".part.npz")
    np.savez(part, about=json.dumps(about), times=clip.times, shots=clip.shots, counts=counts, **parts, **truth)
    part.replace(target)


def load(path: Path) -> Clip:
    """Read what `save` wrote; the video lies beside it."""
    with np.load(path, allow_pickle=False) as data:
        about, ends = json.loads(str(data["about"])), np.cumsum(data["counts"])
        columns = [
            np.split(data[name], ends[:-1])
            for name in ("boxes", "scores", "presence", "points", "landmarks", "vectors")
        ]
        truth = Truth(
            *(data[f"true_{name}"] for name in ("frames", "people", "boxes", "visible")), tuple(about["people"])
        )
        faces = tuple(Faces(*columns_of_frame) for columns_of_frame in zip(*columns, strict=True))
        return Clip(
            about["name"], about["seed"], path.parent / about["video"], tuple(about["size"]),
            data["times"], data["shots"], faces, truth,
        )  # fmt: skip
