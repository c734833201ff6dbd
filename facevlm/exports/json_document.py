"""The description as JSON, schema facevlm/description/1 (`description.schema.json` beside this file)."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from facevlm.description import SCHEMA, Description, Person, unknown_numbers
from facevlm.errors import InputError
from facevlm.exports.atomic_file import write_text
from facevlm.exports.documents import DescriptionDocument
from facevlm.expression.event import Event
from facevlm.tracking.track import TrackSummary
from facevlm.video.clip import DecodeReport, VideoInfo

DIGITS = 4  # decimals: a tenth of a millisecond, a ten-thousandth of a share
Document = TypeVar("Document", bound=BaseModel)


def to_dict(description: Description) -> dict[str, Any]:
    """Return the description as plain lists, dicts and numbers; unknown numbers are None and named in the warnings."""
    tracks = [person.track for person in description.people]
    return {
        "schema": SCHEMA,
        "video": video_dict(description.video, description.decoding),
        "people": [_person_dict(person) for person in description.people],
        "caption": description.caption,
        "warnings": all_warnings(description.warnings, description.video, description.decoding, tracks),
        "candidates": [_candidate_dict(track) for track in description.candidates],
    }


def to_json(description: Description, *, indent: int | None = 2) -> str:
    """Return the description as JSON text that ends with a line feed.

    Args:
        description: What `describe` returned.
        indent: Spaces per level; None for one line.
    """
    return json.dumps(to_dict(description), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(description: Description, path: str | Path) -> None:
    """Write the description as JSON.

    Raises:
        OutputError: The file cannot be written.
    """
    write_text(to_json(description), path)


def read_description(path: str | Path) -> DescriptionDocument:
    """Read a JSON description and check it against the schema and its promises (order, unique ids, no overlap).

    Returns:
        The document; `.people[0].events[0].to_event()` gives an `Event`.

    Raises:
        InputError: The file is missing, no JSON, or breaks the schema; the message names the place.
    """
    return read_document(path, DescriptionDocument)


def read_document(path: str | Path, model: type[Document]) -> Document:
    """Read a JSON file into a document model.

    Raises:
        InputError: The file is missing, no JSON, or breaks the schema.
    """
    try:
        return model.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read: {(error.strerror or str(error)).lower()}", where=path) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        message = f"{place}: {first['msg']}" if place else first["msg"]
        raise InputError(message, where=path, mend="write the file anew with facevlm of this version") from error


def all_warnings(
    warnings: Sequence[str], video: VideoInfo, decoding: DecodeReport, tracks: Sequence[TrackSummary]
) -> list[str]:
    """Each warning once: those given, those of the decoder, and what is null because nobody knows it."""
    return list(dict.fromkeys([*warnings, *decoding.warnings, *unknown_numbers(video, tracks)]))


def video_dict(video: VideoInfo, decoding: DecodeReport) -> dict[str, Any]:
    """Facts of the video; what is unknown is None."""
    return {
        "path": str(video.path),
        "duration_s": known(video.duration_s),
        "width": video.width,
        "height": video.height,
        "fps": known(None if video.fps is None else float(video.fps), digits=6),
        "frames_decoded": decoding.frames_decoded,
        "frames_damaged": decoding.frames_damaged,
        "rotation": video.rotation,
    }


def track_dict(track: TrackSummary) -> dict[str, Any]:
    """Who a person is among the tracks, and why; area and similarity whole, for the choice is made anew from them."""
    return {
        "track_id": track.track_id,
        "main": bool(track.main),
        "spans": [[seconds(t0), seconds(t1)] for t0, t1 in track.spans],
        "area_share": known(track.area_share, digits=None),
        "selection": _selection_dict(track),
        "joins": [
            {**asdict(join), "score": None if join.score is None else round(join.score, DIGITS)} for join in track.joins
        ],
    }


def known(value: float | None, *, digits: int | None = DIGITS) -> float | None:
    """A number, rounded unless `digits` is None; None for an unknown one (None, NaN, infinite)."""
    if value is None or not math.isfinite(value):
        return None
    return float(value) if digits is None else round(float(value), digits)


def seconds(value: float) -> float:
    """A time rounded to a tenth of a millisecond."""
    return round(float(value), DIGITS)


def _selection_dict(track: TrackSummary) -> dict[str, Any]:
    """The reason and the features behind it; None where there are none."""
    facts = track.selection
    return {
        "reason": track.reason,
        "similarity": known(track.similarity, digits=None),
        "area_z": known(facts.area_z if facts else None),
        "similarity_z": known(facts.similarity_z if facts else None),
        "cluster": (facts.cluster if facts else "") or None,
        "cluster_merit": known(facts.cluster_merit if facts else None),
        "rank": facts.rank if facts else None,
    }


def _candidate_dict(track: TrackSummary) -> dict[str, Any]:
    whole = track_dict(track)
    return {name: whole[name] for name in ("track_id", "main", "area_share", "selection")}


def _person_dict(person: Person) -> dict[str, Any]:
    return {
        **track_dict(person.track),
        "appearance": {
            name: {"value": fact.value, "confidence": round(float(fact.confidence), DIGITS)}
            for name, fact in person.appearance.items()
        },
        "events": [_event_dict(event) for event in person.events],
        "caption": person.caption,
        "sentences": [{"text": sentence.text, "events": list(sentence.events)} for sentence in person.sentences],
    }


def _event_dict(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "action": event.action,
        "t0": seconds(event.t0),
        "peak": seconds(event.peak),
        "t1": seconds(event.t1),
        "strength": event.strength,
        "score": round(float(event.score), DIGITS),
        "image_side": event.image_side,
        "action_units": list(event.action_units),
    }
