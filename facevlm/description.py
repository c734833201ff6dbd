"""The description of a video: people, their timed events, and the words about them (schema facevlm/description/1)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from facevlm.captioning.sentence import AppearanceValue, Sentence
from facevlm.expression.event import Event, SignalTable
from facevlm.tracking.track import TrackSummary
from facevlm.video.clip import DecodeReport, VideoInfo

__all__ = ["NO_FACE", "SCHEMA", "AppearanceValue", "Description", "Person", "Sentence", "Thumbnail", "unknown_numbers"]

SCHEMA = "facevlm/description/1"
NO_FACE = "No face was found."  # the warning that says so


@dataclass(frozen=True)
class Person:
    """One person of the video.

    Attributes:
        track: The person's track, with the reason why it is or is not a main character.
        appearance: Name -> measured value.
        events: In order of start.
        caption: All sentences as one text.
        sentences: The caption sentence by sentence.
        signals: Per-frame signals behind the events.
    """

    track: TrackSummary
    appearance: dict[str, AppearanceValue]
    events: tuple[Event, ...]
    caption: str
    sentences: tuple[Sentence, ...]
    signals: SignalTable

    @property
    def track_id(self) -> int:
        """Final id of the track."""
        return self.track.track_id

    @property
    def main(self) -> bool:
        """Whether this is a main character."""
        return self.track.main


@dataclass(frozen=True)
class Thumbnail:
    """One picture of the filmstrip: time in seconds and a JPEG."""

    time: float
    jpeg: bytes


@dataclass(frozen=True)
class Description:
    """What `describe` returns.

    Attributes:
        video: Facts of the file.
        decoding: What was decoded and what was damaged.
        people: Main characters first, then by area.
        caption: The caption of the whole video (that of the main person, others named after it).
        warnings: Sentences for the user.
        shots: (start, end) seconds of each shot.
        filmstrip: Pictures at even times.
        candidates: All tracks of the video, main characters first, whoever was asked for.
    """

    video: VideoInfo
    decoding: DecodeReport
    people: tuple[Person, ...]
    caption: str
    warnings: tuple[str, ...]
    shots: tuple[tuple[float, float], ...] = ()
    filmstrip: tuple[Thumbnail, ...] = field(default=(), repr=False)
    candidates: tuple[TrackSummary, ...] = ()

    def to_json(self, *, indent: int | None = 2) -> str:
        """The document of schema facevlm/description/1."""
        from facevlm.exports.json_document import to_json

        return to_json(self, indent=indent)


def unknown_numbers(video: VideoInfo, tracks: Sequence[TrackSummary]) -> list[str]:
    """Warnings that name the numbers which are null in a document because nobody knows them."""
    numbers: list[tuple[str, float | None]] = [
        ("duration of the video", video.duration_s),
        ("frame rate of the video", None if video.fps is None else float(video.fps)),
    ]
    for track in tracks:
        numbers.append((f"area share of person {track.track_id}", track.area_share))
        who = f"appearance similarity of person {track.track_id} (how alike the face looks over time)"
        numbers.append((who, track.similarity))
    return [f"The {name} is unknown." for name, value in numbers if value is None or not math.isfinite(value)]
