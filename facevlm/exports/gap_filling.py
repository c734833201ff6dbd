"""Faces between faces: short gaps of a track filled on the line between the boxes before and after, and marked.

The filling half of StrongSORT's GSI (`tracking.interpolation`). Never across a cut, never for longer than its
`max_gap`.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from facevlm.exports.tracks_document import FaceRow
from facevlm.tracking.interpolation import InterpolationConfig, filled


def with_gaps_filled(
    rows: Iterable[FaceRow],
    frames: Sequence[tuple[float, int]],
    *,
    ids: Mapping[int, int],
    shots: Sequence[tuple[float, float]],
    frame_s: float = 1 / 30,
    config: InterpolationConfig | None = None,
) -> Iterator[FaceRow]:
    """Add a row for each processed frame in which a person was missed for a moment; keeps no more rows than a gap has.

    Args:
        rows: Recorded faces, in order of time; those of ids not in `ids` are left out.
        frames: Time in seconds and number of every processed frame, in order.
        ids: Provisional id -> final id.
        shots: (start, end) seconds of each shot.
        frame_s: Seconds of a frame of nominal length, in which gaps are counted.
        config: How long gaps may be.

    Yields:
        Rows with final ids, in order of frame, then id; those filled in have no presence.
    """
    config = config or InterpolationConfig()
    times, numbers = np.array([t for t, _ in frames]), [number for _, number in frames]
    starts = np.array([start for start, _ in shots])
    last: dict[int, FaceRow] = {}  # of each person
    waiting: dict[tuple[int, int], FaceRow] = {}  # by frame and person, while one before may still be filled in
    order: list[tuple[int, int]] = []  # their keys, a heap

    def between(before: FaceRow, after: FaceRow) -> Iterator[FaceRow]:
        first, end = np.searchsorted(times, before.time, side="right"), np.searchsorted(times, after.time)
        cut = np.ptp(np.searchsorted(starts, np.array([before.time, after.time]) + 1e-6, side="right")) > 0
        if first >= end or cut:
            return
        ends = np.array([(row.time / frame_s, row.track_id, *row.box) for row in (before, after)])
        for at, _, *box in filled(ends, config, frames=times[first:end] / frame_s)[1:-1]:
            place = int(first + np.abs(times[first:end] / frame_s - at).argmin())
            yield FaceRow(float(times[place]), numbers[place], after.track_id, np.array(box, np.float32), None)

    for seen in rows:
        if seen.track_id not in ids:
            continue
        row = replace(seen, track_id=ids[seen.track_id])
        for new in (*(between(last[row.track_id], row) if row.track_id in last else ()), row):
            if (new.index, new.track_id) not in waiting:
                heapq.heappush(order, (new.index, new.track_id))
            waiting[new.index, new.track_id] = new
        last[row.track_id] = row
        while waiting[order[0]].time < row.time - config.max_gap * frame_s:
            yield waiting.pop(heapq.heappop(order))
    yield from (waiting[key] for key in sorted(order))
