"""Which frames the papers' models look at: the released tables of indices, for clips of evenly spaced frames.

Index tables belong to a decoded list of frames; on variable-rate video choose by time (`facevlm.video.sampling`).
"""

from itertools import pairwise

import numpy as np

from facevlm.errors import InputError


def videollama2_uniform(frames: int, count: int) -> list[int]:
    """VideoLLaMA2 and FaceTrack-MM: the middles of `count` equal parts of the clip; short clips repeat frames."""
    _check(frames, count)
    part = (frames - 1) / count
    return [int(np.round(part * (k + 0.5) + 1e-6)) for k in range(count)]


def videollama2_fps(frames: int, fps: float) -> list[int]:
    """VideoLLaMA2's other mode: one frame of each second of a clip of `fps` frames a second."""
    _check(frames, 1)
    step = max(1, min(int(fps // 1), frames))
    return list(range(step // 2, frames, step))


def videochat2_inference(frames: int, count: int) -> list[int]:
    """VideoChat2 and FaVChat when answering: half a part in, then a part further each, rounded half to even."""
    _check(frames, count)
    part = (frames - 1) / count
    return [int(part / 2) + int(np.round(part * k)) for k in range(count)]


def videochat2_middle(frames: int, count: int) -> list[int]:
    """VideoChat2's loader when testing: the middle of each of `count` bins; short clips repeat the last frame."""
    _check(frames, count)
    bounds = np.linspace(0, frames, min(frames, count) + 1).astype(int)
    middles = [int(low + high - 1) // 2 for low, high in pairwise(bounds)]
    return middles + middles[-1:] * (count - len(middles))


def _check(frames: int, count: int) -> None:
    if frames < 1 or count < 1:
        raise InputError(f"cannot choose {count} of {frames} frames")
