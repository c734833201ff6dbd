"""Keeps the signals of every face while a video streams by: numbers per frame stay, meshes do not."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from facevlm.expression.brow_lines import brow_lines
from facevlm.expression.event import SignalTable
from facevlm.expression.signals import SIGNALS, signals
from facevlm.tracking.track import Moment, TrackedFace

CHUNK = 64  # meshes of one face measured at once, fewer where it goes out of the picture
HIDES = {
    "brows": ("brow_",),
    "eyes": ("lid_", "gaze_"),
    "mouth": ("mouth_", "corner_", "lip_", "jaw_", "protrusion"),
}
MUCH = 0.3  # share of the face under something from which the whole mesh is pulled along, turned and squeezed
SURE_FACE = 0.95  # presence below which the mesh hardly finds a face: what it says of it is guessed
PLACE = ("size", "centre_x", "centre_y", "yaw")  # signals that are measured all the same
BRIDGE_S = 0.25  # seconds for which what covers a face may seem gone

_ROW = np.dtype(
    [
        *[("time", "<f8"), ("shot", "<i4"), ("values", "<f4", len(SIGNALS))],
        ("covered", "?", 1 + 2 * len(HIDES)),  # see `_covered`
    ]
)


class _Seen(NamedTuple):
    time: float
    shot: int
    face: TrackedFace
    brow_lines: float


class SignalRecorder:
    """Feed it every `Moment`; ask for `table` at the end. About 120 bytes per face and frame are kept."""

    def __init__(self) -> None:
        self._pending: dict[int, list[_Seen]] = {}
        self._rows = bytearray()  # of all faces: one block, for small ones among frames that come and go leave holes
        self._places: dict[int, list[slice]] = {}  # of each track in it

    def __call__(self, moment: Moment) -> None:
        """Take in all faces of one frame."""
        for gone in self._pending.keys() - {face.track_id for face in moment.faces}:
            self._measure(gone)
        for face in moment.faces:
            pending = self._pending.setdefault(face.track_id, [])
            pending.append(_Seen(moment.time, moment.shot, face, brow_lines(moment.image, face.landmarks)))
            if len(pending) >= CHUNK:
                self._measure(face.track_id)

    def table(self, parts: tuple[int, ...]) -> SignalTable:
        """Signals of one person, whose provisional ids are `parts`, in order of time.

        A part of the face that something hides has NaN in its signals: not only where it was seen to hide it, but as
        long as it touches that part, for it comes and goes by degrees and the mesh yields to it at once. So has all but
        where it is and faces where much of the face is hidden, or the mesh hardly finds one.
        """
        for track_id in parts:
            self._measure(track_id)
        found = b"".join(self._rows[place] for i in parts for place in self._places.get(i, ()))
        kept = np.frombuffer(found, _ROW)
        kept = kept[np.argsort(kept["time"], kind="stable")]
        times, shots, rows, covered = (kept[name].copy() for name in ("time", "shot", "values", "covered"))
        for part, prefixes in enumerate(HIDES.values()):
            touched, hidden = covered[:, 1 + 2 * part], covered[:, 2 + 2 * part]
            for stretch in _stretches(times, shots, touched | hidden):
                if hidden[stretch].any():
                    rows[stretch, _columns(prefixes)] = np.nan
        rows[np.outer(covered[:, 0], [name not in PLACE for name in SIGNALS])] = np.nan
        return SignalTable(times, shots, {name: rows[:, column] for column, name in enumerate(SIGNALS)})

    def _measure(self, track_id: int) -> None:
        pending = self._pending.pop(track_id, [])
        if not pending:
            return
        values = signals(np.stack([seen.face.landmarks for seen in pending]))
        values["brow_lines"] = np.array([seen.brow_lines for seen in pending])
        kept = np.empty(len(pending), _ROW)
        kept["time"], kept["shot"] = [seen.time for seen in pending], [seen.shot for seen in pending]
        kept["values"] = np.stack([values[name] for name in SIGNALS], axis=1)
        kept["covered"] = [_covered(seen.face) for seen in pending]
        self._places.setdefault(track_id, []).append(slice(len(self._rows), len(self._rows) + kept.nbytes))
        self._rows += kept.tobytes()


def _covered(face: TrackedFace) -> list[bool]:
    """Whether the mesh as a whole is not to be trusted; of each part, whether something touches, hides it."""
    parts = [part in seen for part in HIDES for seen in (face.touched, face.hidden)]
    return [(face.occlusion or 0.0) >= MUCH or face.presence < SURE_FACE, *parts]


def _stretches(times: np.ndarray, shots: np.ndarray, covered: np.ndarray) -> Iterator[slice]:
    """Rows from the first to the last of those that follow each other within `BRIDGE_S` and one shot."""
    at = np.flatnonzero(covered)
    breaks = np.flatnonzero((np.diff(times[at]) > BRIDGE_S) | (np.diff(shots[at]) != 0)) + 1
    return (slice(int(part[0]), int(part[-1]) + 1) for part in np.split(at, breaks) if len(part))


def _columns(prefixes: tuple[str, ...]) -> list[int]:
    return [i for i, name in enumerate(SIGNALS) if name.startswith(prefixes)]
