"""What travels into and out of tracking: faces seen in a frame, the same with ids, at the end a summary per person."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class FaceObservation:
    """One face that the mesh sees in one frame, before it is known who it is.

    Attributes:
        box: float (4,) xyxy, pixels of the frame; the bounding box of the mesh.
        landmarks: float (L, 3) pixels of the frame, as `FaceMesh.landmarks`.
        presence: Probability in [0, 1] that this is a face.
        detector_score: Best score in [0, 1] of a detection centred in the box, 0 where a detector looked and found
            none; None where none looked.
        appearance: float (D,) appearance vector with unit norm, or None where it was not computed in this frame.
        carried_from: Id of the track whose previous landmarks (or predicted box) the mesh was fitted to, or None.
        occlusion: As in `TrackedFace`.
        hidden: As in `TrackedFace`.
        touched: As in `TrackedFace`.
        likeness: Correlation in [-1, 1] of its look with an average face (`occlusion.likeness`); None where it was not
            computed in this frame.
    """

    box: np.ndarray
    landmarks: np.ndarray
    presence: float
    detector_score: float | None = None
    appearance: np.ndarray | None = None
    carried_from: int | None = None
    occlusion: float | None = None
    hidden: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    likeness: float | None = None


@dataclass(frozen=True)
class TrackedFace:
    """One face in one frame.

    Attributes:
        track_id: Id of the person, from 1, stable through the video. Provisional until the video has ended: a track too
            short to be a face is left out of the summaries, and a re-linked one changes its id (`TrackSummary.parts`).
        box: float32 (4,) xyxy, pixels of the frame; the bounding box of the mesh.
        landmarks: float32 (478, 3) pixels of the frame, as `FaceMesh.landmarks`; the five key points (eyes, nose tip,
            corners of the mouth) are `faces.align.five_points` of them.
        presence: Probability in [0, 1] that this is a face.
        occlusion: Share in [0, 1] of the face that something seems to hide; None where it was not measured.
        hidden: Named parts ("brows", "eyes", "mouth") whose landmarks are not to be trusted in this frame.
        touched: Those of which at least something seems hidden.
        appearance: float32 (D,) appearance vector with unit norm, or None where it was not computed in this frame.
    """

    track_id: int
    box: np.ndarray
    landmarks: np.ndarray
    presence: float
    occlusion: float | None = None
    hidden: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    appearance: np.ndarray | None = None


@dataclass(frozen=True)
class Moment:
    """All faces of one processed frame.

    Attributes:
        index: Number of the frame among all decoded ones.
        time: Seconds from the first displayed frame.
        shot: Number of the shot, from 0.
        image: uint8 (H, W, 3) RGB.
        faces: Faces seen, in order of track id.
    """

    index: int
    time: float
    shot: int
    image: np.ndarray
    faces: tuple[TrackedFace, ...]


@dataclass(frozen=True)
class Join:
    """Two tracks that were found to be one person, and how.

    Attributes:
        former: Provisional id of the track seen earlier.
        latter: Provisional id of the one seen later.
        how: "aflink" (how both move, judged by the network), "geometry" (the same without weights), "appearance" (how
            alike they look) or "user".
        score: Probability in [0, 1] by movement, or cosine similarity in [-1, 1] by appearance; None for "user".
        across_cut: Whether a cut lies between.
    """

    former: int
    latter: int
    how: str
    score: float | None
    across_cut: bool

    def __str__(self) -> str:
        """One sentence without a full stop."""
        way = {"aflink": "by its movement (AFLink)", "geometry": "by its movement", "user": "by the user"}
        where = "across a cut " if self.across_cut else ""
        how = way.get(self.how, f"by {self.how}")
        return f"{self.latter} joined to {self.former} {where}{how}" + (f" {self.score:.2f}" if self.score else "")


@dataclass(frozen=True)
class Selection:
    """What FaceTrack-MM's rule made of one track.

    Attributes:
        area: Area feature, in [0, 1] (`TrackSummary.area_share`), NaN where unknown.
        similarity: Mean pairwise cosine similarity, NaN where unknown.
        area_z: Area in standard deviations from the mean of all tracks of known area, NaN where unknown.
        similarity_z: The same of the similarity; 0 where that is unknown, NaN for a track left out of the comparison.
        cluster: What K-means says, whomever the user chose: "main" or "background"; "" where the features part nobody
            (one track, or all alike) or the area is unknown.
        cluster_merit: Sum of the mean z-scores of its cluster, NaN without clusters.
        rank: Place among all tracks in the order of `Tracker.finish`, from 1: main ones first, then by area.
    """

    area: float
    similarity: float
    area_z: float
    similarity_z: float
    cluster: str
    cluster_merit: float
    rank: int


@dataclass(frozen=True)
class TrackSummary:
    """One person after the whole video was seen.

    Attributes:
        track_id: Final id.
        parts: Provisional ids that were joined into this person (itself among them).
        spans: (start, end) seconds per shot in which the person was seen.
        frames: Number of frames with the person.
        area_share: Mean over the processed frames of face area / frame area (FaceTrack-MM's area term).
        similarity: Mean pairwise cosine similarity of the appearance vectors in the track, NaN with fewer than two.
        main: Whether FaceTrack-MM's rule makes this a main character.
        reason: One sentence that explains the choice.
        first_box: float32 (4,) xyxy box where the person was first seen.
        joins: How the parts were joined, in order of time.
        selection: The features behind the choice; None where they were not looked at (the user chose).
        vectors: Number of appearance vectors.
        vector_sum: float (D,) their sum, None without any; never written to a file.
    """

    track_id: int
    parts: tuple[int, ...]
    spans: tuple[tuple[float, float], ...]
    frames: int
    area_share: float
    similarity: float
    main: bool
    reason: str
    first_box: np.ndarray = field(default_factory=lambda: np.zeros(4, np.float32))
    joins: tuple[Join, ...] = ()
    selection: Selection | None = None
    vectors: int = 0
    vector_sum: np.ndarray | None = field(default=None, repr=False, compare=False)
