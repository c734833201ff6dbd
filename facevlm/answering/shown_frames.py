"""The frames of a clip that a model is shown: evenly spaced, of a video or of a folder of pictures."""

from collections.abc import Iterator

import cv2
import numpy as np

from facevlm.datasets.media_files import pictures_in
from facevlm.errors import VideoError
from facevlm.evaluation.answers import Footage
from facevlm.tracking.model_frames import uniform_frames
from facevlm.video.decode import Video

RECIPE = "whole frames at the middles of equal parts of all frames, as VideoLLaMA2 samples them; none twice"
LARGEST_PICTURE = 64_000_000  # pixels
PICTURES_FPS = 25  # pictures in a folder have no times; this is what models are told of them


def shown_frames(footage: Footage, n: int) -> list[np.ndarray]:
    """The frames of `timed_frames` without their times."""
    return [frame for _, frame in timed_frames(footage, n)]


def timed_frames(footage: Footage, n: int) -> Iterator[tuple[float, np.ndarray]]:
    """At most n frames, evenly spaced; all of a clip that has no more.

    Args:
        footage: A video, decoded twice, or pictures.
        n: How many.

    Yields:
        Seconds, those of pictures in a folder by `PICTURES_FPS`; and uint8 (H, W, 3) RGB, in order.

    Raises:
        VideoError: There is no such clip, or it holds no picture that can be read.
    """
    if footage.path.is_dir():
        names = footage.frames or tuple(path.name for path in pictures_in(footage.path))
        if not names:
            raise VideoError("holds no pictures", where=footage.path)
        for k in np.unique(uniform_frames(len(names), n)).tolist():
            yield k / PICTURES_FPS, _picture(footage, names[k])
        return
    with Video.open(footage.path) as video:
        times: list[float] = []
        for _ in video.frames(keep=lambda time: times.append(time) or False):  # type: ignore[func-returns-value]
            pass
        if not times:
            raise VideoError("holds no picture", where=footage.path)
        chosen = {times[k] for k in uniform_frames(len(times), n)}
        empty = True
        for frame in video.frames(keep=chosen.__contains__):
            yield frame.time, frame.image
            empty = False
    if empty:
        raise VideoError("holds no picture", where=footage.path)


def _picture(footage: Footage, name: str) -> np.ndarray:
    path = footage.path / name
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise VideoError((error.strerror or str(error)).lower(), where=path) from error
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if picture is None or picture.shape[0] * picture.shape[1] > LARGEST_PICTURE:
        raise VideoError("is no picture that can be read", where=path)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
