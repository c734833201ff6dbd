"""Keeps the signals of every face while a video streams by: numbers per frame stay, meshes do not."""

from typing import NamedTuple

import numpy as np

from facevlm.expression.brow_lines import brow_lines
from facevlm.expression.event import SignalTable
from facevlm.expression.signals import SIGNALS, signals
from facevlm.tracking.track import Moment, TrackedFace

CHUNK = 64  # meshes measured at once
HIDES = {"brows": ("brow_",), "eyes": ("lid_", "gaze_"), "mouth": ("mouth_", "corner_", "lip_", "jaw_", "protrusion")}


class _Seen(NamedTuple):
    time: float
    shot: int
    face: TrackedFace
    brow_lines: float


class SignalRecorder:
    """Feed it every `Moment`; ask for `table` at the end. About 130 bytes per face and frame are kept."""

    def __init__(self) -> None:
        self._pending: dict[int, list[_Seen]] = {}
        self._times: dict[int, list[np.ndarray]] = {}
        self._shots: dict[int, list[np.ndarray]] = {}
        self._rows: dict[int, list[np.ndarray]] = {}

    def __call__(self, moment: Moment) -> None:
        """Take in all faces of one frame."""
        for face in moment.faces:
            pending = self._pending.setdefault(face.track_id, [])
            pending.append(_Seen(moment.time, moment.shot, face, brow_lines(moment.image, face.landmarks)))
            if len(pending) >= CHUNK:
                self._measure(face.track_id)

    def table(self, parts: tuple[int, ...]) -> SignalTable:
        """Signals of one person, whose provisional ids are `parts`, in order of time.

        A part of the face that something hides has NaN in its signals.
        """
        for track_id in parts:
            self._measure(track_id)
        known = [i for i in parts if i in self._times]
        if not known:
            return SignalTable(np.empty(0), np.empty(0, np.int32), {name: np.empty(0, np.float32) for name in SIGNALS})
        times = np.concatenate([a for i in known for a in self._times[i]])
        shots = np.concatenate([a for i in known for a in self._shots[i]])
        rows = np.concatenate([a for i in known for a in self._rows[i]])
        order = np.argsort(times, kind="stable")
        values = {name: rows[order, column] for column, name in enumerate(SIGNALS)}
        return SignalTable(times[order], shots[order], values)

    def _measure(self, track_id: int) -> None:
        pending = self._pending.pop(track_id, [])
        if not pending:
            return
        values = signals(np.stack([seen.face.landmarks for seen in pending]))
        values["brow_lines"] = np.array([seen.brow_lines for seen in pending])
        rows = np.stack([values[name] for name in SIGNALS], axis=1).astype(np.float32)
        for row, seen in zip(rows, pending, strict=True):
            for part in seen.face.hidden:
                row[_columns(part)] = np.nan
        self._times.setdefault(track_id, []).append(np.array([seen.time for seen in pending]))
        self._shots.setdefault(track_id, []).append(np.array([seen.shot for seen in pending], np.int32))
        self._rows.setdefault(track_id, []).append(rows)


def _columns(part: str) -> list[int]:
    return [i for i, name in enumerate(SIGNALS) if name.startswith(HIDES[part])]
