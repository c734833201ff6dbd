"""Write a scene as a video file, with its truth in the form of an annotation file."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from facevlm.puppet.scene import Scene, SceneFrame
from facevlm.puppet.truth import GroundTruth
from facevlm.video.encode import EncodeOptions, VideoWriter

EMPTY = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True)
class ClipTruth:
    """What is true of a written clip.

    Attributes:
        path: The file.
        duration: Seconds.
        events: name -> visible events by time.
        frames: Each frame without its picture: who is where in pixels of the displayed frame, and how much is hidden.
        cuts: Seconds at which a new shot starts.
    """

    path: str
    duration: float
    events: dict[str, tuple[GroundTruth, ...]]
    frames: tuple[SceneFrame, ...]
    cuts: tuple[float, ...] = ()

    @property
    def times(self) -> tuple[float, ...]:
        """Seconds of each frame."""
        return tuple(frame.time for frame in self.frames)

    @property
    def boxes(self) -> tuple[dict[str, np.ndarray], ...]:
        """For each frame name -> float (4,) xyxy pixels of the displayed frame, of people who are mostly in view."""
        return tuple(frame.boxes for frame in self.frames)

    def record(self) -> dict[str, Any]:
        """As one record of an annotation file (`clip`, `annotated_s`, `people`, `events`)."""
        names = sorted({name for boxes in self.boxes for name in boxes} | set(self.events))
        area = {name: sum(float(np.prod(b[name][2:] - b[name][:2])) for b in self.boxes if name in b) for name in names}
        main = max(area, key=lambda name: area[name]) if area else None
        return {
            "clip": Path(self.path).stem,
            "file": Path(self.path).name,
            "kind": "puppet",
            "annotated_s": [0, round(self.duration, 3)],
            "people": [{"id": name, "main": name == main} for name in names],
            "events": [event.record(name) for name in names for event in self.events.get(name, ())],
        }


def write_clip(path: str | os.PathLike[str], scene: Scene, *, keep: Callable[[float], bool] | None = None) -> ClipTruth:
    """Draw a scene into a video file.

    Args:
        path: File to write; its ending chooses the container.
        scene: What to draw.
        keep: As in `Scene.frames`.

    Returns:
        Its truth.

    Raises:
        OutputError: The file cannot be written.
        UsageError: The ending is of no known container.
    """
    turns = scene.film.rotation // 90
    width, height = scene.size if turns % 2 == 0 else scene.size[::-1]
    options = EncodeOptions(crf=scene.film.crf, rate=Fraction(scene.film.fps), rotation=scene.film.rotation)
    kept: list[SceneFrame] = []
    with VideoWriter(Path(path), width, height, options=options) as writer:
        for frame in scene.frames(keep):
            writer.write(np.ascontiguousarray(np.rot90(frame.image, -turns)), frame.time)
            kept.append(replace(frame, image=EMPTY))
    return ClipTruth(
        os.fspath(path),
        scene.duration,
        scene.truth(kept),
        tuple(kept),
        tuple(shot.end for shot in scene.shots[:-1]),
    )
