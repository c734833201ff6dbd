"""What travels out of a video file: facts about it, frames with their times, and what went wrong while decoding."""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np


@dataclass(frozen=True)
class VideoInfo:
    """Facts of one video file, as its container and first frame state them.

    Attributes:
        path: The path as given.
        duration_s: Stated duration in seconds from the first displayed frame, None where unknown.
        width: Displayed width in pixels (after rotation).
        height: Displayed height in pixels (after rotation).
        fps: Exact average rate in frames per second, None where unknown. Never use it to compute the time of a frame.
        rotation: Degrees by which decoded pictures are turned counter-clockwise for display: 0, 90, 180 or 270.
        codec: Name of the codec, such as "h264".
    """

    path: str
    duration_s: float | None
    width: int
    height: int
    fps: Fraction | None
    rotation: int
    codec: str


@dataclass(frozen=True)
class Frame:
    """One displayed frame.

    Attributes:
        index: Number of the frame among all decoded ones, from 0.
        time: Presentation time in seconds from the first displayed frame, from the container's PTS.
        image: uint8 (H, W, 3) RGB, rotated for display.
        cut: Whether a new shot begins with this frame, where `facevlm.video.shots.marked` looked for cuts.
    """

    index: int
    time: float
    image: np.ndarray
    cut: bool = False


@dataclass
class DecodeReport:
    """Running account of a decode; complete when the iterator is exhausted.

    Attributes:
        frames_decoded: Frames decoded so far (sampled or not).
        frames_damaged: Frames that the decoder marked corrupt, plus packets it could not decode.
        last_time: Time of the last decoded frame in seconds, None before the first one.
        warnings: Sentences for the user.
    """

    frames_decoded: int = 0
    frames_damaged: int = 0
    last_time: float | None = None
    warnings: list[str] = field(default_factory=list)
