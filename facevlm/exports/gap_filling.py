"""Faces between faces: short gaps of a track filled on the line between the boxes before and after, and marked.

The filling half of StrongSORT's GSI (`tracking.interpolation`). Never across a cut, never for longer than its
`max_gap`.
"""

from collections.abc import Iterable, Mapping, Sequence
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
) -> list[FaceRow]:
    """Add a row for each processed frame in which a person was missed for a moment.

    Args:
        rows: Recorded faces; those of ids not in `ids` are left out.
        frames: Time in seconds and number of every processed frame, in order.
        ids: Provisional id -> final id.
        shots: (start, end) seconds of each shot.
        frame_s: Seconds of a frame of nominal length, in which gaps are counted.
        config: How long gaps may be.

    Returns:
        Rows with final ids, in order of frame, then id; those filled in have no presence.
    """
    seen = {(row.index, ids[row.track_id]): row for row in rows if row.track_id in ids}
    times, numbers = np.array([t for t, _ in frames]), [number for _, number in frames]
    starts = np.array([start for start, _ in shots])
    shot_of = np.searchsorted(starts, times + 1e-6, side="right")
    place_of = {number: place for place, number in enumerate(numbers)}
    groups = sorted({(track_id, int(shot_of[place_of[index]])) for index, track_id in seen})
    named = {group: name for name, group in enumerate(groups)}
    table = np.array(
        [
            (times[place_of[i]] / frame_s, named[track_id, int(shot_of[place_of[i]])], *row.box)
            for (i, track_id), row in seen.items()
        ]
    ).reshape(-1, 6)
    result = {key: replace(row, track_id=key[1]) for key, row in seen.items()}
    for at, name, *box in filled(table, config, frames=times / frame_s):
        place, track_id = int(np.abs(times / frame_s - at).argmin()), groups[int(name)][0]
        key = (numbers[place], track_id)
        if key not in result:
            result[key] = FaceRow(float(times[place]), numbers[place], track_id, np.array(box, np.float32), None)
    return [result[key] for key in sorted(result)]
