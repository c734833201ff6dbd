"""The demo clip: the public-domain astronaut portrait that scikit-image ships, moved by a written script."""

import os
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from facevlm.errors import MissingExtraError, OutputError
from facevlm.puppet.moves import Move
from facevlm.puppet.puppet import Puppet
from facevlm.puppet.record import ClipTruth, write_clip
from facevlm.puppet.scene import Scene
from facevlm.puppet.script import Idle, Script

DURATION = 12.0  # seconds
NAME = "astronaut.mp4"
MOVES = (
    Move("blink", 0.50, 0.74, onset_s=0.09, offset_s=0.13),
    Move("smile", 1.10, 3.00, "strong", teeth=True, onset_s=0.40, offset_s=0.45),
    Move("blink", 1.95, 2.17, onset_s=0.08, offset_s=0.12),
    Move("gaze_left", 3.20, 4.60, "clear", onset_s=0.06, offset_s=0.08),
    Move("head_turn_left", 3.30, 4.75, "clear", onset_s=0.45, offset_s=0.50),
    Move("brow_raise", 4.95, 5.95, "strong", onset_s=0.20, offset_s=0.28),
    Move("blink", 6.05, 6.27, onset_s=0.08, offset_s=0.12),
    Move("speaking", 6.35, 8.05, "clear", seed=5),
    Move("head_tilt_right", 6.70, 8.20, "clear", onset_s=0.45, offset_s=0.50),
    Move("lip_press", 8.30, 9.00, "strong", onset_s=0.16, offset_s=0.20),
    Move("brow_furrow", 8.35, 9.20, "strong", onset_s=0.20, offset_s=0.30),
    Move("mouth_open", 9.30, 10.00, "clear", onset_s=0.20, offset_s=0.22),
    Move("head_nod", 10.10, 11.15, "clear", onset_s=0.12, offset_s=0.15),
    Move("wink", 11.25, 11.75, "strong", side="left", onset_s=0.12, offset_s=0.16),
)


def astronaut() -> np.ndarray:
    """The portrait of Eileen Collins (NASA, public domain): uint8 (512, 512, 3) RGB.

    Raises:
        MissingExtraError: scikit-image is not installed.
    """
    spec = find_spec("skimage")
    path = None if spec is None or spec.origin is None else Path(spec.origin).parent / "data" / "astronaut.png"
    image = None if path is None or not path.is_file() else cv2.imread(os.fspath(path), cv2.IMREAD_COLOR)
    if image is None:
        raise MissingExtraError(
            "the demo's portrait comes with scikit-image, which is not installed",
            mend="run: pip install scikit-image",
        )
    return np.ascontiguousarray(image[..., ::-1])


def demo_scene(*, size: int = 512) -> Scene:
    """The scripted scene of the demo, `size` pixels square."""
    puppet = Puppet.from_photo(astronaut(), size=size)
    return Scene.of(puppet, Script(MOVES, DURATION, Idle(seed=4, amount=0.8)))


def make_demo_clip(directory: str | os.PathLike[str]) -> ClipTruth:
    """Write the demo clip, 12 s at 30 frames a second, as `astronaut.mp4` into a folder (made where it is missing).

    Returns:
        The clip's path and truth.

    Raises:
        MissingExtraError: scikit-image is not installed.
        OutputError: The folder or the file cannot be written.
    """
    folder = Path(directory)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder cannot be made: {error.strerror}", where=directory) from error
    return write_clip(folder / NAME, demo_scene())
