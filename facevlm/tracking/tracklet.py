"""One track: what is believed of it now, and running totals of all it was, whose size does not grow with the video."""

import math
from dataclasses import dataclass, field

import numpy as np

from facevlm.tracking.kalman import Motion
from facevlm.tracking.track import FaceObservation


@dataclass
class Totals:
    """Running sums over the frames of one person; those of two tracks add up.

    Attributes:
        frames: Frames seen.
        presence: Sum of presences.
        area: Sum of box area / frame area, boxes cut at the frame's edge.
        vectors: Number of appearance vectors.
        vector_sum: float64 (D,) their sum, None before the first.
        spans: (start, end) seconds, each within one shot.
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
        """float64 (D,) unit norm, None where no vector was given."""
        if self.vector_sum is None:
            return None
        return self.vector_sum / max(float(np.linalg.norm(self.vector_sum)), 1e-12)

    def overlaps(self, other: "Totals") -> bool:
        """Whether both were in the picture at one time (between the first and last sight within a shot)."""
        return any(a0 <= b1 and b0 <= a1 for a0, a1 in self.spans for b0, b1 in other.spans)

    def joined(self, other: "Totals") -> "Totals":
        """The totals of both as one person."""
        sums = [t.vector_sum for t in (self, other) if t.vector_sum is not None]
        earlier = min((self, other), key=lambda t: t.spans[0])
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
            vector_sum=np.sum(sums, axis=0) if sums else None,
            spans=sorted(self.spans + other.spans),
            first_box=earlier.first_box,
        )


class Tracklet:
    """A track that is still alive.

    Args:
        track_id: Its id.
        time: Seconds of its first sight.
        frame: Number of that frame among the processed ones.
        motion: Belief after the first sight.
    """

    def __init__(self, track_id: int, time: float, frame: int, motion: Motion) -> None:
        self.track_id, self.first_frame = track_id, frame
        self.motion = motion  # at `motion_time`
        self.first_time = self.last_seen = self.motion_time = time
        self.appearance: np.ndarray | None = None  # exponential moving average, unit norm
        self.appearance_time = -math.inf
        self.totals = Totals()

    def see(
        self, time: float, frame: int, face: FaceObservation, motion: Motion, *, area_share: float, memory: float
    ) -> None:
        """Take in one sight.

        Args:
            time: Seconds of the frame.
            frame: Its number among the processed ones.
            face: What was seen.
            motion: Belief after it.
            area_share: Area of the box / area of the frame.
            memory: Share of the old appearance that stays (StrongSORT's EMA, 0.9).
        """
        self.motion, self.motion_time, self.last_seen = motion, time, time
        if not self.totals.frames:
            self.totals.first_box = np.asarray(face.box, np.float32)
        self.totals.frames += 1
        self.totals.passed = frame - self.first_frame + 1
        self.totals.presence += float(face.presence)
        self.totals.area += area_share
        if face.detector_score is not None:
            self.totals.looks += 1
            self.totals.score += face.detector_score
        if face.likeness is not None:
            self.totals.likenesses += 1
            self.totals.likeness += face.likeness
        if face.appearance is None:
            return
        new = np.asarray(face.appearance, np.float64)
        self.totals.add_vector(new)
        self.appearance_time = time
        mixed = new if self.appearance is None else memory * self.appearance + (1 - memory) * new
        self.appearance = mixed / max(float(np.linalg.norm(mixed)), 1e-12)

    def close(self) -> Totals:
        """The totals with the span from first to last sight."""
        self.totals.spans = [(self.first_time, self.last_seen)]
        return self.totals
