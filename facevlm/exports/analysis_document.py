"""What FaceXFormer says of faces as JSON, schema facevlm/analysis/1 (`analysis.schema.json` beside this file)."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from facevlm.analysing import AnalysedPerson, Analysis, FaceReading, Tendency
from facevlm.exports.documents import Point, Seconds, Share, Strict, TrackFacts, VideoRecord
from facevlm.exports.json_document import DIGITS, all_warnings, read_document, seconds, track_dict, video_dict

SCHEMA = "facevlm/analysis/1"
LANDMARKS, HIDDEN_POINTS = 68, 29  # iBUG's, COFW's
Guessed = Literal["age", "gender", "race"]


class TendencyRecord(Strict):
    """What the readings of a person have in common."""

    value: str = Field(description='The class most readings name; of an attribute "yes" or "no"')
    probability: Share = Field(description="Mean probability of the value, uncalibrated")
    agreement: Share = Field(description="Share of the readings that name the value")


class GuessRecord(Strict):
    """A guess at age, gender or race."""

    name: str
    probability: Share


class PoseRecord(Strict):
    """Head pose in degrees, as the network's training data signs it."""

    pitch: float
    yaw: float
    roll: float


class ReadingRecord(Strict):
    """What was said of one face at one moment."""

    time: Seconds
    box: tuple[float, float, float, float] = Field(description="x0, y0, x1, y1 in pixels of the displayed frame")
    pose_deg: PoseRecord
    landmarks: Annotated[
        tuple[Point, ...],
        Field(min_length=LANDMARKS, max_length=LANDMARKS, description="x, y in pixels of the frame, iBUG order"),
    ]
    attributes: dict[str, Share] = Field(description="CelebA attribute -> probability, uncalibrated")
    hidden_points: Annotated[
        tuple[Share, ...],
        Field(
            min_length=HIDDEN_POINTS, max_length=HIDDEN_POINTS, description="Probability that a COFW point is hidden"
        ),
    ]
    parsing_shares: dict[str, Share] = Field(description="Class of pixels -> share of the face crop")
    guesses: dict[Guessed, GuessRecord] = Field(default_factory=dict, description="Only where asked for")


class AnalysedPersonRecord(TrackFacts):
    """One person."""

    attributes: dict[str, TendencyRecord] = Field(description="CelebA attribute -> what the readings have in common")
    guesses: dict[Guessed, TendencyRecord] = Field(default_factory=dict, description="Only where asked for")
    readings: tuple[ReadingRecord, ...] = Field(description="In order of time; none where the face was always hidden")


class AnalysisDocument(Strict):
    """What FaceXFormer says of a video's faces, schema facevlm/analysis/1."""

    schema_: Literal["facevlm/analysis/1"] = Field(alias="schema")
    weights: str = Field(description="Name of the file of weights")
    sensitive: bool = Field(
        description="Whether age, gender, race and attributes that guess at a person were asked for"
    )
    video: VideoRecord
    people: tuple[AnalysedPersonRecord, ...] = Field(description="Main characters first")
    warnings: tuple[str, ...]

    @model_validator(mode="after")
    def _consistent(self) -> "AnalysisDocument":
        for person in self.people:
            if not self.sensitive and (person.guesses or any(reading.guesses for reading in person.readings)):
                raise ValueError(f"person {person.track_id}: guesses that were not asked for")
            times = [reading.time for reading in person.readings]
            if times != sorted(times):
                raise ValueError(f"person {person.track_id}: readings are not in order of time")
        return self


def read_analysis(path: str | Path) -> AnalysisDocument:
    """Read what `facevlm analyze` wrote, and check it.

    Raises:
        InputError: The file is missing, no JSON, or breaks the schema; the message names the place.
    """
    return read_document(path, AnalysisDocument)


def to_json(analysis: Analysis, *, weights: str, sensitive: bool, parsing: tuple[str, ...]) -> str:
    """JSON text that ends with a line feed.

    Args:
        analysis: What was said.
        weights: Name of the file that the analyser's weights are from.
        sensitive: Whether sensitive answers were asked for.
        parsing: Names of the classes of pixels.
    """
    document = {
        "schema": SCHEMA,
        "weights": weights,
        "sensitive": sensitive,
        "video": video_dict(analysis.video, analysis.decoding),
        "people": [_person(person, parsing) for person in analysis.people],
        "warnings": all_warnings(
            analysis.warnings, analysis.video, analysis.decoding, [person.track for person in analysis.people]
        ),
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _person(person: AnalysedPerson, parsing: tuple[str, ...]) -> dict[str, Any]:
    guesses = {"guesses": _tendencies(person.guesses)} if person.guesses else {}
    return {
        **track_dict(person.track),
        "attributes": _tendencies(person.attributes),
        **guesses,
        "readings": [_reading(reading, parsing) for reading in person.readings],
    }


def _tendencies(found: Mapping[str, Tendency]) -> dict[str, Any]:
    return {
        name: {"value": t.value, "probability": _short(t.probability), "agreement": _short(t.agreement)}
        for name, t in found.items()
    }


def _reading(reading: FaceReading, parsing: tuple[str, ...]) -> dict[str, Any]:
    face = reading.face
    shares = np.bincount(face.parsing.ravel(), minlength=len(parsing)) / face.parsing.size
    guesses = {name: asdict(guess) for name in ("age", "gender", "race") if (guess := getattr(face, name)) is not None}
    return {
        "time": seconds(reading.time),
        "box": np.round(reading.box.astype(float), 2).tolist(),
        "pose_deg": {name: _short(getattr(face, f"{name}_deg")) for name in ("pitch", "yaw", "roll")},
        "landmarks": np.round(reading.landmarks, 2).tolist(),
        "attributes": {name: _short(value) for name, value in face.attributes.items()},
        "hidden_points": np.round(face.hidden.astype(float), DIGITS).tolist(),
        "parsing_shares": {name: _short(share) for name, share in zip(parsing, shares, strict=True)},
        **({"guesses": guesses} if guesses else {}),
    }


def _short(value: float) -> float:
    return round(float(value), DIGITS)
