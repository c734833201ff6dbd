"""The events as an ELAN document (.eaf, EAF 3.0), linked to the video.

ELAN forbids annotations of one tier to overlap. Events of one person, action and side never do, so each such triple has
its own tier; tiers are ordered from the brows down. No event is cut or merged for the format's sake. The tiers:

    shots                  the shots of the video
    P1 caption             the whole caption, over the whole video
    P1 sentences           each sentence over the time of the events that it is the first to tell; those that overlap
                           follow in "P1 sentences 2" and so on
    P1 visible             when the person is seen
    P1 smile               "smile (strong)"; for one-sided events "P1 smile, left side" (the subject's own side)

EAF format: https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf. The document's date is constant, so
that the same description gives the same bytes.
"""

import mimetypes
import os
import re
from pathlib import Path

from pympi.Elan import Eaf, to_string

from facevlm.description import Description, Person
from facevlm.exports.atomic_file import write_text
from facevlm.exports.labels import event_name, extent, lanes, milliseconds, person_name

DATE = "1970-01-01T00:00:00+00:00"  # EAF demands a date; a constant one keeps the bytes equal from run to run
MIME_TYPES = {".mkv": "video/x-matroska", ".m4v": "video/mp4", ".gif": "image/gif", ".avi": "video/x-msvideo"}
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Annotation = tuple[int, int, str]  # start and end in milliseconds, text


def to_eaf(description: Description, *, folder: str | Path = ".") -> str:
    """Return the description as an ELAN document.

    Args:
        description: What `describe` returned.
        folder: Where the document will lie; the video is linked relative to it (and absolutely).
    """
    document = _empty_document()
    _link_video(document, Path(description.video.path), Path(folder))
    end = _end(description)
    shots = [(*_span(t0, t1), f"shot {number}") for number, (t0, t1) in enumerate(description.shots, start=1)]
    _add_tier(document, "shots", "shot", shots)
    for person in description.people:
        prefix, name = f"P{person.track_id}", person_name(person)
        _add_tier(document, f"{prefix} caption", "text", [(0, end, person.caption)], participant=name)
        for number, row in enumerate(_sentences(person), start=1):
            tier = f"{prefix} sentences" + (f" {number}" if number > 1 else "")
            _add_tier(document, tier, "text", row, participant=name)
        visible = [(*_span(t0, t1), "visible") for t0, t1 in person.track.spans]
        _add_tier(document, f"{prefix} visible", "presence", visible, participant=name)
        for tier, events in lanes(person.events).items():
            annotations = [(*_span(event.t0, event.t1), event_name(event)) for event in events]
            _add_tier(document, f"{prefix} {tier}", "facial action", annotations, participant=name)
    _sort_time_slots(document)
    document.properties = [("lastUsedAnnotationId", document.maxaid)]
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + to_string(document) + "\n"


def write_eaf(description: Description, path: str | Path) -> None:
    """Write the description as an ELAN document.

    Raises:
        OutputError: The file cannot be written.
    """
    write_text(to_eaf(description, folder=Path(path).parent), path)


def _empty_document() -> Eaf:
    document = Eaf(author="facevlm")
    schema = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
    document.adocument |= {"DATE": DATE, "VERSION": "3.0", "FORMAT": "3.0", "xsi:noNamespaceSchemaLocation": schema}
    document.header = {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"}
    document.remove_tier("default")
    document.remove_linguistic_type("default-lt")
    for name in ("text", "facial action", "presence", "shot"):
        document.add_linguistic_type(name)
    return document


def _link_video(document: Eaf, video: Path, folder: Path) -> None:
    absolute = video.resolve()
    try:
        relative = Path(os.path.relpath(absolute, folder.resolve())).as_posix()
    except ValueError:  # another drive on Windows
        relative = absolute.name
    suffix = video.suffix.lower()
    mime = MIME_TYPES.get(suffix) or mimetypes.guess_type(f"video{suffix}")[0] or "video/*"
    document.add_linked_file(absolute.as_uri(), relpath=_xml_text(f"./{relative}"), mimetype=mime)


def _end(description: Description) -> int:
    """The last time that anything knows of, in milliseconds."""
    known = [description.video.duration_s, description.decoding.last_time]
    ends = [t for t in known if t is not None] + [t1 for _, t1 in description.shots]
    ends += [e.t1 for person in description.people for e in person.events]
    return max(1, milliseconds(max(ends, default=0.0)))


def _sentences(person: Person) -> list[list[Annotation]]:
    """Each sentence over its events that no sentence before it told, in rows in which none overlap."""
    events = {event.id: event for event in person.events}
    told: set[int] = set()
    timed = []
    for sentence in person.sentences:
        new = [number for number in sentence.events if number not in told] or sentence.events
        told.update(sentence.events)
        found = extent(events[number] for number in new)
        if found is not None:
            timed.append((*_span(*found), sentence.text))
    rows: list[list[Annotation]] = []
    for annotation in sorted(timed, key=lambda annotation: annotation[0]):
        free = next((row for row in rows if row[-1][1] <= annotation[0]), None)
        if free is None:
            rows.append([annotation])
        else:
            free.append(annotation)
    return rows


def _span(t0: float, t1: float) -> tuple[int, int]:
    """Milliseconds; ELAN knows no annotation without length."""
    start, end = milliseconds(t0), milliseconds(t1)
    return start, max(end, start + 1)


def _add_tier(
    document: Eaf, name: str, kind: str, annotations: list[Annotation], *, participant: str | None = None
) -> None:
    """Add a tier unless it is empty; an annotation made a millisecond longer never reaches into the next one."""
    if not annotations:
        return
    document.add_tier(name, ling=kind, part=participant, ann="facevlm")
    last = 0
    for start, end, text in annotations:
        begin = max(start, last)
        last = max(end, begin + 1)
        document.add_annotation(name, begin, last, _xml_text(text))


def _sort_time_slots(document: Eaf) -> None:
    """Number the time slots in order of time, as ELAN does."""
    order = sorted(document.timeslots, key=lambda slot: (document.timeslots[slot], int(slot[2:])))
    names = {old: f"ts{number}" for number, old in enumerate(order, start=1)}
    document.timeslots = {names[old]: document.timeslots[old] for old in order}
    for annotations, *_ in document.tiers.values():
        for key, (start, end, text, reference) in annotations.items():
            annotations[key] = (names[start], names[end], text, reference)


def _xml_text(text: str) -> str:
    """The text without the characters that XML cannot hold."""
    return _NOT_IN_XML.sub("\ufffd", text)
