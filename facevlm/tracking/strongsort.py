"""StrongSORT, online: boxes of each frame in, tracks with stable ids out.

Du et al. 2023, "StrongSORT: Make DeepSORT Great Again" (https://arxiv.org/abs/2202.13514), written from the paper. Per
frame: camera motion (`camera_motion`), prediction (`kalman`), association (`association`, `gallery`), update, and the
life of tracks: tentative until seen `n_init` times, then confirmed, deleted when unseen for more than `max_age`. The
two offline parts of StrongSORT++ are `aflink` and `interpolation`.

Unlike there, time is in seconds: what the paper counts in frames is counted in frames of nominal length, `frame_s`, and
a cut ends all tracks. With one frame per `frame_s` and no cut, numbers are the paper's.
"""

from dataclasses import dataclass, field

import numpy as np

from facevlm.errors import InputError, UsageError
from facevlm.tracking.association import AssociationConfig, Evidence, Pairs, match, match_overlap
from facevlm.tracking.camera_motion import CameraMotion, CameraMotionConfig, is_believable, moved_means
from facevlm.tracking.detected import DetectedBoxes
from facevlm.tracking.gallery import Gallery, cosine_distances
from facevlm.tracking.kalman import Beliefs, KalmanConfig, KalmanFilter, from_boxes
from facevlm.tracking.overlap import iou

_ROUNDING = 1e-6  # frames: times in seconds are not exact multiples of one


@dataclass(frozen=True)
class StrongSortConfig:
    """All constants of StrongSORT; the defaults are the paper's for people. `FACES` are ours for faces.

    Attributes:
        frame_s: Seconds of a frame of nominal length, the unit of all that is counted in frames.
        min_score: Faces with a lower score are left out.
        ema: Share of the old appearance that stays (EMA); None keeps a gallery of single vectors.
        gallery: Most vectors a track keeps; the paper: 1 with EMA, 100 without.
        n_init: Frames in which a new track must be seen in turn before it is confirmed; a tentative one ends when
            missed.
        max_age: Frames unseen after which a confirmed track ends.
        coast: Frames for which a track that is not seen is still given out, where it is expected.
        camera_motion: Whether camera motion is undone (ECC) when an image or a matrix is given.
        ecc: Settings of its search.
        kalman: Noise of boxes and movement, and the NSA filter.
        association: Weights and limits of matching.
    """

    frame_s: float = 1 / 30
    min_score: float = 0.6
    ema: float | None = 0.9
    gallery: int = 1
    n_init: int = 3
    max_age: float = 30
    coast: int = 1
    camera_motion: bool = True
    ecc: CameraMotionConfig = field(default_factory=CameraMotionConfig)
    kalman: KalmanConfig = field(default_factory=KalmanConfig)
    association: AssociationConfig = field(default_factory=AssociationConfig)


FACES = StrongSortConfig(
    min_score=0.5,
    n_init=1,
    coast=0,
    camera_motion=False,
    ecc=CameraMotionConfig(contradicted=0.5),
    kalman=KalmanConfig(nsa=False),
    association=AssociationConfig(
        max_cost=0.3, max_appearance=0.2, unknown_appearance=0.1, near_overlap=0.3, hint=0.05
    ),
)

DEEPSORT = StrongSortConfig(
    ema=None,
    gallery=100,
    camera_motion=False,
    kalman=KalmanConfig(nsa=False),
    association=AssociationConfig(appearance_weight=1.0, max_cost=0.4, cascade_depth=30),
)


@dataclass(frozen=True)
class TrackedBox:
    """One track in one frame.

    Attributes:
        track_id: Its id, from 1.
        box: float64 (4,) xyxy pixels: the filter's belief.
        detection: Number of its face among those given, None when it was not seen and is only expected here.
    """

    track_id: int
    box: np.ndarray
    detection: int | None


@dataclass(eq=False)
class _Track:
    track_id: int
    belief: Beliefs  # of one
    gallery: Gallery
    last_seen: float  # seconds
    confirmed: bool
    hits: int = 1
    misses: int = 0  # frames since it was seen


