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
    """

    frames: int = 0
    presence: float = 0.0
    area: float = 0.0
    vectors: int = 0
    vector_sum: np.ndarray | None = None
    spans: list[tuple[float, float]] = field(default_factory=list)
    first_box: np.ndarray = field(default_factory=lambda: np.zeros(4, np.float32))

    def add_vector(self, vector: np.ndarray) -> None:
        """Count one appearance vector, float (D,) unit norm."""
        self.vectors += 1
        self.vector_sum = np.asarray(vector, np.float64) + (0 if self.vector_sum is None else self.vector_sum)

    @property
    def mean_presence(self) -> float:
        """Mean presence in [0, 1] over the frames seen."""
        return self.presence / max(self.frames, 1)

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
            presence=self.presence + other.presence,
            area=self.area + other.area,
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
        motion: Belief after the first sight.
    """

    def __init__(self, track_id: int, time: float, motion: Motion) -> None:
        self.track_id = track_id
        self.motion = motion  # at `motion_time`
        self.first_time = self.last_seen = self.motion_time = time
        self.appearance: np.ndarray | None = None  # exponential moving average, unit norm
        self.appearance_time = -math.inf
        self.totals = Totals()

    def see(self, time: float, face: FaceObservation, motion: Motion, *, area_share: float, memory: float) -> None:
        """Take in one sight.

        Args:
            time: Seconds of the frame.
            face: What was seen.
            motion: Belief after it.
            area_share: Area of the box / area of the frame.
            memory: Share of the old appearance that stays (StrongSORT's EMA, 0.9).
        """
        self.motion, self.motion_time, self.last_seen = motion, time, time
        if not self.totals.frames:
            self.totals.first_box = np.asarray(face.box, np.float32)
        self.totals.frames += 1
        self.totals.presence += float(face.presence)
        self.totals.area += area_share
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
