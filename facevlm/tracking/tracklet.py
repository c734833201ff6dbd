"""One track: running totals of all it was, whose size does not grow with the video, and when it was last seen."""

import math
from dataclasses import dataclass, field

import numpy as np

from facevlm.tracking.aflink import WINDOW, TrackEnds
from facevlm.tracking.track import FaceObservation


@dataclass
class Totals:
    """Running sums over the frames of one person; those of two tracks add up.

    Attributes:
        frames: Frames seen.
        presence: Sum of presences.
        area: Sum of box area / frame area, boxes cut at the frame's edge.
        vectors: Number of appearance vectors.
        vector_sum: float (D,) their sum, None before the first.
        spans: (start, end) seconds, each within one shot.
        shots: Number of the shot of each span.
        first_rows: time (seconds), x, y, width, height (pixels) of its first boxes, at most `aflink.WINDOW`.
        last_rows: The same of its last boxes.
        first_box: float32 (4,) xyxy pixels where it was first seen.
        passed: Frames from the first to the last sight.
        looks: Frames in which a detector looked.
        score: Sum of the detector's scores in them, 0 where it found nothing.
        likenesses: Frames in which the likeness to an average face was computed.
        likeness: Sum of it.
    """

    frames: int = 0
    presence: float = 0.0
    area: float = 0.0
    vectors: int = 0
    vector_sum: np.ndarray | None = None
    spans: list[tuple[float, float]] = field(default_factory=list)
    shots: list[int] = field(default_factory=list)
    first_rows: list[tuple[float, ...]] | np.ndarray = field(default_factory=list)
    last_rows: list[tuple[float, ...]] | np.ndarray = field(default_factory=list)
    first_box: np.ndarray = field(default_factory=lambda: np.zeros(4, np.float32))
    passed: int = 0
    looks: int = 0
    score: float = 0.0
    likenesses: int = 0
    likeness: float = 0.0

    def add_vector(self, vector: np.ndarray) -> None:
        """Count one appearance vector, float (D,) unit norm."""
        self.vectors += 1
        self.vector_sum = np.asarray(vector, np.float64) + (0 if self.vector_sum is None else self.vector_sum)

    def add_box(self, time: float, box: np.ndarray) -> None:
        """Remember where it was, float (4,) xyxy pixels, for as long as its ends are asked for."""
        x0, y0, x1, y1 = (float(v) for v in box)
        row = (time, x0, y0, x1 - x0, y1 - y0)
        if len(self.first_rows) < WINDOW:
            self.first_rows = [*self.first_rows, row]
        self.last_rows = [*self.last_rows[1 - WINDOW :], row]

    def ends(self, frame_s: float) -> TrackEnds:
        """How it begins and ends, times in frames of `frame_s` seconds."""
        unit = np.array([frame_s, 1, 1, 1, 1])
        return TrackEnds(np.array(self.first_rows) / unit, np.array(self.last_rows) / unit)

    @property
    def mean_presence(self) -> float:
        """Mean presence in [0, 1] over the frames seen."""
        return self.presence / max(self.frames, 1)

    @property
    def mean_score(self) -> float:
        """Mean score of the detector in [0, 1], NaN where none looked."""
        return self.score / self.looks if self.looks else math.nan

    @property
    def mean_likeness(self) -> float:
        """Mean correlation with an average face in [-1, 1], NaN where none was computed."""
        return self.likeness / self.likenesses if self.likenesses else math.nan

    @property
    def similarity(self) -> float:
        """Mean cosine similarity of all pairs of vectors, NaN with fewer than two.

        For n unit vectors the ordered pairs' sum is |sum f|^2 - n, so no vector need be kept.
        """
        n = self.vectors
        if n < 2 or self.vector_sum is None:
            return math.nan
        return float(np.clip((self.vector_sum @ self.vector_sum - n) / (n * (n - 1)), -1.0, 1.0))

    @property
    def mean_vector(self) -> np.ndarray | None:
        """float (D,) unit norm, None where no vector was given."""
        if self.vector_sum is None:
            return None
        return self.vector_sum / max(float(np.linalg.norm(self.vector_sum)), 1e-12)

    def joined(self, other: "Totals") -> "Totals":
        """The totals of both as one person."""
        sums = [t.vector_sum for t in (self, other) if t.vector_sum is not None]
        earlier = min((self, other), key=lambda t: t.spans[0])
        later = max((self, other), key=lambda t: t.spans[-1])
        seen = sorted(zip(self.spans + other.spans, self.shots + other.shots, strict=True))
        return Totals(
            frames=self.frames + other.frames,
            passed=self.passed + other.passed,
            presence=self.presence + other.presence,
            area=self.area + other.area,
            looks=self.looks + other.looks,
            score=self.score + other.score,
            likenesses=self.likenesses + other.likenesses,
            likeness=self.likeness + other.likeness,
            vectors=self.vectors + other.vectors,
            vector_sum=np.asarray(np.sum(sums, axis=0, dtype=np.float64)) if sums else None,
            spans=[span for span, _ in seen],
            shots=[shot for _, shot in seen],
            first_rows=earlier.first_rows,
            last_rows=later.last_rows,
            first_box=earlier.first_box,
        )


class Tracklet:
    """A track that is still alive.

    Args:
        time: Seconds of its first sight.
        frame: Number of that frame among the processed ones.
        shot: Number of its shot.
    """

    def __init__(self, time: float, frame: int, shot: int) -> None:
        self.first_time = self.last_seen = time
        self.first_frame = frame
        self.appearance_time = -math.inf
        self.totals = Totals(shots=[shot])

    def see(self, time: float, frame: int, face: FaceObservation, *, area_share: float) -> None:
        """Take in one sight.

        Args:
            time: Seconds of the frame.
            frame: Number of the frame among the processed ones.
            face: What was seen.
            area_share: Area of the box / area of the frame.
        """
        self.last_seen = time
        if not self.totals.frames:
            self.totals.first_box = np.asarray(face.box, np.float32)
        self.totals.frames += 1
        self.totals.passed = frame - self.first_frame + 1
        self.totals.presence += float(face.presence)
        self.totals.area += area_share
        self.totals.add_box(time, face.box)
        if face.detector_score is not None:
            self.totals.looks += 1
            self.totals.score += face.detector_score
        if face.likeness is not None:
            self.totals.likenesses += 1
            self.totals.likeness += face.likeness
        if face.appearance is not None:
            self.totals.add_vector(face.appearance)
            self.appearance_time = time

    def close(self) -> Totals:
        """The totals with the span from first to last sight, packed: a long video leaves thousands."""
        totals = self.totals
        totals.spans = [(self.first_time, self.last_seen)]
        totals.first_rows, totals.last_rows = np.array(totals.first_rows), np.array(totals.last_rows)
        if totals.vector_sum is not None:
            totals.vector_sum = totals.vector_sum.astype(np.float32)
        return totals