class StrongSort:
    """Tracks the faces of one video, frame by frame.

    Args:
        config: All constants.

    Attributes:
        camera: The camera motions found, and what failed.
        ended: Ids of the confirmed tracks that the last `update` ended.

    Raises:
        UsageError: Tracks begin tentative, and nothing could confirm them.
    """

    def __init__(self, config: StrongSortConfig | None = None) -> None:
        self.config = config or StrongSortConfig()
        if self.config.n_init > 1 and self.config.association.max_overlap_cost is None:
            what = "without a second pass no tentative track is ever seen again"
            raise UsageError(what, where="max_overlap_cost", mend="give one, or n_init = 1")
        self.camera = CameraMotion(self.config.ecc)
        self.ended: tuple[int, ...] = ()
        self._kalman = KalmanFilter(self.config.kalman)
        self._tracks: list[_Track] = []
        self._next_id = 1
        self._time: float | None = None
        self._shot = 0
        self._length = 0  # of appearance vectors, 0 until the first come

    def update(
        self,
        detections: DetectedBoxes,
        time: float,
        *,
        shot: int = 0,
        image: np.ndarray | None = None,
        camera_matrix: np.ndarray | None = None,
    ) -> list[TrackedBox]:
        """Take in one frame; call it for frames without faces too.

        Args:
            detections: Its faces.
            time: Seconds, not before that of the last call.
            shot: Number of the shot; when it changes, all tracks end.
            image: uint8 (H, W, 3) RGB, to find the camera's motion in.
            camera_matrix: float (2 or 3, 3) motion from the last frame to this one, used in place of `image`.

        Returns:
            Confirmed tracks, in order of id.

        Raises:
            InputError: Time is not finite or runs backwards, the image is none, or vectors have another length than
                before.
        """
        if not np.isfinite(time):
            raise InputError(f"{time} is no time", where="time", mend="give seconds")
        if self._time is not None and time < self._time:
            raise InputError(f"time runs back from {self._time:.3f} s to {time:.3f} s", mend="feed frames in order")
        length = detections.features.shape[1]
        if length and self._length not in (0, length):
            what = f"vectors of length {length} after those of {self._length}"
            raise InputError(what, where="features", mend="use one embedder throughout")
        frames = 0.0 if self._time is None else (time - self._time) / self.config.frame_s
        ended = self._advance(frames, time, shot, self._camera_matrix(image, camera_matrix, time, shot))
        self._length = self._length or length
        order = _in_order(detections, np.flatnonzero(detections.scores >= self.config.min_score))
        faces = detections[order]
        pairs = self._match(faces)
        seen = {self._tracks[i]: j for i, j in pairs}
        self._see(seen, faces, time)
        alive = []
        for track in self._tracks:
            track.misses = 0 if track in seen else track.misses + 1
            if not track.misses or (track.confirmed and self._unseen(track) <= self.config.max_age + _ROUNDING):
                alive.append(track)
            elif track.confirmed:
                ended.append(track.track_id)
        new = [j for j in range(len(faces)) if faces.may_start[j] and j not in seen.values()]
        born = {self._start(faces, j, time): j for j in new}
        self._tracks, self.ended = [*alive, *born], tuple(sorted(ended))
        numbers = {track: int(order[j]) for track, j in (seen | born).items()}
        given = [t for t in self._tracks if t.confirmed and t.misses <= self.config.coast]
        return [TrackedBox(t.track_id, t.belief.boxes[0], numbers.get(t)) for t in given]

    def expected(self, time: float) -> dict[int, np.ndarray]:
        """Where confirmed tracks not seen in the last frame will be at a time: id -> float64 (4,) xyxy pixels."""
        if self._time is None:
            return {}
        limit = self.config.max_age * self.config.frame_s + _ROUNDING * self.config.frame_s
        lost = [t for t in self._tracks if t.confirmed and t.misses and time - t.last_seen <= limit]
        frames = max(time - self._time, 0.0) / self.config.frame_s
        beliefs = self._kalman.predict(Beliefs.of([t.belief for t in lost]), frames)
        return {t.track_id: box for t, box in zip(lost, beliefs.boxes, strict=True)}

    def surprise(self, track_ids: list[int], boxes: np.ndarray, time: float) -> np.ndarray:
        """Squared Mahalanobis distance of float (N, 4) boxes from where live tracks are expected: float64 (N,).

        Infinite for ids of no live track.
        """
        live = {t.track_id: t for t in self._tracks}
        known = [k for k, i in enumerate(track_ids) if i in live]
        result = np.full(len(track_ids), np.inf)
        if known and self._time is not None:
            frames = max(time - self._time, 0.0) / self.config.frame_s
            beliefs = self._kalman.predict(Beliefs.of([live[track_ids[k]].belief for k in known]), frames)
            result[known] = self._kalman.distances(beliefs, from_boxes(np.asarray(boxes)[known])).diagonal()
        return result

    def _camera_matrix(
        self, image: np.ndarray | None, matrix: np.ndarray | None, time: float, shot: int
    ) -> np.ndarray | None:
        """The camera's motion, if any is known; none across a cut."""
        cut = self._time is not None and shot != self._shot
        if cut:
            self.camera.forget()
        if not self.config.camera_motion:
            return None
        if matrix is None:
            return None if image is None else self.camera.look(image, time)
        return np.asarray(matrix) if not cut and is_believable(matrix, self.config.ecc) else None

    def _advance(self, frames: float, time: float, shot: int, warp: np.ndarray | None) -> list[int]:
        """Move beliefs to this frame; returns the ids of the confirmed tracks that a cut or a gap in the video ends."""
        cut = self._time is not None and shot != self._shot
        self._time, self._shot = time, shot
        limit = self.config.max_age + 1 + _ROUNDING  # the frame in which a track would be too old may still show it
        over = [t for t in self._tracks if cut or self._unseen(t) > limit]
        self._tracks = [t for t in self._tracks if t not in over]
        ended = [t.track_id for t in over if t.confirmed]
        beliefs = Beliefs.of([t.belief for t in self._tracks])
        if warp is not None:
            beliefs = Beliefs(moved_means(beliefs.mean, warp), beliefs.covariance)
        beliefs = self._kalman.predict(beliefs, frames)
        for k, track in enumerate(self._tracks):
            track.belief = beliefs[k : k + 1]
        return ended

    def _match(self, faces: DetectedBoxes) -> Pairs:
        """Both passes: pairs of track and face, row numbers."""
        tracks, config = self._tracks, self.config.association
        if not tracks or not len(faces):
            return []
        beliefs = Beliefs.of([t.belief for t in tracks])
        evidence = Evidence(
            appearance=cosine_distances([t.gallery for t in tracks], faces.features),
            motion=self._kalman.distances(beliefs, from_boxes(faces.boxes)),
            overlap=iou(beliefs.boxes, faces.boxes),
            hinted=np.array([[t.track_id in hints for hints in faces.hints] for t in tracks]),
            unseen=np.array([self._unseen(t) for t in tracks]),
        )
        everyone = np.arange(len(faces))
        first = np.array([i for i, t in enumerate(tracks) if t.confirmed], int)
        pairs = [(int(first[i]), j) for i, j in match(evidence[first, everyone], config)]
        done = {i for i, _ in pairs}
        second = np.array([i for i, t in enumerate(tracks) if i not in done and (not t.confirmed or not t.misses)], int)
        taken = {j for _, j in pairs}
        faces_left = np.array([j for j in range(len(faces)) if j not in taken], int)
        if not len(second) or not len(faces_left):
            return pairs
        found = match_overlap(evidence[second, faces_left], config)
        return pairs + [(int(second[i]), int(faces_left[j])) for i, j in found]

    def _see(self, seen: dict[_Track, int], faces: DetectedBoxes, time: float) -> None:
        """Update the tracks that were seen."""
        if not seen:
            return
        rows = np.array(list(seen.values()))
        beliefs = Beliefs.of([track.belief for track in seen])
        beliefs = self._kalman.update(beliefs, from_boxes(faces.boxes[rows]), faces.scores[rows])
        for k, (track, j) in enumerate(seen.items()):
            track.belief, track.last_seen, track.hits = beliefs[k : k + 1], time, track.hits + 1
            track.confirmed = track.confirmed or track.hits >= self.config.n_init
            track.gallery.add(faces.features[j])

    def _start(self, faces: DetectedBoxes, j: int, time: float) -> _Track:
        belief = self._kalman.first(from_boxes(faces.boxes[j : j + 1]))
        gallery = Gallery(budget=self.config.gallery, memory=self.config.ema)
        gallery.add(faces.features[j])
        track = _Track(self._next_id, belief, gallery, time, confirmed=self.config.n_init <= 1)
        self._next_id += 1
        return track

    def _unseen(self, track: _Track) -> float:
        """Frames of nominal length since a track was seen."""
        return ((self._time or 0.0) - track.last_seen) / self.config.frame_s


def _in_order(detections: DetectedBoxes, numbers: np.ndarray) -> np.ndarray:
    """The numbers sorted by box, large ones first, so that ids do not depend on the order in which faces are given."""
    boxes = detections.boxes[numbers]
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return numbers[np.lexsort((*boxes.T[::-1], -area))]
