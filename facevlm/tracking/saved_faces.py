"""Faces kept on disk shot by shot, so that no network looks twice: a killed run goes on, a second one only decodes.

What is kept is what goes into the tracker (`FaceObservation`), not what comes out of it: fed with the same faces it
gives the same tracks, bit for bit. In the folder of a key (`saved_key`) lies one file for each finished shot,
`shot-00000.npz`, written under another name and moved there when the shot has ended. So at any moment there are whole
shots only, of which the last writer's counts; what a killed run left of its last shot is removed by the next.
"""

import logging
import secrets
import tokenize
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from facevlm.errors import OutputError
from facevlm.tracking.face_parts import LANDMARKS, FacePart, Seen
from facevlm.tracking.track import FaceObservation

try:
    import fcntl
except ImportError:  # Windows, which removes no file that somebody has open
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

PART = 300  # frames, or faces, after which a part is written: 2 MB of meshes in memory
ARRAYS = ("frames", "faces", "vectors")


class SavedFaces:
    """The faces of one key. Frames are given in order; `finish` after the last one, `close` in any case.

    Appearance vectors are among what is kept: give a folder only where that is wanted.

    Args:
        folder: Folder of the key; created when needed.

    Raises:
        OutputError: The folder cannot be written to.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._shot = -1
        self._known: Iterator[Seen] | None = None
        self._writer: _ShotWriter | None = None
        with _refusals_as_output_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            for path in self._folder.glob(".shot-*.npz"):
                _remove_if_left_behind(path)

    def observations(self, shot: int, time: float, look: Callable[[], list[FaceObservation]]) -> list[FaceObservation]:
        """The faces of a frame: those kept, or what `look` sees, which is kept.

        Args:
            shot: Number of the shot, rising.
            time: Seconds, rising.
            look: Looks for the faces; called only where the shot is not kept.

        Raises:
            OutputError: The disk is full, or the folder is gone.
        """
        if shot != self._shot:
            self.finish()
            self._begin(shot)
        if self._known is not None:
            known_time, faces = next(self._known, (None, []))
            if known_time == time:
                return faces
            # What decoding gives has changed. From here on it is looked at anew; a next run does so from the first
            # frame of the shot.
            self._forget(f"does not fit the clip at {time:.3f} s")
        faces = look()
        if self._writer is not None:
            self._writer.add(time, faces)
        return faces

    def finish(self) -> None:
        """Keep the shot that has ended.

        Raises:
            OutputError: As `observations`.
        """
        if self._known is not None and next(self._known, None) is not None:
            self._forget("holds more frames than the clip")
        if self._writer is not None:
            self._writer.finish()
        self._known = self._writer = None

    def close(self) -> None:
        """Drop the shot that has not ended."""
        if self._writer is not None:
            self._writer.drop()
        self._known = self._writer = None

    def _path(self, shot: int) -> Path:
        return self._folder / f"shot-{shot:05d}.npz"

    def _begin(self, shot: int) -> None:
        self._shot = shot
        path = self._path(shot)
        if path.is_dir():
            log.warning("%s: is a folder, so this shot is looked at in every run and not kept; remove it", path)
            return
        if path.exists():
            try:
                self._known = _read(path)
                return
            except _UNREADABLE as error:
                self._forget(f"is damaged ({error})")
        self._writer = _ShotWriter(path)

    def _forget(self, why: str) -> None:
        log.warning("%s: %s; looked at again", self._path(self._shot), why)
        with _refusals_as_output_errors(self._folder):
            self._path(self._shot).unlink(missing_ok=True)
        self._known = None


_UNREADABLE = (
    *(OSError, ValueError, KeyError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile),
    *(SyntaxError, tokenize.TokenError),  # of numpy, from the header of an array
)


def _read(path: Path) -> Iterator[Seen]:
    """The frames of a kept shot, one part in memory at a time; the whole file is checked first.

    Raises:
        _UNREADABLE: It is damaged, or something else.
    """
    archive = zipfile.ZipFile(path)
    try:
        names = archive.namelist()
        if archive.comment != path.parent.name.encode():
            raise ValueError("of another key")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("compressed")
        count = len(names) // len(ARRAYS)
        if sorted(names) != sorted(_member(part, array) for part in range(count) for array in ARRAYS):
            raise ValueError("of another format")
        for part in range(count):
            _part(archive, part)  # reads every byte, against its checksum
    except BaseException:
        archive.close()
        raise
    return _frames(archive, count)


def _frames(archive: zipfile.ZipFile, count: int) -> Iterator[Seen]:
    with archive:
        for part in range(count):
            yield from _part(archive, part)


def _part(archive: zipfile.ZipFile, part: int) -> FacePart:
    with ExitStack() as stack:
        return FacePart.read({name: stack.enter_context(archive.open(_member(part, name))) for name in ARRAYS})


def _member(part: int, array: str) -> str:
    return f"{part}/{array}.npy"


class _ShotWriter:
    """Writes one shot under a temporary name, locked so that others see it is not left behind."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._temporary = target.with_name(f".{target.stem}.{secrets.token_hex(6)}{target.suffix}")
        self._waiting: list[Seen] = []
        self._meshes = np.empty((PART, LANDMARKS, 3), np.float32)  # of those that wait
        self._parts = self._faces = 0
        with _refusals_as_output_errors(target.parent):
            self._file = self._temporary.open("xb")
            with suppress(OSError):  # a disk without locks: then others may remove it, and this shot is not kept
                _lock(self._file)
            self._archive = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
            self._archive.comment = target.parent.name.encode()

    def add(self, time: float, faces: list[FaceObservation]) -> None:
        self._waiting.append((time, [self._moved(face, self._faces + k) for k, face in enumerate(faces)]))
        self._faces += len(faces)
        if len(self._waiting) >= PART or self._faces >= PART:
            self._flush()

    def _moved(self, face: FaceObservation, place: int) -> FaceObservation:
        """The face with its mesh in the block: alone, among frames that come and go, it would leave a hole."""
        if place >= len(self._meshes):
            return face
        self._meshes[place] = face.landmarks
        return replace(face, landmarks=self._meshes[place])

    def finish(self) -> None:
        try:
            self._flush()
            with _refusals_as_output_errors(self._target.parent):
                self._archive.close()
                self._file.close()
                with suppress(FileNotFoundError):
                    self._temporary.replace(self._target)
        finally:
            self.drop()

    def drop(self) -> None:
        with suppress(OSError, ValueError):
            self._archive.close()
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def _flush(self) -> None:
        if not self._waiting:
            return
        part = FacePart.of(self._waiting)
        with _refusals_as_output_errors(self._target.parent):
            for name in ARRAYS:
                with self._archive.open(_member(self._parts, name), "w") as stream:
                    part.write(stream, name)
        self._waiting, self._parts, self._faces = [], self._parts + 1, 0


def _lock(file: Any) -> None:
    """Hold a file for as long as this process lives; raises OSError where another does."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_if_left_behind(path: Path) -> None:
    """Remove an unfinished shot unless somebody is writing it."""
    with suppress(OSError):
        if fcntl is None:
            path.unlink()
            return
        with path.open("rb") as file:
            _lock(file)
            path.unlink()


@contextmanager
def _refusals_as_output_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        what = f"what was seen cannot be kept here: {reason}"
        raise OutputError(what, where=folder, mend="choose another folder, or free some space") from error
