"""The faces through time: JSON (schema facevlm/tracks/1, `tracks.schema.json` beside this file) and MOTChallenge text.

MOTChallenge lines are `frame, id, x, y, width, height, confidence, -1, -1, -1` with frames counted from 1 (Leal-Taixé
et al. 2015, https://arxiv.org/abs/1504.01942, section 3.3).
"""

import json
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from facevlm.description import NO_FACE
from facevlm.exports.atomic_file import replacing
from facevlm.exports.documents import TracksDocument
from facevlm.exports.json_document import all_warnings, read_document, seconds, track_dict, video_dict
from facevlm.exports.temporary_file import refusals_of_the_temporary_folder, temporary_file
from facevlm.tracking.track import TrackSummary
from facevlm.video.clip import DecodeReport, VideoInfo

SCHEMA = "facevlm/tracks/1"
# Where the text of the document waits for frames and products; never within a string: there quotes are escaped.
GAPS = re.compile(r'(?<="frames": \[)(?=\])|(?<="products": \[)(?=\])')


@dataclass(frozen=True, slots=True)
class FaceRow:
    """One face in one frame, as recorded while the video was perceived.

    Attributes:
        time: Seconds from the first displayed frame.
        index: Number of the frame among all decoded ones, from 0.
        track_id: Provisional or final id.
        box: float32 (4,) xyxy, pixels of the frame.
        presence: Probability in [0, 1] that this is a face; None where none was seen and the box was filled in.
        points: float (5, 2) pixels, as `faces.align.five_points`; None where they are not known.
    """

    time: float
    index: int
    track_id: int
    box: np.ndarray
    presence: float | None
    points: np.ndarray | None = None


def final_ids(tracks: Iterable[TrackSummary]) -> dict[int, int]:
    """Provisional id -> final id, for the people who are left in the summaries."""
    return {part: track.track_id for track in tracks for part in (track.track_id, *track.parts)}


def tracks_json(
    video: VideoInfo,
    decoding: DecodeReport,
    *,
    tracks: Sequence[TrackSummary],
    rows: Iterable[FaceRow],
    shots: Sequence[tuple[float, float]] = (),
) -> Iterator[str]:
    """Give the tracks as JSON text, piece by piece, so that memory stays small; the text of the frames waits on disk.

    Args:
        video: Facts of the video.
        decoding: The finished report of the decode.
        tracks: The summaries, in the order wanted.
        rows: Recorded faces with provisional or final ids; those of no summary (too short to be a face) are left out.
        shots: (start, end) seconds of each shot.

    Raises:
        OutputError: The disk of the temporary folder is full.
    """
    document = {
        "schema": SCHEMA,
        "video": video_dict(video, decoding),
        "people": [{**track_dict(track), "frames": []} for track in tracks],
        "chosen": None,
        "shots": [[seconds(t0), seconds(t1)] for t0, t1 in shots],
        "likeness": {
            "track_ids": [track.track_id for track in tracks],
            "vectors": [track.vectors for track in tracks],
            "products": [],
        },
        "warnings": all_warnings(() if tracks else (NO_FACE,), video, decoding, tracks),
    }
    before, *rest = GAPS.split(json.dumps(document, ensure_ascii=False, allow_nan=False))
    with temporary_file() as frames:
        places = _write_frames(frames, rows, final_ids(tracks))
        fillings = [*(_lines(frames, places.get(track.track_id, ())) for track in tracks), _products(tracks)]
        yield before
        for filling, after in zip(fillings, rest, strict=True):
            for number, item in enumerate(filling):
                yield (", " if number else "") + item
            yield after
        yield "\n"


def write_tracks_json(
    video: VideoInfo,
    decoding: DecodeReport,
    path: str | Path,
    *,
    tracks: Sequence[TrackSummary],
    rows: Iterable[FaceRow],
    shots: Sequence[tuple[float, float]] = (),
) -> None:
    """Write the tracks as JSON; arguments as for `tracks_json`.

    Raises:
        OutputError: The file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", errors="replace", newline="") as file:
        file.writelines(tracks_json(video, decoding, tracks=tracks, rows=rows, shots=shots))


def read_tracks(path: str | Path) -> TracksDocument:
    """Read a JSON tracks file and check it against the schema.

    Raises:
        InputError: The file is missing, no JSON, or breaks the schema; the message names the place.
    """
    return read_document(path, TracksDocument)


def mot_lines(tracks: Iterable[TrackSummary], rows: Iterable[FaceRow]) -> Iterator[str]:
    """Give one MOTChallenge line per face, in the order of the rows, without line ends."""
    ids = final_ids(tracks)
    for row in rows:
        if row.track_id in ids:
            x0, y0, x1, y1 = (float(value) for value in row.box)
            box = f"{x0:.2f},{y0:.2f},{x1 - x0:.2f},{y1 - y0:.2f}"
            confidence = "-1" if row.presence is None else f"{row.presence:.4f}"
            yield f"{row.index + 1},{ids[row.track_id]},{box},{confidence},-1,-1,-1"


def write_mot(tracks: Iterable[TrackSummary], path: str | Path, *, rows: Iterable[FaceRow]) -> None:
    """Write the tracks as MOTChallenge text.

    Raises:
        OutputError: The file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="ascii", newline="") as file:
        file.writelines(line + "\n" for line in mot_lines(tracks, rows))


def _write_frames(file: IO[bytes], rows: Iterable[FaceRow], ids: Mapping[int, int]) -> dict[int, "array[int]"]:
    """Write one line of JSON for each row; gives the places of each person's lines, 8 bytes each."""
    places: dict[int, array[int]] = {}
    with refusals_of_the_temporary_folder():
        for row in rows:
            if row.track_id in ids:
                places.setdefault(ids[row.track_id], array("q")).append(file.tell())
                file.write(json.dumps(_frame_dict(row), allow_nan=False).encode("ascii") + b"\n")
        file.flush()
    return places


def _lines(file: IO[bytes], places: Iterable[int]) -> Iterator[str]:
    """Read the lines at these places back, without line ends."""
    for place in places:
        file.seek(place)
        yield file.readline().decode("ascii").rstrip("\n")


def _products(tracks: Sequence[TrackSummary]) -> Iterator[str]:
    """Inner products of the tracks' sums of appearance vectors, row by row: as many numbers as there are pairs."""

    def product(a: np.ndarray | None, b: np.ndarray | None) -> float:
        return 0.0 if a is None or b is None else float(a.astype(np.float64) @ b)

    for one in tracks:
        yield json.dumps([product(one.vector_sum, other.vector_sum) for other in tracks], allow_nan=False)


def _frame_dict(row: FaceRow) -> dict[str, Any]:
    return {
        "index": int(row.index),
        "t": seconds(row.time),
        "box": [round(float(value), 2) for value in row.box],
        "presence": None if row.presence is None else round(float(row.presence), 4),
        "points": None if row.points is None else [[round(float(value), 2) for value in point] for point in row.points],
    }
