"""Keeps the faces of each moment on disk while a video is perceived, so that memory does not grow with its length."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from facevlm.exports.temporary_file import refusals_of_the_temporary_folder, temporary_file
from facevlm.exports.tracks_document import FaceRow
from facevlm.faces.align import five_points
from facevlm.tracking.track import Moment, TrackedFace

LANDMARKS = 478
HIDDEN = ("brows", "eyes", "mouth")  # one bit each

_MOMENT = np.dtype([("time", "<f8"), ("index", "<i8"), ("faces", "<i4")])
_FACE = np.dtype(
    [
        *[("track_id", "<i4"), ("presence", "<f4"), ("box", "<f4", 4), ("five_points", "<f4", (5, 2))],
        *[("hidden", "u1"), ("mesh", "u1")],
    ]
)
_POINTS = np.dtype(("<f2", (LANDMARKS, 2)))  # in shares of the box: exact to 1/2000 of the face or better


@dataclass(frozen=True)
class RecordedFace:
    """One face as it comes back.

    Attributes:
        track_id: As it was recorded, provisional perhaps.
        presence: Probability in [0, 1].
        box: float32 (4,) xyxy, pixels.
        five_points: float32 (5, 2) pixels, as `faces.align.five_points`.
        points: float32 (478, 2) pixels, or None where no landmarks were kept.
        hidden: Named parts whose landmarks are not to be trusted.
    """

    track_id: int
    presence: float
    box: np.ndarray
    five_points: np.ndarray
    points: np.ndarray | None
    hidden: frozenset[str]


@dataclass(frozen=True)
class RecordedMoment:
    """All faces of one processed frame: its time in seconds, its number among all decoded frames, its faces."""

    time: float
    index: int
    faces: tuple[RecordedFace, ...]


class FaceRecorder:
    """Feed it each `Moment`; afterwards read the faces back as often as wanted.

        with FaceRecorder() as recorder:
            for moment in perceive(...):
                recorder(moment)
            write_mot(tracks, "talk.txt", rows=recorder.rows())

    Args:
        landmarks: Whether to keep the mesh too (about 1.9 kB per face and frame), not only box and key points.

    Raises:
        OutputError: No temporary folder can be written to.
    """

    def __init__(self, *, landmarks: bool = True) -> None:
        self._landmarks = landmarks
        self._open = ExitStack()
        self._file = self._open.enter_context(temporary_file())

    def __enter__(self) -> "FaceRecorder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary file."""
        self._open.close()

    def __call__(self, moment: Moment) -> None:
        """Keep the faces of one moment.

        Raises:
            OutputError: The disk of the temporary folder is full.
        """
        parts = [np.array((moment.time, moment.index, len(moment.faces)), _MOMENT).tobytes()]
        for face in moment.faces:
            parts += self._pack(face)
        with refusals_of_the_temporary_folder():
            self._file.seek(0, os.SEEK_END)
            self._file.write(b"".join(parts))

    def moments(self) -> Iterator[RecordedMoment]:
        """Read the moments back in the order in which they came; raises as `__call__`."""
        with refusals_of_the_temporary_folder():
            self._file.flush()
        place = 0
        while True:
            self._file.seek(place)
            head = self._file.read(_MOMENT.itemsize)
            if len(head) < _MOMENT.itemsize:
                return
            moment = np.frombuffer(head, _MOMENT)[0]
            faces = tuple(self._unpack() for _ in range(int(moment["faces"])))
            place = self._file.tell()
            yield RecordedMoment(float(moment["time"]), int(moment["index"]), faces)

    def rows(self) -> Iterator[FaceRow]:
        """Read boxes and key points back, one row per face and frame, for `facevlm.exports.tracks_document`."""
        for moment in self.moments():
            for face in moment.faces:
                five = face.five_points if np.isfinite(face.five_points).all() else None
                yield FaceRow(moment.time, moment.index, face.track_id, face.box, face.presence, five)

    def _pack(self, face: TrackedFace) -> list[bytes]:
        hidden = sum(1 << bit for bit, name in enumerate(HIDDEN) if name in face.hidden)
        box = np.asarray(face.box, np.float32)
        five = five_points(face.landmarks)
        head = np.array((face.track_id, face.presence, tuple(box), five, hidden, self._landmarks), _FACE).tobytes()
        if not self._landmarks:
            return [head]
        shares = (np.asarray(face.landmarks, np.float32)[:, :2] - box[:2]) / _extent(box)
        return [head, shares.astype(np.float16).tobytes()]

    def _unpack(self) -> RecordedFace:
        head = np.frombuffer(self._file.read(_FACE.itemsize), _FACE)[0]
        box = np.array(head["box"], np.float32)
        points = None
        if head["mesh"]:
            shares = np.frombuffer(self._file.read(_POINTS.itemsize), np.float16).reshape(LANDMARKS, 2)
            points = shares.astype(np.float32) * _extent(box) + box[:2]
        hidden = frozenset(name for bit, name in enumerate(HIDDEN) if head["hidden"] >> bit & 1)
        five = np.array(head["five_points"], np.float32)
        return RecordedFace(int(head["track_id"]), float(head["presence"]), box, five, points, hidden)


def _extent(box: np.ndarray) -> np.ndarray:
    return np.maximum(box[2:] - box[:2], 1e-3)
