"""The report: one HTML file that holds everything, for a browser without network, for paper, and for a supplement.

The page is complete without JavaScript (caption, filmstrip, timeline, signals, tables are drawn here); the script adds
the cursor, zoom, and the links between sentences and events. Everything is escaped by Jinja; the data for the script is
JSON without `<`, `>` and `&`; a content security policy forbids the page to load anything.
"""

import base64
import math
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from itertools import groupby
from pathlib import Path, PureWindowsPath
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from facevlm.description import Description, Person, Thumbnail
from facevlm.exports.atomic_file import write_text
from facevlm.exports.json_document import known_warnings
from facevlm.exports.labels import REGIONS, event_name, extent, lanes, person_name, side_of
from facevlm.exports.signal_plots import plots
from facevlm.expression.event import ACTIONS, Event
from facevlm.tracking.track import TrackSummary

FILMSTRIP_BYTES = 2_000_000  # JPEG bytes in one report at most: about 2.7 MB as base64
SIGNAL_POINTS = 1500  # points of one line
ALL_POINTS = 100_000  # points of all lines, about 14 bytes each
OVERVIEW_PARTS = 400  # gaps shorter than this part of the video are not drawn in the overview
EVENT_FIELDS = ("who", "action", "side", "image_side", "t0", "peak", "t1", "strength", "score")
TICKS = 10  # labels on the time axis before the script has measured the page


def to_html_report(description: Description) -> str:
    """Return the report as one HTML text without any reference to another file."""
    page = files("facevlm.exports") / "page"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"clock": clock, "number": number, "percent": percent}
    template = environment.from_string((page / "report.html").read_text(encoding="utf-8"))
    return template.render(
        css=Markup((page / "report.css").read_text(encoding="utf-8")),
        js=Markup((page / "report.js").read_text(encoding="utf-8")),
        **_context(description),
    )


def write_html_report(description: Description, path: str | Path) -> None:
    """Write the report.

    Raises:
        OutputError: The file cannot be written.
    """
    write_text(to_html_report(description), path)


def clock(seconds: float | None, digits: int = 2) -> str:
    """Seconds as "4.25 s" below a minute, "12:04.25" above, "unknown" for None.

    >>> clock(3661.5)
    '1:01:01.50'
    """
    if seconds is None or not math.isfinite(seconds):
        return "unknown"
    total = round(seconds, digits)
    if total < 60:
        return f"{total:.{digits}f} s"
    minutes, rest = divmod(total, 60)
    hours, minutes = divmod(int(minutes), 60)
    width = digits + 3 if digits else 2
    text = f"{minutes:02d}:{rest:0{width}.{digits}f}"
    return f"{hours}:{text}" if hours else text.removeprefix("0")


def number(value: float | None, digits: int = 2) -> str:
    """A number with fixed decimals, "unknown" where there is none."""
    return "unknown" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share as percentage."""
    return number(None if value is None else 100 * value, digits) + ("" if value is None else " %")


def _context(description: Description) -> dict[str, Any]:
    video, decoding = description.video, description.decoding
    end = _end(description)
    signals = sum(len(person.signals.values) for person in description.people)
    points = max(200, min(SIGNAL_POINTS, ALL_POINTS // max(1, signals)))
    events = [(person, event) for person in description.people for event in person.events]
    return {
        "title": PureWindowsPath(video.path).name or video.path,
        "video": video,
        "decoding": decoding,
        "fps": None if video.fps is None else float(video.fps),
        "description": description,
        "warnings": known_warnings(description.warnings, decoding),
        "people": [_person_context(person, points) for person in description.people],
        "tracks": _tracks(description),
        "events": [(person, event, event_name(event)) for person, event in events],
        "regions": [r for r in REGIONS if any(ACTIONS[event.action].region == r for _, event in events)],
        "shots": description.shots if len(description.shots) > 1 else (),
        "filmstrip": [(shot.time, _data_uri(shot)) for shot in _filmstrip(description.filmstrip)],
        "end": end,
        "busy": _busy([event for _, event in events], end),
        "ticks": [end * n / TICKS for n in range(TICKS)],
        "data": {
            "end": end,
            "shots": [round(t0, 3) for t0, _ in description.shots[1:]],
            "units": {event.action: " + ".join(event.action_units) for _, event in events},
            "fields": EVENT_FIELDS,
            "events": [_event_data(person, event) for person, event in events],
        },
        "version": _version(),
    }


def _person_context(person: Person, points: int) -> dict[str, Any]:
    drawn = plots(person.signals, points=points)
    order = {group: place for place, group in enumerate(REGIONS)}
    drawn.sort(key=lambda plot: order.get(plot.group, len(order)))
    spans = {event.id: event for event in person.events}
    sentences = [(s, extent(spans[i] for i in s.events if i in spans)) for s in person.sentences]
    return {
        "person": person,
        "name": person_name(person),
        "lanes": [(name, ACTIONS[events[0].action].region, events) for name, events in lanes(person.events).items()],
        "signals": [(group, list(found)) for group, found in groupby(drawn, key=lambda plot: plot.group)],
        "paragraphs": [list(group) for _, group in groupby(sentences, key=lambda pair: pair[0].paragraph)],
    }


def _tracks(description: Description) -> list[TrackSummary]:
    """All tracks that could have been main; described people as they are described (the user may have chosen one)."""
    described = {person.track_id: person.track for person in description.people}
    return [described.pop(t.track_id, t) for t in description.candidates] + list(described.values())


def _event_data(person: Person, event: Event) -> tuple[Any, ...]:
    """The id, then the values of `EVENT_FIELDS`."""
    times = (round(event.t0, 3), round(event.peak, 3), round(event.t1, 3))
    score = round(event.score, 3)
    return event.id, person.track_id, event.action, side_of(event), event.image_side, *times, event.strength, score


def _busy(events: list[Event], end: float) -> list[tuple[float, float]]:
    """The times in which anything happens, joined where they are too near to be told apart."""
    result: list[tuple[float, float]] = []
    for event in sorted(events, key=lambda e: e.t0):
        if result and event.t0 <= result[-1][1] + end / OVERVIEW_PARTS:
            result[-1] = (result[-1][0], max(result[-1][1], event.t1))
        else:
            result.append((event.t0, event.t1))
    return result


def _end(description: Description) -> float:
    """End of the time axis in seconds: the last time that anything knows of."""
    times = [description.video.duration_s or 0.0, description.decoding.last_time or 0.0]
    times += [t1 for _, t1 in description.shots]
    times += [event.t1 for person in description.people for event in person.events]
    times += [t1 for person in description.people for _, t1 in person.track.spans]
    return max(*times, 0.04)


def _filmstrip(pictures: tuple[Thumbnail, ...]) -> tuple[Thumbnail, ...]:
    """All pictures, or every second, third, … where they would make the file too large."""
    step = max(1, math.ceil(sum(len(picture.jpeg) for picture in pictures) / FILMSTRIP_BYTES))
    return pictures[::step]


def _data_uri(picture: Thumbnail) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode("ascii")


def _version() -> str:
    try:
        return version("facevlm")
    except PackageNotFoundError:
        return "unknown"
