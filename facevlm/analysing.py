"""Video → what FaceXFormer says of each tracked face, at even times, and of each person as a whole.

One look a second at each face is enough for what does not change; poses and landmarks are those of the moments looked
at. What something hides is not looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from facevlm.errors import UsageError
from facevlm.faces.crop import CROP_SIZE, crop_box, face_crop
from facevlm.perceiving import Perception, PerceptionConfig, perceive
from facevlm.tracking.track import Moment, TrackSummary
from facevlm.video.clip import DecodeReport, VideoInfo

if TYPE_CHECKING:
    from facevlm.models.face_answers import NamedFace, SensitiveGuess

HIDDEN = 0.3  # share of a face from which on it is not looked at


class Analyser(Protocol):
    """Answers about crops, such as `facevlm.models.face_analyser.FaceAnalyser`.

    Attributes:
        sensitive: Whether it tells age, gender and race.
    """

    sensitive: bool

    def __call__(self, crops: Sequence[np.ndarray]) -> "list[NamedFace]":
        """uint8 (224, 224, 3) RGB crops -> one answer each."""
        ...


@dataclass(frozen=True)
class FaceReading:
    """What was said of one face at one moment.

    Attributes:
        time: Seconds of the frame.
        box: float32 (4,) xyxy pixels of the face in the frame.
        landmarks: float64 (68, 2) x, y in pixels of the frame, iBUG order.
        face: The analyser's answer; its own landmarks are in pixels of the crop.
    """

    time: float
    box: np.ndarray
    landmarks: np.ndarray
    face: "NamedFace"


@dataclass(frozen=True)
class Tendency:
    """What the readings of a person have in common.

    Attributes:
        value: The class most readings name; for an attribute "yes" or "no".
        probability: Mean probability of the value, uncalibrated; of a class over the readings that name it.
        agreement: Share of the readings that name the value.
    """

    value: str
    probability: float
    agreement: float


@dataclass(frozen=True)
class AnalysedPerson:
    """One person.

    Attributes:
        track: Who it is.
        readings: In order of time; none where the face was never seen well enough.
        attributes: CelebA attribute -> tendency.
        guesses: "age", "gender", "race" -> tendency; empty unless asked for.
    """

    track: TrackSummary
    readings: tuple[FaceReading, ...]
    attributes: Mapping[str, Tendency]
    guesses: Mapping[str, Tendency]


@dataclass(frozen=True)
class Analysis:
    """What was said of a video's faces.

    Attributes:
        video: Facts of the file.
        decoding: What was decoded.
        people: Main characters first.
        warnings: What to know before using it.
    """

    video: VideoInfo
    decoding: DecodeReport
    people: tuple[AnalysedPerson, ...]
    warnings: tuple[str, ...]


class FaceReader:
    """Has each face looked at at even times; given every moment of a video.

    Args:
        analyser: Answers about crops.
        every_s: Seconds between looks at one face.

    Raises:
        UsageError: `every_s` is not above 0.
    """

    def __init__(self, analyser: Analyser, *, every_s: float = 1.0) -> None:
        if not every_s > 0:
            raise UsageError(f"{every_s!r} is no time between looks", where="every_s", mend="give seconds above 0")
        self._analyser, self._every_s = analyser, every_s
        self._found: dict[int, list[FaceReading]] = {}

    def __call__(self, moment: Moment) -> None:
        """Look at the faces of a moment whose time has come."""
        due = [
            face
            for face in moment.faces
            if (face.occlusion or 0.0) < HIDDEN
            and (
                face.track_id not in self._found
                or moment.time - self._found[face.track_id][-1].time >= self._every_s - 1e-6
            )
        ]
        if not due:
            return
        size = (moment.image.shape[1], moment.image.shape[0])
        answers = self._analyser([face_crop(moment.image, face.box) for face in due])
        for face, answer in zip(due, answers, strict=True):
            x0, y0, x1, y1 = crop_box(face.box, size)
            scale = np.array([x1 - x0, y1 - y0]) / CROP_SIZE
            landmarks = (answer.landmarks.astype(np.float64) + 0.5) * scale - 0.5 + (x0, y0)
            self._found.setdefault(face.track_id, []).append(FaceReading(moment.time, face.box, landmarks, answer))

    def person(self, track: TrackSummary) -> AnalysedPerson:
        """All that was read of a person, after the last moment."""
        parts = sorted({track.track_id, *track.parts})
        readings = tuple(sorted((r for i in parts for r in self._found.get(i, ())), key=lambda r: r.time))
        faces = [reading.face for reading in readings]
        attributes = {name: _attribute([face.attributes[name] for face in faces]) for name in _attributes(faces)}
        guesses = {}
        for name in ("age", "gender", "race"):
            told = [guess for face in faces if (guess := getattr(face, name)) is not None]
            if told:
                guesses[name] = _guess(told)
        return AnalysedPerson(track, readings, attributes, guesses)


def analyse(
    clip: str | Path,
    analyser: Analyser,
    *,
    every_s: float = 1.0,
    fps: str | float = "native",
    start: float | None = None,
    end: float | None = None,
    config: PerceptionConfig | None = None,
    saved: str | Path | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> Analysis:
    """Have the faces of a video looked at.

    Args:
        clip: Path of the video.
        analyser: Answers about crops.
        every_s: Seconds between looks at one face.
        fps: Frames a second in which faces are followed, as for `perceive`.
        start, end: Where to begin and stop, as for `perceive`.
        config: How faces are looked for.
        saved: As for `perceive`.
        on_progress: Called with the time reached in seconds.

    Raises:
        FacevlmError: As `perceive`.
    """
    reader = FaceReader(analyser, every_s=every_s)
    perception: Perception = perceive(clip, fps=fps, start=start, end=end, config=config, saved=saved)
    for moment in perception:
        reader(moment)
        if on_progress:
            on_progress(moment.time)
    people = tuple(reader.person(track) for track in perception.tracks)
    return Analysis(perception.video, perception.report, people, tuple(_warnings(people)))


def _attributes(faces: "Sequence[NamedFace]") -> Sequence[str]:
    return tuple(faces[0].attributes) if faces else ()


def _attribute(probabilities: Sequence[float]) -> Tendency:
    yes = float(np.mean(probabilities))
    value = "yes" if yes >= 0.5 else "no"
    agreement = float(np.mean([(p >= 0.5) == (yes >= 0.5) for p in probabilities]))
    return Tendency(value, yes if value == "yes" else 1 - yes, agreement)


def _guess(told: "Sequence[SensitiveGuess]") -> Tendency:
    names = [guess.name for guess in told]
    value = max(dict.fromkeys(names), key=names.count)
    probability = float(np.mean([guess.probability for guess in told if guess.name == value]))
    return Tendency(value, probability, names.count(value) / len(names))


def _warnings(people: Sequence[AnalysedPerson]) -> list[str]:
    if not people:
        return ["No face was found."]
    return [
        f"Person {person.track.track_id} was never seen well enough to be looked at."
        for person in people
        if not person.readings
    ]
