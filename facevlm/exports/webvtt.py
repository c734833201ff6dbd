"""Events as subtitles, WebVTT or SRT: what each face is doing now.

A cue lists everything that runs at that time, one line per person, so that cues never overlap and every player shows
them alike. A cue starts exactly when an event starts. So that a blink can be read, an event stays listed for at least
`SHORTEST_S` seconds, but not beyond the last sight of its person in the shot; the exact end of each event is in the
JSON, CSV and ELAN files. The identifier of a WebVTT cue holds the ids of its events.
"""

import io
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from webvtt import Caption, WebVTT

from facevlm.description import Description
from facevlm.exports.atomic_file import write_text
from facevlm.exports.labels import action_order, clock, event_verb, milliseconds, person_name
from facevlm.expression.event import Event

SHORTEST_S = 0.7  # seconds an event is listed at least; shorter text cannot be read
TAIL_S = 0.3  # an event that ends this short before the next one starts is listed until then: no flicker


@dataclass(frozen=True)
class Cue:
    """One subtitle: start and end in seconds, its lines, and the ids of the events they name."""

    t0: float
    t1: float
    lines: tuple[str, ...]
    events: tuple[int, ...]


def cues(description: Description) -> list[Cue]:
    """Merge the events of all people into cues that do not overlap, in order of time."""
    starts = sorted({event.t0 for person in description.people for event in person.events})
    shown = [
        (event.t0, _listed_until(event, starts, person.track.spans), number, event)
        for number, person in enumerate(description.people)
        for event in person.events
    ]
    edges = sorted({t for t0, t1, *_ in shown for t in (t0, t1)})
    pending = sorted(shown, key=lambda row: row[0])
    result: list[Cue] = []
    running: list[tuple[float, float, int, Event]] = []
    for t0, t1 in pairwise(edges):
        running = [row for row in running if row[1] > t0]
        while pending and pending[0][0] <= t0:
            running.append(pending.pop(0))
        if running and milliseconds(t1) > milliseconds(t0):
            result.append(_cue(t0, t1, running, description))
    return result


def to_webvtt(description: Description) -> str:
    """Return the cues as WebVTT."""
    return _document(description).content


def to_srt(description: Description) -> str:
    """Return the cues as SRT."""
    buffer = io.StringIO()
    _document(description).write(buffer, format="srt")
    text = buffer.getvalue()
    return text + "\n" if text else text


def write_webvtt(description: Description, path: str | Path) -> None:
    """Write the cues as WebVTT.

    Raises:
        OutputError: The file cannot be written.
    """
    write_text(to_webvtt(description), path)


def write_srt(description: Description, path: str | Path) -> None:
    """Write the cues as SRT.

    Raises:
        OutputError: The file cannot be written.
    """
    write_text(to_srt(description), path)


def _listed_until(event: Event, starts: list[float], spans: Sequence[tuple[float, float]]) -> float:
    """Long enough to be read, and until the next event starts if that is soon; but only while the person is seen."""
    t1 = max(event.t1, event.t0 + SHORTEST_S)
    number = bisect_left(starts, t1)
    if number < len(starts) and starts[number] <= t1 + TAIL_S:
        t1 = starts[number]
    seen = [end for start, end in spans if start <= event.t1 and event.t0 <= end]
    return max(event.t1, min(t1, max(seen, default=t1)))


def _cue(t0: float, t1: float, running: list[tuple[float, float, int, Event]], description: Description) -> Cue:
    lines = []
    for number, person in enumerate(description.people):
        events = sorted((row[3] for row in running if row[2] == number), key=lambda e: (action_order(e.action), e.t0))
        if not events:
            continue
        text = ", ".join(dict.fromkeys(event_verb(event) for event in events))
        label = f"{person_name(person)}: " if len(description.people) > 1 else ""
        lines.append(label + text)
    return Cue(t0, t1, tuple(lines), tuple(sorted(row[3].id for row in running)))


def _document(description: Description) -> WebVTT:
    document = WebVTT()
    for cue in cues(description):
        identifier = " ".join(["events", *map(str, cue.events)])
        document.captions.append(Caption(clock(cue.t0), clock(cue.t1), list(cue.lines), identifier))
    return document
