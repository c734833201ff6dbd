"""The shape of the JSON documents of descriptions and tracks, as pydantic models: what is written, what is read."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from facevlm.expression.event import ACTIONS, STRENGTHS, Event

Seconds = Annotated[float, Field(ge=0, description="Seconds from the first displayed frame")]
Share = Annotated[float, Field(ge=0, le=1)]


def _in_order(span: tuple[float, float]) -> tuple[float, float]:
    if span[1] < span[0]:
        raise ValueError(f"ends at {span[1]} s before it starts at {span[0]} s")
    return span


Span = Annotated[tuple[Seconds, Seconds], AfterValidator(_in_order)]
Point = tuple[float, float]
PRODUCT_SLACK = 1e-3  # of inner products: vectors have unit norm but for rounding


class Strict(BaseModel):
    """Every field is required unless it says otherwise, none may be added, no number is NaN or infinite."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, populate_by_name=True)


class VideoRecord(Strict):
    """Facts of the video."""

    path: str
    duration_s: Seconds | None
    width: Annotated[int, Field(ge=1, description="Displayed width in pixels")]
    height: Annotated[int, Field(ge=1, description="Displayed height in pixels")]
    fps: Annotated[float, Field(gt=0)] | None = Field(description="Average rate; times of frames do not come from it")
    frames_decoded: Annotated[int, Field(ge=0)]
    frames_damaged: Annotated[int, Field(ge=0)]
    rotation: Literal[0, 90, 180, 270] = Field(description="Degrees counter-clockwise, already applied")


class AppearanceRecord(Strict):
    """One measured fact of how a person looks."""

    value: str
    confidence: Share


class EventRecord(Strict):
    """One thing a face did. Left and right in `action` are the subject's own, `image_side` is the picture's."""

    id: Annotated[int, Field(ge=1, description="Unique in the document")]
    action: Literal[tuple(ACTIONS)]  # type: ignore[valid-type]
    t0: Seconds
    peak: Seconds
    t1: Seconds
    strength: Literal[STRENGTHS]  # type: ignore[valid-type]
    score: Share = Field(description="Probability that the event is true")
    image_side: Literal["left", "right"] | None
    action_units: tuple[str, ...] = Field(description="FACS codes")

    @model_validator(mode="after")
    def _in_order(self) -> "EventRecord":
        if not self.t0 <= self.peak <= self.t1:
            raise ValueError(f"event {self.id}: t0 <= peak <= t1 does not hold ({self.t0}, {self.peak}, {self.t1})")
        return self

    def to_event(self) -> Event:
        """The event as the library holds it."""
        return Event(**self.model_dump(exclude={"action_units"}))


class SentenceRecord(Strict):
    """One sentence of a caption and the ids of the events it names."""

    text: str
    events: tuple[int, ...]


class SelectionRecord(Strict):
    """How FaceTrack-MM's rule decided whether this is a main character."""

    reason: str
    similarity: Annotated[float, Field(ge=-1, le=1)] | None = Field(
        description="Mean pairwise cosine similarity of the appearance vectors in the track"
    )
    area_z: float | None = Field(description="Area share in standard deviations from the mean of all tracks")
    similarity_z: float | None = Field(description="The same of the similarity")
    cluster: Literal["main", "background"] | None = Field(
        description="What K-means says, whomever the user chose; null where it parts nobody or the area is unknown"
    )
    cluster_merit: float | None = Field(description="Sum of the mean z-scores of the cluster")
    rank: Annotated[int, Field(ge=1)] | None = Field(
        description="Place among all tracks: main ones first, whoever chose them, then by area; null: not known"
    )


class CandidateRecord(Strict):
    """One track that could have been the main character."""

    track_id: Annotated[int, Field(ge=1)]
    main: bool
    area_share: Share | None
    selection: SelectionRecord


class JoinRecord(Strict):
    """Two tracks that were found to be one person."""

    former: Annotated[int, Field(ge=1, description="Id of the track seen earlier")]
    latter: Annotated[int, Field(ge=1, description="Id of the track seen later")]
    how: Literal["aflink", "geometry", "appearance", "user"]
    score: Annotated[float, Field(ge=-1, le=1)] | None = Field(
        description="Probability by movement, or cosine similarity by appearance"
    )
    across_cut: bool

    @model_validator(mode="after")
    def _of_two(self) -> "JoinRecord":
        if self.former == self.latter:
            raise ValueError(f"track {self.former} is joined to itself")
        return self


class TrackFacts(Strict):
    """Who a person is among the tracks, and why."""

    track_id: Annotated[int, Field(ge=1)]
    main: bool
    spans: tuple[Span, ...] = Field(min_length=1, description="When the person is seen, per shot")
    area_share: Share | None = Field(description="Mean share of the picture that the face covers")
    selection: SelectionRecord
    joins: tuple[JoinRecord, ...] = Field(description="How tracks were joined into this person")


