"""Faces seen in successive frames as arrays, and back again, bit for bit: the form in which they are kept on disk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

from facevlm.tracking.track import FaceObservation

LANDMARKS = 478
NAMES = ("brows", "eyes", "mouth")  # of `FaceObservation.hidden` and `touched`, one bit each
SCORE, OCCLUSION, LIKENESS, APPEARANCE = 1, 2, 4, 8  # bits of what is known of a face; the rest is None

FRAME = np.dtype([("time", "<f8"), ("faces", "<i4")])
FACE = np.dtype(
    [
        ("box", "<f4", 4),
        ("landmarks", "<f4", (LANDMARKS, 3)),
        ("presence", "<f8"),
        ("known", "u1"),
        ("score", "<f8"),
        ("occlusion", "<f8"),
        ("likeness", "<f8"),
        ("carried_from", "<i4"),  # -1: none
        ("hidden", "u1"),
        ("touched", "u1"),
    ]
)
VECTOR = np.dtype("<f4")
Seen = tuple[float, list[FaceObservation]]  # a frame: its time in seconds, its faces


@dataclass(frozen=True)
class FacePart:
    """The faces of some frames in a row.

    Attributes:
        frames: FRAME (T,) time in seconds and number of faces of each frame.
        faces: FACE (N,) all faces, frame by frame; about 5.8 kB each.
        vectors: float32 (A, D) appearance vectors of the faces that have one, in their order.
    """

    frames: np.ndarray
    faces: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, seen: Sequence[Seen]) -> "FacePart":
        """Take in frames; landmarks, boxes and vectors are float32, as the mesh and the embedders give them."""
        faces = [face for _, found in seen for face in found]
        vectors = [face.appearance for face in faces if face.appearance is not None]
        return cls(
            np.array([(time, len(found)) for time, found in seen], FRAME),
            np.array([_packed(face) for face in faces], FACE),
            np.stack(vectors).astype(VECTOR) if vectors else np.zeros((0, 0), VECTOR),
        )

    def __iter__(self) -> Iterator[Seen]:
        """The frames with their faces, as they came."""
        faces, vectors = iter(self.faces), iter(self.vectors)
        for time, count in self.frames.tolist():
            yield time, [_unpacked(next(faces), vectors) for _ in range(count)]

    def write(self, stream: IO[bytes], name: str) -> None:
        """Write one of the arrays in numpy's format."""
        np.lib.format.write_array(stream, getattr(self, name), allow_pickle=False)

    @classmethod
    def read(cls, streams: dict[str, IO[bytes]]) -> "FacePart":
        """Read the arrays, of any origin, from a stream for each.

        Raises:
            ValueError: They are no faces of frames.
        """
        arrays = {name: np.lib.format.read_array(stream, allow_pickle=False) for name, stream in streams.items()}
        part = cls(**arrays)
        if any(stream.read(1) for stream in streams.values()):
            raise ValueError("more than the arrays")
        kinds = [(part.frames, FRAME, 1), (part.faces, FACE, 1), (part.vectors, VECTOR, 2)]
        fits = all(array.dtype == kind and array.ndim == axes for array, kind, axes in kinds)
        if not fits or not np.isfinite(part.frames["time"]).all() or (part.frames["faces"] < 0).any():
            raise ValueError("no faces of frames")
        with_vector = int(((part.faces["known"] & APPEARANCE) > 0).sum())
        if part.frames["faces"].sum() != len(part.faces) or with_vector != len(part.vectors):
            raise ValueError("numbers of faces do not agree")
        return part


def _packed(face: FaceObservation) -> tuple[Any, ...]:
    optional = (face.detector_score, face.occlusion, face.likeness, face.appearance)
    known = sum(
        bit for bit, value in zip((SCORE, OCCLUSION, LIKENESS, APPEARANCE), optional, strict=True) if value is not None
    )
    carried_from = -1 if face.carried_from is None else face.carried_from
    numbers = tuple(0.0 if value is None else value for value in optional[:3])
    return (
        face.box,
        face.landmarks,
        face.presence,
        known,
        *numbers,
        carried_from,
        _bits(face.hidden),
        _bits(face.touched),
    )


def _unpacked(row: np.void, vectors: Iterator[np.ndarray]) -> FaceObservation:
    known = int(row["known"])
    return FaceObservation(
        box=row["box"].copy(),
        landmarks=row["landmarks"].copy(),
        presence=float(row["presence"]),
        detector_score=float(row["score"]) if known & SCORE else None,
        appearance=next(vectors).copy() if known & APPEARANCE else None,
        carried_from=int(row["carried_from"]) if row["carried_from"] >= 0 else None,
        occlusion=float(row["occlusion"]) if known & OCCLUSION else None,
        hidden=_names(int(row["hidden"])),
        touched=_names(int(row["touched"])),
        likeness=float(row["likeness"]) if known & LIKENESS else None,
    )


def _bits(names: frozenset[str]) -> int:
    return sum(1 << bit for bit, name in enumerate(NAMES) if name in names)


def _names(bits: int) -> frozenset[str]:
    return frozenset(name for bit, name in enumerate(NAMES) if bits >> bit & 1)
