"""Story 1: video → every face through time.

Per frame: the mesh is fitted where each known face was; where a lost one is expected; and, on schedule, when a face
looks lost or when a new shot begins, wherever a detector finds one. The tracker turns all of them into people with
stable ids. Nothing is kept but the last landmarks of live tracks, so memory does not grow with the length of the video.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from facevlm.errors import InputError, UsageError, VideoError
from facevlm.faces.align import aligned_crop
from facevlm.faces.detect import Detector, find_detector
from facevlm.faces.embed import Embedder, find_embedder
from facevlm.faces.faces import Detections
from facevlm.faces.mesh import MESHES, MeshFitter, Roi
from facevlm.faces.occlusion import Occlusion, OcclusionCue, likeness
from facevlm.tracking.model_frames import BoxLog, Chooser, ModelFrame, frames_for_model
from facevlm.tracking.saved_faces import SavedFaces
from facevlm.tracking.saved_key import key_of, sha256_of
from facevlm.tracking.track import FaceObservation, Moment, TrackedFace, TrackSummary
from facevlm.tracking.tracker import Tracker, TrackerConfig
from facevlm.video.clip import DecodeReport, Frame, VideoInfo
from facevlm.video.decode import Video
from facevlm.video.prefetch import prefetched
from facevlm.video.sampling import Sampler, parse_rate
from facevlm.video.shots import marked

GLANCE_AFTER_S = 1.0  # seconds without a face after which the detector looks with less effort
GAP_S, GAP_RATIO = 0.5, 3.0
DOUBT_EVERY_S = 0.1  # seconds between looks that tell whether what is new is a face


@dataclass(frozen=True)
class PerceptionConfig:
    """How faces are looked for.

    Attributes:
        detector: "whole" (frame as it is), "small" (tiles too, for wide shots; several times slower), or an ONNX file
            of your own: "scrfd:PATH" or "yunet:PATH".
        embedder: What tells people apart: "descriptor" (colour and shading, recognises nobody), or "onnx:PATH", a face
            embedder of your own, which identifies people. The limits of likeness in `tracker` are the descriptor's.
        detect_every_s: Seconds between looks for new faces while known ones are held.
        detect_every_empty_s: Seconds between looks while no face is known.
        min_detection: Detector score from which the mesh is tried.
        max_faces: Most faces followed at once.
        occlusion: Whether to look for hands and objects over faces.
        tracker: Thresholds of tracking.
    """

    detector: str = "whole"
    embedder: str = "descriptor"
    detect_every_s: float = 0.5
    detect_every_empty_s: float = 0.1
    min_detection: float = 0.5
    max_faces: int = 16
    occlusion: bool = True
    tracker: TrackerConfig = field(default_factory=TrackerConfig)


def perceive(
    clip: str | Path,
    *,
    fps: str | float | Fraction = "native",
    start: float | None = None,
    end: float | None = None,
    config: PerceptionConfig | None = None,
    saved: str | Path | None = None,
) -> "Perception":
    """Find and follow every face of a video.

    Args:
        clip: Path of the video.
        fps: "native" (at most 30 per second), or frames per second such as 16 or "16"; sampled by presentation time.
        start: Seconds from the first displayed frame, None for the beginning.
        end: Seconds, None for the end.
        config: How faces are looked for.
        saved: Folder in which what is seen is kept, appearance vectors too, and from which what is there is taken: a
            run that was killed goes on after the last finished shot, a second one asks no network. None: keep nothing.

    Returns:
        An iterable of `Moment`, one per processed frame; iterate it once.

    Raises:
        VideoError: The file is no video.
        UsageError: An argument is wrong.
        WeightsError: Weights are missing and cannot be fetched, or the file of an embedder is none.
        MissingExtraError: An ONNX file is given and onnxruntime is not installed.
        OutputError: Nothing can be kept in the folder.
    """
    return Perception(clip, fps=fps, start=start, end=end, config=config or PerceptionConfig(), saved=saved)


class Perception:
    """Moments of a video, in order of time; see `perceive`.

    Attributes:
        video: Facts of the file.
        shots: (start, end) seconds of each shot so far, complete after the last moment.
    """

    def __init__(
        self,
        clip: str | Path,
        *,
        fps: str | float | Fraction,
        start: float | None,
        end: float | None,
        config: PerceptionConfig,
        saved: str | Path | None = None,
    ) -> None:
        find_detector(config.detector)  # tells an unknown one before the work starts
        self._embedder = find_embedder(config.embedder)()
        for name, time in (("start", start), ("end", end)):
            if time is not None and not (isinstance(time, int | float) and math.isfinite(time) and time >= 0):
                raise UsageError(f"{time!r} is no time", where=name, mend="give seconds from the start, 0 or more")
        if start is not None and end is not None and end <= start:
            raise UsageError(f"the end {end:g} s is not after the start {start:g} s", mend="give --start < --end")
        self._rate, self._start, self._end, self._config = parse_rate(fps), start, end, config
        self._clip = Video.open(clip)
        self.video: VideoInfo = self._clip.info
        self.shots: list[tuple[float, float]] = []
        self._tracks: list[TrackSummary] | None = None  # until the last moment
        self._log = BoxLog()
        self._saved = None if saved is None else SavedFaces(Path(saved) / key_of(clip, self._options()))

    def __iter__(self) -> Iterator[Moment]:
        finder = FaceFinder((self.video.width, self.video.height), self._config, embedder=self._embedder)
        saved = self._saved
        with self._clip as clip, nullcontext() if saved is None else closing(saved):
            frames = clip.frames(self._start, self._end, keep=Sampler(self._rate))
            for frame in prefetched(marked(frames)):
                if frame.cut or not self.shots:
                    self.shots.append((frame.time, frame.time))
                self.shots[-1] = (self.shots[-1][0], frame.time)
                shot = len(self.shots) - 1
                if saved is None:
                    observed = finder.observe(frame, shot)
                else:
                    observed = saved.observations(shot, frame.time, partial(finder.observe, frame, shot))
                faces = tuple(finder.follow(frame, shot, observed))
                self._log.add(frame.time, faces)
                yield Moment(frame.index, frame.time, shot, frame.image, faces)
            if saved is not None:
                saved.finish()
        if not self.shots:
            raise self._nothing_there()
        self._tracks = finder.tracker.finish()

    @property
    def tracks(self) -> list[TrackSummary]:
        """One summary per person, main characters first; known after the last moment.

        Raises:
            UsageError: There are moments left.
        """
        if self._tracks is None:
            what = "who is in it is known only after the last moment"
            raise UsageError(what, where=self.video.path, mend="iterate over all moments first")
        return self._tracks

    @property
    def report(self) -> DecodeReport:
        """What was decoded and what was damaged; complete after the last moment."""
        return self._clip.report

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """(start, end) seconds of each stretch without a picture, as damage leaves behind.

        They lie between frames processed so far that are at least `GAP_S` and `GAP_RATIO` usual steps apart; complete
        after the last moment.
        """
        times = np.array(self._log.times)
        steps = np.diff(times)
        if not len(steps):
            return []
        wide = np.flatnonzero(steps >= max(GAP_S, GAP_RATIO * float(np.median(steps))))
        return [(float(times[k]), float(times[k + 1])) for k in wide]

    def frames_for_model(
        self,
        n: int,
        *,
        most: int = 1,
        people: Sequence[TrackSummary] | None = None,
        choose: Chooser | None = None,
    ) -> tuple[ModelFrame, ...]:
        """Sample n frames with crops of the main characters; after the last moment. See `tracking.model_frames`.

        Args:
            n: Number of frames.
            most: Most main characters kept, the largest.
            people: Whom to take them from; None for all of `tracks`, nobody for frames that no face has moved.
            choose: Which of so many frames are sampled; None for the middles of equal parts.

        Raises:
            UsageError: There are moments left, or as `tracking.model_frames.frames_for_model`.
            VideoError: As there.
        """
        everyone = self.tracks  # tells where there are moments left
        people = everyone if people is None else people
        return frames_for_model(self.video.path, self._log, people, n, most=most, choose=choose)

    def _options(self) -> dict[str, Any]:
        """Those that decide what is seen in a clip, as plain values."""
        return {
            **asdict(self._config),
            "detector": _of_this_content(self._config.detector),
            "embedder": _of_this_content(self._config.embedder),
            "tracker": self._config.tracker.while_running(),
            "span": [None if time is None else float(time) for time in (self._start, self._end)],
            "rate": str(self._rate),
        }

    def _nothing_there(self) -> InputError:
        """The error of a clip or range without a frame."""
        start, last = self._start or 0.0, self.report.last_time or 0.0
        if self._start is None and self._end is None:
            return VideoError("no picture could be decoded", where=self.video.path, mend="copy or convert it again")
        if self._end is None:
            what = f"the start {start:g} s is after the end of the clip, whose last frame is at {last:.2f} s"
        elif self.video.duration_s is not None and start >= self.video.duration_s:
            what = f"the start {start:g} s is after the end of the clip, which lasts {self.video.duration_s:.2f} s"
        else:
            what = f"no frame lies between {start:g} s and {self._end:g} s"
        return UsageError(what, where=self.video.path, mend="give --start and --end within the clip")


class FaceFinder:
    """Detector, mesh, appearance and tracker of one video.

    Args:
        size: (width, height) of the frames in pixels.
        config: How faces are looked for.
        detector: Finds faces; default by `config.detector`.
        mesh: Fits the mesh.
        embedder: Makes appearance vectors; default by `config.embedder`.
    """

    def __init__(
        self,
        size: tuple[int, int],
        config: PerceptionConfig,
        *,
        detector: Detector | None = None,
        mesh: MeshFitter | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        self._config = config
        self._detector = detector or find_detector(config.detector)()
        self._mesh = mesh or MESHES["attention"]()
        self._embedder = embedder or find_embedder(config.embedder)()
        self.tracker = Tracker(size, config.tracker)
        self._last: dict[int, np.ndarray] = {}  # landmarks of the faces of the last frame
        self._cues: dict[int, OcclusionCue] = {}
        self._looked = self._searched = -np.inf  # times of the last look of the detector, and of one for new faces
        self._face_at = 0.0  # time of the last frame with a face, or of the shot's first
        self._shot = -1

    def look(self, frame: Frame, shot: int) -> list[TrackedFace]:
        """All faces of one frame with their ids."""
        return self.follow(frame, shot, self.observe(frame, shot))

    def observe(self, frame: Frame, shot: int) -> list[FaceObservation]:
        """The faces that the networks see in one frame, for `follow`."""
        if shot != self._shot:
            self._last, self._cues, self._shot = {}, {}, shot
            self._looked, self._searched, self._face_at = -np.inf, -np.inf, frame.time
        observed = [self._fit(frame, Roi.from_landmarks(lm), carried=i) for i, lm in self._last.items()]
        doubtful = any(o.presence < self._config.tracker.min_presence for o in observed)
        wait = self._config.detect_every_s if self._last else self._config.detect_every_empty_s
        due = doubtful or frame.time - self._searched >= wait - 1e-6
        if due or (frame.time - self._looked >= DOUBT_EVERY_S - 1e-6 and self.tracker.doubts(frame.time)):
            self._looked = frame.time
            look = self._detector.glance if frame.time - self._face_at > GLANCE_AFTER_S else self._detector.detect
            found = look(frame.image)
            observed = [replace(o, detector_score=_best_score(found, o.box)) for o in observed]
            if due:
                self._searched = frame.time
                observed += self._search(frame, found, observed)
        observed = [o for o in observed if o.presence >= self._config.tracker.min_presence]
        wanted = self.tracker.wants_appearance(frame.time, observed)
        return [self._with_appearance(frame, o) if w else o for o, w in zip(observed, wanted, strict=True)]

    def follow(self, frame: Frame, shot: int, observed: list[FaceObservation]) -> list[TrackedFace]:
        """The faces of one frame with their ids; runs no network."""
        faces = self.tracker.update(frame.time, shot, observed, image=frame.image)
        self._last = {f.track_id: f.landmarks for f in faces}
        for track_id in self.tracker.sort.ended:
            self._cues.pop(track_id, None)
        self._face_at = frame.time if faces else self._face_at
        return faces

    def _search(self, frame: Frame, found: Detections, observed: list[FaceObservation]) -> list[FaceObservation]:
        """Meshes on detected faces that no observation covers yet, and where lost faces are expected."""
        known = [o.box for o in observed if o.presence >= self._config.tracker.min_presence]
        new: list[FaceObservation] = []
        for box, score, keypoints in zip(found.boxes, found.scores, found.keypoints, strict=True):
            if len(known) + len(new) >= self._config.max_faces:
                break
            centre = (box[:2] + box[2:]) / 2
            if score < self._config.min_detection or any(_inside(centre, k) for k in known):
                continue
            first = self._mesh.fit(frame.image, Roi.from_detection(box, keypoints))
            if first.presence >= 0.2:  # the first fit from a detector's box is rough; fit again from its landmarks
                new.append(self._fit(frame, Roi.from_landmarks(first.landmarks), score=float(score)))
        expected = self.tracker.predictions(frame.time).values()
        return new + [self._fit(frame, Roi.from_box(box)) for box in expected]

    def _fit(
        self, frame: Frame, roi: Roi, *, carried: int | None = None, score: float | None = None
    ) -> FaceObservation:
        face = self._mesh.fit(frame.image, roi)
        points = face.landmarks[:, :2]
        box = np.concatenate([points.min(0), points.max(0)])
        seen = Occlusion(None)
        if carried is not None and self._config.occlusion and face.presence >= self._config.tracker.min_presence:
            cue = self._cues.setdefault(carried, OcclusionCue())
            seen = cue.look(frame.image, face.landmarks, frame.time)
        return FaceObservation(
            box,
            face.landmarks,
            face.presence,
            score,
            carried_from=carried,
            occlusion=seen.share,
            hidden=seen.hidden,
            touched=seen.touched,
        )

    def _with_appearance(self, frame: Frame, o: FaceObservation) -> FaceObservation:
        vector = self._embedder.embed(aligned_crop(frame.image, o.landmarks)[None])[0]
        return replace(o, appearance=vector, likeness=likeness(frame.image, o.landmarks))


def _of_this_content(choice: str) -> list[str | None]:
    """A choice such as "scrfd:PATH" with what is in the file in place of its path."""
    kind, _, file = choice.partition(":")
    return [kind, sha256_of(file) if file else None]


def _best_score(found: Detections, box: np.ndarray) -> float:
    """Best score of the detections centred in a box, 0 where there is none."""
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    return max((float(s) for s, centre in zip(found.scores, centres, strict=True) if _inside(centre, box)), default=0.0)


def _inside(point: np.ndarray, box: np.ndarray) -> bool:
    return bool((point >= box[:2]).all() and (point <= box[2:]).all())
