"""From the faces of each frame to people: stable ids while a shot lasts, one summary per person at the end.

The tracks are StrongSORT's (`strongsort`), made for faces whose mesh is carried from frame to frame. The loop around
it, per frame: fit the mesh where each live track was; where `predictions` expects one that is lost; on schedule, where
a detector finds one; give all of them to `update`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from facevlm.errors import InputError, UsageError
from facevlm.tracking.detected import DetectedBoxes
from facevlm.tracking.duplicates import Candidate, DuplicatesConfig, without_duplicates
from facevlm.tracking.main_character import choose_main
from facevlm.tracking.overlap import iou
from facevlm.tracking.relink import RelinkConfig, link_score, relink
from facevlm.tracking.strongsort import FACES, StrongSort, StrongSortConfig
from facevlm.tracking.track import FaceObservation, TrackedFace, TrackSummary
from facevlm.tracking.tracklet import Totals, Tracklet

CERTAIN_LOOKS, CERTAIN_SCORE = 3, 0.85  # looks of detectors, and their mean score, after which a face is beyond doubt
# Fields of `TrackerConfig` that say who is a person, and who came back.
AFTER_THE_LAST_FRAME = (
    *("min_frames", "min_duration_s", "min_mean_presence", "min_score", "min_seen", "sure_score"),
    "relink",
)


@dataclass(frozen=True)
class TrackerConfig:
    """When a face is one, and for how long it is remembered.

    Attributes:
        min_presence: Meshes below are no face in this frame.
        birth_presence: Presence from which an unknown face starts a track,
        birth_score: ... and detector score, where there is one and the face does not look like one for sure.
        min_frames: Tracks with fewer frames are no person,
        min_duration_s: ... nor those shorter than this from first to last sight (or than half the video, if that is
            less),
        min_mean_presence: ... nor those with a lower mean presence,
        min_score: ... nor those with a lower mean detector score,
        min_seen: ... nor those seen in a smaller share of their time, unless one of the next two leaves no doubt. A
            video of fewer than `min_frames` frames takes what there is.
        sure_score: Mean detector score, or ...
        sure_likeness: ... mean correlation with an average face, from which there is no doubt that it is one.
        doubted_s: Seconds that any other must last, and for which every new face is looked at closely. Things taken for
            faces: scores of .2-.65, likeness below .26, seen now and then; faces in profile scores of .65-.8 and no
            likeness; frontal ones a likeness of .4-.7 however small.
        appearance_every_s: Seconds after which `wants_appearance` asks for a new vector of an undisturbed face.
        occluded: Occlusion from which an appearance vector is ignored.
        duplicates: When two meshes are on one face.
        strongsort: All constants of the tracks themselves; its `min_score` is `min_presence` here.
        relink: When two tracks are one person who came back.
    """

    min_presence: float = 0.5
    birth_presence: float = 0.8
    birth_score: float = 0.6
    min_frames: int = 5
    min_duration_s: float = 0.25
    min_mean_presence: float = 0.7
    min_score: float = 0.63
    min_seen: float = 0.5
    sure_score: float = 0.75
    sure_likeness: float = 0.35
    doubted_s: float = 1.0
    appearance_every_s: float = 0.2
    occluded: float = 0.3
    duplicates: DuplicatesConfig = field(default_factory=DuplicatesConfig)
    strongsort: StrongSortConfig = FACES
    relink: RelinkConfig = field(default_factory=RelinkConfig)

    def while_running(self) -> dict[str, Any]:
        """The fields that decide ids and where is looked; the others are asked only after the last frame."""
        return {name: value for name, value in asdict(self).items() if name not in AFTER_THE_LAST_FRAME}


class Tracker:
    """Gives every face of a video an id.

    Args:
        frame_size: (width, height) of the frames in pixels.
        config: Thresholds.

    Attributes:
        sort: The tracker of boxes within.

    Raises:
        UsageError: The frame size is not positive.
        MissingExtraError: AFLink is to have weights, and torch is not installed.
        WeightsError: They cannot be used.
    """

    def __init__(self, frame_size: tuple[int, int], config: TrackerConfig | None = None) -> None:
        if min(frame_size) <= 0:
            raise UsageError(f"frame size {frame_size} is empty", mend="give (width, height) in pixels")
        self._size = frame_size
        self.config = config or TrackerConfig()
        self._link_score = link_score(self.config.relink)  # tells unusable weights before the first frame
        self.sort = StrongSort(replace(self.config.strongsort, min_score=self.config.min_presence))
        self._live: dict[int, Tracklet] = {}
        self._closed: dict[int, Totals] = {}
        self._frames = 0
        self._first_time = self._time = 0.0

    def update(
        self, time: float, shot: int, observations: Sequence[FaceObservation], *, image: np.ndarray | None = None
    ) -> list[TrackedFace]:
        """Take in the faces of one processed frame; call it for frames without faces too.

        Args:
            time: Seconds from the first displayed frame, not before that of the last call.
            shot: Number of the shot; when it changes, all live tracks end.
            observations: Faces seen, in any order.
            image: uint8 (H, W, 3) RGB, for camera motion where that is switched on.

        Returns:
            The faces of the frame with their ids (each at most once), in order of id; duplicates and doubtful ones
            left out.

        Raises:
            InputError: Time runs backwards, or a box is not finite.
        """
        seen = [self._trusted(o) for o in observations if self._is_face(o)]
        faces = without_duplicates(seen, self.config.duplicates)
        boxes = self.sort.update(self._detected(faces), time, shot=shot, image=image)
        self._first_time = self._first_time if self._frames else time
        self._time, self._frames = time, self._frames + 1
        for track_id in self.sort.ended:
            self._close(track_id)
        tracked = []
        for box in boxes:
            if box.detection is not None:
                face = faces[box.detection].face
                track = self._live.setdefault(box.track_id, Tracklet(time, self._frames, shot))
                track.see(time, self._frames, face, area_share=self._area_share(face.box))
                tracked.append(_tracked(box.track_id, face))
        return tracked

    def predictions(self, time: float) -> dict[int, np.ndarray]:
        """Where lost faces are expected, to try the mesh there: id -> float64 (4,) xyxy pixels.

        Only tracks not seen in the last frame but alive at `time`, whose expected centre lies in the frame. Give the
        mesh's `FaceObservation` `carried_from=None`: a face found there must also look and move like the lost one.
        """
        size = np.array(self._size)
        boxes = self.sort.expected(time).items()
        return {i: box for i, box in boxes if ((box[:2] + box[2:] >= 0) & ((box[:2] + box[2:]) / 2 < size)).all()}

    def doubts(self, time: float) -> bool:
        """Whether a live track is so new that detectors should look again soon, at the time of the next frame.

        Not one that they were sure of `CERTAIN_LOOKS` times.
        """
        new = (track.totals for track in self._live.values() if time - track.first_time < self.config.doubted_s)
        return any(totals.looks < CERTAIN_LOOKS or totals.mean_score < CERTAIN_SCORE for totals in new)

    def wants_appearance(self, time: float, observations: Sequence[FaceObservation]) -> list[bool]:
        """For which faces of this frame an appearance vector is worth its time, to be asked before `update`.

        Those that are new, those whose track has had none for `appearance_every_s`, and those near another face or not
        where their track was expected, for there ids could be mistaken.
        """
        if not observations:
            return []
        boxes = np.stack([np.asarray(o.box, np.float64) for o in observations])
        crowded = ((iou(boxes, boxes) > 0).sum(1) > 1).tolist()
        ids = [-1 if o.carried_from is None else o.carried_from for o in observations]
        surprise = self.sort.surprise(ids, boxes, time)
        wanted = []
        for near, track_id, distance in zip(crowded, ids, surprise, strict=True):
            track = self._live.get(track_id)
            due = track is None or time - track.appearance_time >= self.config.appearance_every_s - 1e-6
            wanted.append(bool(near or due or distance > self.config.strongsort.association.gate))
        return wanted

    def finish(self) -> list[TrackSummary]:
        """One summary per person, main characters first, then by area.

        Tracks too short to be a person are left out, tracks of one person are joined under the smallest of their ids
        (`TrackSummary.parts`), and the main characters are chosen.
        """
        for track_id in list(self._live):
            self._close(track_id)
        tracks = {i: t for i, t in self._closed.items() if self._is_person(t)}
        frame_s = self.config.strongsort.frame_s
        people = relink(tracks, self.config.relink, frame_s=frame_s, score=self._link_score)
        areas = [person.totals.area / max(self._frames, 1) for person in people.values()]
        choices = choose_main(areas, [person.totals.similarity for person in people.values()])
        summaries = [
            TrackSummary(
                track_id=min(parts),
                parts=parts,
                spans=tuple(person.totals.spans),
                frames=person.totals.frames,
                area_share=choice.selection.area,
                similarity=person.totals.similarity,
                main=choice.main,
                reason=choice.reason,
                first_box=person.totals.first_box,
                joins=person.joins,
                selection=choice.selection,
                vectors=person.totals.vectors,
                vector_sum=person.totals.vector_sum,
            )
            for (parts, person), choice in zip(people.items(), choices, strict=True)
        ]
        return sorted(summaries, key=lambda s: (not s.main, -s.area_share, s.track_id))

    def _detected(self, faces: Sequence[Candidate]) -> DetectedBoxes:
        """The faces as boxes, how sure, their appearance and hints."""
        vectors = [f.face.appearance for f in faces if f.face.appearance is not None]
        features = np.full((len(faces), len(vectors[0]) if vectors else 0), np.nan)
        for row, candidate in zip(features, faces, strict=True):
            if candidate.face.appearance is not None:
                row[:] = candidate.face.appearance
        return DetectedBoxes.of(
            np.array([f.face.box for f in faces]).reshape(-1, 4),
            np.array([f.face.presence for f in faces]),
            features=features,
            may_start=np.array([self._may_start(f.face) for f in faces], bool),
            hints=[f.hints for f in faces],
        )

    def _is_face(self, face: FaceObservation) -> bool:
        box = np.asarray(face.box, np.float64)
        if not np.isfinite(box).all():
            raise InputError(f"the box of a face is not finite: {box.tolist()}", mend="drop such meshes first")
        return bool(face.presence >= self.config.min_presence and (box[2:] > box[:2]).all())

    def _trusted(self, face: FaceObservation) -> FaceObservation:
        """The face without its appearance vector if that shows what hides it."""
        hidden = face.occlusion is not None and face.occlusion >= self.config.occluded
        return replace(face, appearance=None) if hidden else face

    def _may_start(self, face: FaceObservation) -> bool:
        alike = face.likeness is not None and face.likeness >= self.config.sure_likeness
        sure = alike or face.detector_score is None or face.detector_score >= self.config.birth_score
        return sure and face.presence >= self.config.birth_presence

    def _area_share(self, box: np.ndarray) -> float:
        """Area of the part of the box inside the frame / area of the frame."""
        size = np.array(self._size, np.float64)
        low, high = np.clip(box[:2], 0, size), np.clip(box[2:], 0, size)
        return float((high - low).prod() / size.prod())

    def _close(self, track_id: int) -> None:
        """End a track; one that can be no person whatever follows is forgotten."""
        totals = self._live.pop(track_id).close()
        settled = self._frames >= self.config.min_frames and self._lasted >= 2 * self.config.doubted_s
        if not settled or self._is_person(totals):
            self._closed[track_id] = totals

    @property
    def _lasted(self) -> float:
        """Seconds from the first to the last processed frame."""
        return self._time - self._first_time

    def _is_person(self, totals: Totals) -> bool:
        c = self.config
        if self._frames < c.min_frames:
            return True
        start, end = totals.spans[0]
        judged = totals.looks and totals.likenesses  # who gives no likeness, as a plain detector, is believed
        sure = not judged or totals.mean_score >= c.sure_score or totals.mean_likeness >= c.sure_likeness
        seen = totals.frames / max(totals.passed, 1)
        return (
            totals.frames >= c.min_frames
            and totals.mean_presence >= c.min_mean_presence
            and end - start >= min(c.min_duration_s if sure else c.doubted_s, self._lasted / 2) - 1e-6
            and (sure or (totals.mean_score >= c.min_score and seen >= c.min_seen))
        )


def _tracked(track_id: int, face: FaceObservation) -> TrackedFace:
    return TrackedFace(
        track_id=track_id,
        box=np.asarray(face.box, np.float32),
        landmarks=np.asarray(face.landmarks, np.float32),
        presence=float(face.presence),
        occlusion=face.occlusion,
        hidden=face.hidden,
        touched=face.touched,
        appearance=None if face.appearance is None else np.asarray(face.appearance, np.float32),
    )
