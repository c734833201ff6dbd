"""The frames that a model sees: sampled evenly, moved to where a main character is seen, with a crop of each face.

FaceTrack-MM takes 16 frames of a video and, where a sampled frame lacks a main face, the nearest frame that has one.
The paper leaves details open; here the replacement applies to the sampled frame itself, so that scene and face come
from one moment, and of two frames equally near the earlier is taken. Of several main characters the largest are kept
(one unless asked otherwise). A video without a face gives whole-frame crops that say so.
"""

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facevlm.errors import UsageError, VideoError
from facevlm.faces.crop import centre_crop, face_crop
from facevlm.tracking.track import TrackedFace, TrackSummary
from facevlm.video.decode import Video

Chooser = Callable[[int], Sequence[int]]  # how many frames there are -> the numbers of those sampled, in order


@dataclass(frozen=True)
class FaceCrop:
    """One face for the model.

    Attributes:
        track_id: Final id of the person, None for a whole-frame crop.
        pixels: uint8 (224, 224, 3) RGB.
        time: Seconds of the frame that it was cut from.
        box: float32 (4,) xyxy pixels of the face before it was widened, None for a whole-frame crop.
        replaced: Whether `time` is not that of the sampled frame.
    """

    track_id: int | None
    pixels: np.ndarray
    time: float
    box: np.ndarray | None
    replaced: bool

    @property
    def whole_frame(self) -> bool:
        """Whether no face was seen in the video, and this is the middle of the frame."""
        return self.box is None


@dataclass(frozen=True)
class ModelFrame:
    """One frame for the model.

    Attributes:
        time: Seconds of the frame.
        sampled_time: Seconds of the frame that even sampling chose.
        image: uint8 (H, W, 3) RGB.
        crops: One for each main character kept, largest first; one whole-frame crop where there is none.
    """

    time: float
    sampled_time: float
    image: np.ndarray
    crops: tuple[FaceCrop, ...]

    @property
    def replaced(self) -> bool:
        """Whether another frame stands for the sampled one, which lacks all main faces."""
        return self.time != self.sampled_time


class BoxLog:
    """Where every face was in every processed frame: 24 bytes a face and 8 a frame, so a day's video fits in memory."""

    def __init__(self) -> None:
        self.times = array("d")  # seconds of each processed frame
        self._frames, self._ids, self._boxes = array("i"), array("i"), array("f")

    def add(self, time: float, faces: Iterable[TrackedFace]) -> None:
        """Take in one frame."""
        for face in faces:
            self._frames.append(len(self.times))
            self._ids.append(face.track_id)
            self._boxes.extend(float(v) for v in face.box)
        self.times.append(time)

    def boxes_of(self, parts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Where a person of these provisional ids was.

        Returns:
            Frames, int64 (K,) numbers in `times`, and boxes, float32 (K, 4) xyxy pixels.
        """
        mine = np.isin(np.array(self._ids, np.int64), parts)
        return np.array(self._frames, np.int64)[mine], np.array(self._boxes, np.float32).reshape(-1, 4)[mine]


def uniform_frames(count: int, n: int) -> np.ndarray:
    """Numbers of n frames at the middles of n equal parts of `count` frames; few frames are repeated.

    As VideoLLaMA2 samples them: frame i is round((count - 1) / n (i + 1/2) + 1e-6).

    Returns:
        int64 (n,), from 0 to `count` - 1.

    Raises:
        UsageError: No frame is asked for, or no whole number of them, or there is none.
    """
    _check_whole(n, "n")
    if n < 1 or count < 1:
        raise UsageError(f"cannot take {n} of {count} frames", mend="ask for one or more of a video that has any")
    return np.rint((count - 1) / n * (np.arange(n) + 0.5) + 1e-6).astype(np.int64)


def nearest(wanted: np.ndarray, seen: np.ndarray, times: np.ndarray) -> np.ndarray:
    """For each wanted frame the one nearest in time of those where a face is seen, the earlier of two equally near.

    Args:
        wanted: int (n,) frame numbers.
        seen: int (K,) frame numbers in order, at least one.
        times: float (T,) seconds of all frames.

    Returns:
        int64 (n,) frame numbers.
    """
    distance = np.abs(times[wanted][:, None] - times[seen][None]).round(9)  # of equal ones, argmin takes the first
    return seen[distance.argmin(1)]


def frames_for_model(
    clip: str | Path,
    log: BoxLog,
    tracks: Sequence[TrackSummary],
    n: int,
    *,
    most: int = 1,
    choose: Chooser | None = None,
) -> tuple[ModelFrame, ...]:
    """Sample n frames of a video that was perceived, and cut out its main characters.

    Args:
        clip: The video; it is decoded once more.
        log: Where its faces were.
        tracks: Its people, main characters first, as `Perception.tracks`.
        n: Number of frames.
        most: Most main characters kept, the largest.
        choose: Which of so many frames are sampled; None for `uniform_frames`.

    Returns:
        n frames in order of time; one that stands for several sampled ones comes several times.

    Raises:
        UsageError: `n` or `most` is below 1 or no whole number.
        VideoError: The file has gone, or a frame can no longer be decoded.
    """
    _check_whole(most, "most")
    if most < 1:
        raise UsageError(f"cannot keep {most} main characters", mend="keep one or more")
    times = np.array(log.times)
    sampled = uniform_frames(len(times), n) if choose is None else np.array(choose(len(times)), np.int64)
    mains = sorted((t for t in tracks if t.main), key=lambda t: -t.area_share)[:most]
    seen = {track.track_id: log.boxes_of((track.track_id, *track.parts)) for track in mains}
    anyone = np.unique(np.concatenate([frames for frames, _ in seen.values()])) if seen else np.zeros(0, np.int64)
    shown = nearest(sampled, anyone, times) if len(anyone) else sampled
    faces = {i: nearest(shown, frames, times) for i, (frames, _) in seen.items() if len(frames)}
    images = _images(clip, {float(times[k]) for k in (*shown, *(k for chosen in faces.values() for k in chosen))})

    def crop(track_id: int, place: int) -> FaceCrop:
        frames, boxes = seen[track_id]
        at = int(faces[track_id][place])
        box, time = boxes[np.searchsorted(frames, at)], float(times[at])
        return FaceCrop(track_id, face_crop(images[time], box), time, box, replaced=at != int(sampled[place]))

    result = []
    for place, number in enumerate(shown):
        time = float(times[number])
        crops = tuple(crop(track_id, place) for track_id in faces)
        nobody = (FaceCrop(None, centre_crop(images[time]), time, None, replaced=False),)
        result.append(ModelFrame(time, float(times[sampled[place]]), images[time], crops or nobody))
    return tuple(result)


def _check_whole(number: object, name: str) -> None:
    if not isinstance(number, int | np.integer) or isinstance(number, bool):
        raise UsageError(f"{number!r} is no whole number", where=name, mend="give one such as 16")


def _images(clip: str | Path, times: set[float]) -> dict[float, np.ndarray]:
    """The frames of exactly these times."""
    with Video.open(clip) as video:
        found = {frame.time: frame.image for frame in video.frames(keep=times.__contains__)}
    if missing := sorted(times - found.keys()):
        what = f"the frame at {missing[0]:.3f} s can no longer be decoded"
        raise VideoError(what, where=clip, mend="perceive it anew")
    return found
