"""A clip as the models' processors take it: chosen frames with their times, and crops of the faces in them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facevlm.errors import InputError


@dataclass(frozen=True)
class ModelClip:
    """Some frames of a video.

    Attributes:
        frames: T pictures, uint8 (H, W, 3) RGB, in order of time.
        times: T seconds from the start of the video.
        faces: K people, each T crops, uint8 (h, w, 3) RGB, one of each frame; none where nobody was looked for.
    """

    frames: Sequence[np.ndarray]
    times: Sequence[float]
    faces: Sequence[Sequence[np.ndarray]] = ()

    def __post_init__(self) -> None:
        if not len(self.frames):
            raise InputError("the clip has no frame")
        for what, count in (("times", len(self.times)), *(("crops of a face", len(face)) for face in self.faces)):
            if count != len(self.frames):
                raise InputError(f"{count} {what} for {len(self.frames)} frames")

    def at(self, numbers: Sequence[int]) -> "ModelClip":
        """The same clip with these of its frames; a number may come several times."""
        return ModelClip(
            [self.frames[k] for k in numbers],
            [self.times[k] for k in numbers],
            [[face[k] for k in numbers] for face in self.faces],
        )
