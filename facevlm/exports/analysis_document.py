"""What a face-attribute model says of a video's faces as JSON, schema facevlm/analysis/1."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from facevlm.analysing import AnalysedPerson, Analysis, FaceReading, Tendency
from facevlm.exports.json_document import DIGITS, seconds, track_dict, video_dict

SCHEMA = "facevlm/analysis/1"


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
        "warnings": list(analysis.warnings),
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
