"""The description of a video: people, their timed events, and the words about them (schema facevlm/description/1)."""

from dataclasses import dataclass, field

from facevlm.expression.event import Event, SignalTable
from facevlm.expression.sentence import AppearanceValue, Sentence
from facevlm.tracking.track import TrackSummary
from facevlm.video.clip import DecodeReport, VideoInfo

__all__ = ["SCHEMA", "AppearanceValue", "Description", "Person", "Sentence", "Thumbnail"]

SCHEMA = "facevlm/description/1"


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
