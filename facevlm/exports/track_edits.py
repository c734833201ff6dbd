"""Correct saved tracks by hand: join people, drop some, say who is the main character; the rest is derived anew.

Nothing is decoded again: area shares add up, the similarity of a joined person follows from the inner products that the
file keeps (`LikenessRecord`), and the main characters are chosen among those who are left.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from facevlm.description import unknown_numbers
from facevlm.errors import UsageError
from facevlm.exports.atomic_file import replacing, write_text
from facevlm.exports.documents import FrameRecord, TracksDocument
from facevlm.exports.json_document import track_dict
from facevlm.tracking.main_character import choose_main
from facevlm.tracking.track import Join, TrackSummary
from facevlm.video.clip import VideoInfo

ALL_DROPPED = "All people were dropped."
CHOICE_DROPPED = "The main character that the user chose was dropped; the rule chose anew."


@dataclass(frozen=True)
class Edits:
    """What to change; ids are those of the file.

    Attributes:
        merge: Groups of ids that are one person, each of two or more; the smallest id stays.
        drop: Ids of those who are no person, or not wanted.
        main: Id of the main character; None: whom the user chose before, else whom the rule chooses.
    """

    merge: tuple[tuple[int, ...], ...] = ()
    drop: tuple[int, ...] = ()
    main: int | None = None


@dataclass(frozen=True)
class _Person:
    summary: TrackSummary
    frames: tuple[FrameRecord, ...]
    members: tuple[int, ...] = field(default=())  # ids of the file


def edited(document: TracksDocument, edits: Edits) -> TracksDocument:
    """Apply edits to a document.

    Raises:
        UsageError: An id is not in the file, is named twice, or two people to be joined are seen at one time
            or fill more than the picture.
    """
    people = {
        record.track_id: _Person(_summary(record), record.frames, (record.track_id,)) for record in document.people
    }
    _check(edits, people)
    for group in edits.merge:
        for latter in sorted(group)[1:]:
            former = min(group)
            people[former] = _joined(people[former], people.pop(latter), document)
    for track_id in edits.drop:
        del people[track_id]
    main = _user_choice(edits, document)
    left = _ordered(list(people.values()), document, main=main)
    whole = document.model_dump(mode="json", by_alias=True)
    whole["people"] = [_record(person) for person in left]
    whole["chosen"] = main
    whole["likeness"] = _likeness([person.members for person in left], left, document)
    whole["warnings"] = _warnings(document, [person.summary for person in left], main=main)
    return TracksDocument.model_validate_json(json.dumps(whole))


def to_text(document: TracksDocument, *, format: str) -> str:
    """The document as JSON text, or as MOTChallenge lines ("mot")."""
    if format == "mot":
        return "".join(line + "\n" for line in mot_lines(document))
    return json.dumps(document.model_dump(mode="json", by_alias=True), ensure_ascii=False, allow_nan=False) + "\n"


def write_tracks(document: TracksDocument, path: str | Path, *, format: str) -> None:
    """Write the document.

    Raises:
        OutputError: The file cannot be written.
    """
    if format == "mot":
        with replacing(path) as temporary:
            temporary.write_text(to_text(document, format=format), encoding="ascii", newline="")
    else:
        write_text(to_text(document, format=format), path)


def mot_lines(document: TracksDocument) -> Iterator[str]:
    """One MOTChallenge line per face, in order of frame and id, without line ends."""
    rows = [(frame.index, person.track_id, frame) for person in document.people for frame in person.frames]
    for index, track_id, frame in sorted(rows, key=lambda row: row[:2]):
        x0, y0, x1, y1 = frame.box
        confidence = "-1" if frame.presence is None else f"{frame.presence:.4f}"
        yield f"{index + 1},{track_id},{x0:.2f},{y0:.2f},{x1 - x0:.2f},{y1 - y0:.2f},{confidence},-1,-1,-1"


def _check(edits: Edits, people: dict[int, _Person]) -> None:
    ids = ", ".join(map(str, sorted(people))) or "none"
    named = [*(i for group in edits.merge for i in group), *edits.drop]
    wanted = [*named, *([] if edits.main is None else [edits.main])]
    if unknown := [i for i in wanted if i not in people]:
        raise UsageError(f"there is no person {unknown[0]}", mend=f"ids in this file: {ids}")
    if twice := [i for i in named if named.count(i) > 1]:
        raise UsageError(f"person {twice[0]} is named twice", where="--merge and --drop", mend="name each once")
    if short := [group for group in edits.merge if len(group) < 2]:
        raise UsageError(f"person {short[0][0]} alone cannot be joined", where="--merge", mend="give two or more ids")
    gone = {*edits.drop, *(i for group in edits.merge for i in sorted(group)[1:])}
    if edits.main in gone:
        raise UsageError(f"person {edits.main} is gone after the edits", where="--main", mend="name one who is left")


def _summary(record: Any) -> TrackSummary:
    """The summary that a record holds, as far as it holds it."""
    similarity = record.selection.similarity
    return TrackSummary(
        track_id=record.track_id,
        parts=(record.track_id,),
        spans=record.spans,
        frames=len(record.frames),
        area_share=math.nan if record.area_share is None else record.area_share,
        similarity=math.nan if similarity is None else similarity,
        main=record.main,
        reason=record.selection.reason,
        joins=tuple(Join(**join.model_dump()) for join in record.joins),
    )


def _joined(one: _Person, other: _Person, document: TracksDocument) -> _Person:
    """Two people as one, under the id of the first."""
    both = {frame.index for frame in one.frames} & {frame.index for frame in other.frames}
    a, b = one.summary, other.summary
    if both:
        at = next(frame.t for frame in one.frames if frame.index in both)
        what = f"persons {a.track_id} and {b.track_id} are seen at one time, at {at:.2f} s"
        raise UsageError(what, where="--merge", mend="join only people who are never seen together")
    area = a.area_share + b.area_share
    if area > 1 + 1e-9:
        what = (
            f"persons {a.track_id} and {b.track_id} together fill more than the whole picture (area_share {area:.4g})"
        )
        raise UsageError(what, where="--merge", mend="write the file anew: these areas are not of one video")
    earlier, later = sorted((a, b), key=lambda s: s.spans[0])
    across = _shot(earlier.spans[-1][1], document) != _shot(later.spans[0][0], document)
    join = Join(earlier.track_id, later.track_id, "user", None, across)
    summary = replace(
        a,
        spans=tuple(sorted(a.spans + b.spans)),
        frames=a.frames + b.frames,
        area_share=min(area, 1.0),
        joins=(*a.joins, *b.joins, join),
    )
    frames = tuple(sorted(one.frames + other.frames, key=lambda frame: frame.index))
    return _Person(summary, frames, one.members + other.members)


def _shot(time: float, document: TracksDocument) -> int:
    """Number of the shot at a time."""
    return sum(start <= time + 1e-6 for start, _ in document.shots)


def _user_choice(edits: Edits, document: TracksDocument) -> int | None:
    """Id of the main character that the user chooses, or chose in an earlier edit; None where the rule is to choose."""
    if edits.main is not None:
        return edits.main
    kept = next((min(group) for group in edits.merge if document.chosen in group), document.chosen)
    return None if kept in edits.drop else kept


def _ordered(people: list[_Person], document: TracksDocument, *, main: int | None) -> list[_Person]:
    """The people with similarities and main characters derived anew, main ones first, then by area."""
    areas = [person.summary.area_share for person in people]
    similarities = [
        _similarity(person.members, document) if len(person.members) > 1 else person.summary.similarity
        for person in people
    ]
    result = []
    for person, choice, similarity in zip(people, choose_main(areas, similarities), similarities, strict=True):
        is_main, reason = choice.main, choice.reason
        if main is not None:
            is_main = person.summary.track_id == main
            reason = "Chosen by the user." if is_main else "Background because the user chose another."
        summary = replace(
            person.summary, similarity=similarity, main=is_main, reason=reason, selection=choice.selection
        )
        result.append(replace(person, summary=summary))
    result.sort(key=lambda person: _place(person.summary))
    return [_ranked(person, rank) for rank, person in enumerate(result, start=1)]


def _place(track: TrackSummary) -> tuple[bool, bool, float, int]:
    """What people are sorted by; those of unknown area come last."""
    unknown = math.isnan(track.area_share)
    return not track.main, unknown, 0.0 if unknown else -track.area_share, track.track_id


def _ranked(person: _Person, rank: int) -> _Person:
    assert person.summary.selection is not None
    return replace(person, summary=replace(person.summary, selection=replace(person.summary.selection, rank=rank)))


def _places(members: Iterable[int], document: TracksDocument) -> list[int]:
    return [document.likeness.track_ids.index(track_id) for track_id in members]


def _similarity(members: Sequence[int], document: TracksDocument) -> float:
    """Mean cosine similarity of all pairs of vectors of several tracks, NaN with fewer than two vectors."""
    places = _places(members, document)
    n = sum(document.likeness.vectors[i] for i in places)
    if n < 2:
        return math.nan
    total = np.array(document.likeness.products)[np.ix_(places, places)].sum()
    return float(np.clip((total - n) / (n * (n - 1)), -1.0, 1.0))


def _likeness(members: list[tuple[int, ...]], people: list[_Person], document: TracksDocument) -> dict[str, Any]:
    """The record of the joined tracks."""
    products, places = np.array(document.likeness.products), [_places(ids, document) for ids in members]
    return {
        "track_ids": [person.summary.track_id for person in people],
        "vectors": [sum(document.likeness.vectors[i] for i in own) for own in places],
        "products": [[float(products[np.ix_(a, b)].sum()) for b in places] for a in places],
    }


def _record(person: _Person) -> dict[str, Any]:
    frames = [frame.model_dump(mode="json") for frame in person.frames]
    return {**track_dict(person.summary), "frames": frames}


def _warnings(document: TracksDocument, tracks: list[TrackSummary], *, main: int | None) -> list[str]:
    """Those of the file that are not about its people, and those about the people now."""
    video = VideoInfo("", 1.0, 1, 1, Fraction(1), 0, "")  # of which all is known, so that only people are spoken of
    before = set(unknown_numbers(video, [_summary(record) for record in document.people]))
    now = unknown_numbers(video, tracks)
    if document.people and not tracks:
        now = [ALL_DROPPED]
    elif document.chosen is not None and main is None:
        now = [CHOICE_DROPPED, *now]
    if not tracks or main is not None:
        before.add(CHOICE_DROPPED)
    return list(dict.fromkeys([*(w for w in document.warnings if w not in before), *now]))