class PersonRecord(TrackFacts):
    """One person."""

    appearance: dict[str, AppearanceRecord]
    events: tuple[EventRecord, ...]
    caption: str
    sentences: tuple[SentenceRecord, ...]

    @model_validator(mode="after")
    def _never_overlap(self) -> "PersonRecord":
        for a, b in pairwise(sorted(self.events, key=lambda e: (e.action, e.image_side or "", e.t0))):
            if (a.action, a.image_side) == (b.action, b.image_side) and b.t0 < a.t1:
                raise ValueError(f"person {self.track_id}: events {a.id} and {b.id} overlap")
        return self


class DescriptionDocument(Strict):
    """A described video, schema facevlm/description/1."""

    schema_: Literal["facevlm/description/1"] = Field(alias="schema")
    video: VideoRecord
    people: tuple[PersonRecord, ...] = Field(description="Main characters first")
    caption: str
    warnings: tuple[str, ...]
    candidates: tuple[CandidateRecord, ...] = Field(description="All tracks of the video, whoever was asked for")

    @model_validator(mode="after")
    def _consistent(self) -> "DescriptionDocument":
        ids = [event.id for person in self.people for event in person.events]
        if len(set(ids)) < len(ids):
            raise ValueError("event ids are not unique")
        for person in self.people:
            unknown = {i for sentence in person.sentences for i in sentence.events} - {e.id for e in person.events}
            if unknown:
                raise ValueError(f"person {person.track_id}: a sentence names unknown events {sorted(unknown)}")
        mains = [person.main for person in self.people]
        if mains != sorted(mains, reverse=True) or (mains and not mains[0]):
            raise ValueError("main characters must come first, and at least one person must be main")
        return self


class FrameRecord(Strict):
    """One face in one frame."""

    index: Annotated[int, Field(ge=0, description="Number of the frame among all decoded ones, from 0")]
    t: Seconds
    box: tuple[float, float, float, float] = Field(description="x0, y0, x1, y1 in pixels of the displayed frame")
    presence: Share | None = Field(description="Probability that this is a face; null: not seen, the box is filled in")
    points: tuple[Point, Point, Point, Point, Point] | None = Field(
        default=None,
        description="Pixels x, y of the right eye, left eye, nose tip, right and left corner of the mouth, sides the "
        "subject's own; null: not known",
    )

    @model_validator(mode="after")
    def _upright(self) -> "FrameRecord":
        x0, y0, x1, y1 = self.box
        if x1 < x0 or y1 < y0:
            raise ValueError(f"box {self.box} is inverted: x0 <= x1 and y0 <= y1 do not hold")
        return self


class TrackRecord(TrackFacts):
    """One person's way through the video."""

    frames: tuple[FrameRecord, ...] = Field(description="In order of index, one of each")

    @model_validator(mode="after")
    def _seen_once_per_frame(self) -> "TrackRecord":
        for a, b in pairwise(self.frames):
            if b.index <= a.index:
                raise ValueError(f"person {self.track_id}: frame {b.index} comes twice, or after frame {a.index}")
        return self


class LikenessRecord(Strict):
    """What is kept of the appearance vectors, so that tracks can be joined later: no vector can be made from it."""

    track_ids: tuple[int, ...]
    vectors: tuple[Annotated[int, Field(ge=0, lt=2**53)], ...] = Field(
        description="Number of appearance vectors of each track"
    )
    products: tuple[tuple[float, ...], ...] = Field(description="Inner products of the tracks' sums of vectors")

    @model_validator(mode="after")
    def _square(self) -> "LikenessRecord":
        n = len(self.track_ids)
        if len(self.vectors) != n or len(self.products) != n or any(len(row) != n for row in self.products):
            raise ValueError(f"likeness of {n} tracks needs {n} counts and {n} rows of {n} products")
        for i, row in enumerate(self.products):
            for j, product in enumerate(row):
                most = self.vectors[i] * self.vectors[j]  # for each vector has unit norm
                if abs(product) > most + PRODUCT_SLACK * (most + 1):
                    raise ValueError(
                        f"products[{i}][{j}] is {product}: sums of so many unit vectors give at most {most}"
                    )
        return self


class TracksDocument(Strict):
    """The faces of a video through time, schema facevlm/tracks/1."""

    schema_: Literal["facevlm/tracks/1"] = Field(alias="schema")
    video: VideoRecord
    people: tuple[TrackRecord, ...] = Field(description="Main characters first, then by area")
    chosen: int | None = Field(default=None, description="Main character that the user chose; null: the rule chose")
    shots: tuple[Span, ...] = Field(description="Where each shot begins and ends")
    likeness: LikenessRecord
    warnings: tuple[str, ...]

    @model_validator(mode="after")
    def _consistent(self) -> "TracksDocument":
        ids = [person.track_id for person in self.people]
        if len(set(ids)) < len(ids):
            raise ValueError("track ids are not unique")
        if sorted(self.likeness.track_ids) != sorted(ids):
            raise ValueError("likeness is not of the people of the document")
        if self.chosen is not None and [person.track_id for person in self.people if person.main] != [self.chosen]:
            raise ValueError(f"person {self.chosen} is chosen, and so must be the only main character")
        return self
