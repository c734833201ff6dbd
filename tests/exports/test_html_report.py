"""The report is one file that loads nothing, escapes everything, and holds every event, sentence and warning."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from facevlm.exports.html_report import FILMSTRIP_BYTES, clock, to_html_report, write_html_report
from facevlm.exports.signal_plots import plots, thin
from facevlm.expression.event import SignalTable
from facevlm.expression.sentence import AppearanceValue, Sentence
from facevlm.expression.signals import SIGNALS
from facevlm.tracking.track import Join, Selection

from .conftest import make_description, make_event, make_person, make_thumbnail

VOID = {"meta", "link", "img", "br", "input", "hr"}


class Page(HTMLParser):
    """Collects tags and attributes, and checks that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def data_of(text: str) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])


@pytest.mark.parametrize("fixture", ["two_people", "one_person", "nobody", "every_action"])
def test_page_is_well_formed_and_loads_nothing(fixture, request):
    page = Page(to_html_report(request.getfixturevalue(fixture)))
    assert page.open == []
    for _, attributes in page.tags:
        for name in ("src", "href", "action", "srcset", "data"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#")), attributes
    text = to_html_report(request.getfixturevalue(fixture))
    assert "http://" not in text.replace("http-equiv", "") and "https://" not in text and "@import" not in text


def test_every_event_and_sentence_is_there_and_linked(two_people):
    text = to_html_report(two_people)
    page, data = Page(text), data_of(text)
    expected = {str(event.id) for person in two_people.people for event in person.events}
    assert {g["data-id"] for g in page.of("g")} == expected == {str(row[0]) for row in data["events"]}
    named = {s["data-events"] for s in page.of("span") if "data-events" in s}
    assert named == expected
    assert all(len(row) == 1 + len(data["fields"]) for row in data["events"])
    assert data["shots"] == [2.5] and data["end"] == 6.0
    assert "person 1 covers 7.0 % of the picture" in text and "★ yes" in text


def test_warnings_of_description_and_decoder_are_shown(two_people):
    two_people.decoding.warnings.append("2 packets are damaged.")
    text = to_html_report(replace(two_people, warnings=("The video ends early.",)))
    assert "2 packets are damaged." in text and "The video ends early." in text


@pytest.mark.parametrize(
    "hostile",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><b>", "{{ 7*7 }}<!--", "a&b'c.mp4"],
)
def test_hostile_text_stays_text(hostile):
    person = make_person(1, (make_event(1, "blink", 0, 1),), main=True)
    person = replace(
        person,
        sentences=(Sentence(hostile, (1,)),),
        appearance={hostile: AppearanceValue(hostile, 0.5)},
        track=replace(person.track, reason=hostile),
    )
    page = Page(to_html_report(make_description((person,), path="clips/" + hostile, warnings=(hostile,))))
    assert page.open == []
    assert len(page.of("script")) == 2
    assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert all((image["src"] or "").startswith("data:image/jpeg") for image in page.of("img"))


def test_unknown_numbers_are_said(nobody):
    text = to_html_report(nobody)
    assert text.count("<dd>unknown</dd>") == 2 and "No face was found." in text and "nan" not in text.lower()


def test_nan_similarity_is_unknown(one_person):
    person = replace(one_person.people[0], track=replace(one_person.people[0].track, similarity=float("nan")))
    assert '<td class="n">unknown</td>' in to_html_report(replace(one_person, people=(person,)))


def test_the_choice_shows_runners_up_features_and_joins(two_people):
    first, second = (person.track for person in two_people.people)
    chosen = replace(first, selection=Selection(0.07, 0.93, 1.0, -0.5, "main", 0.5, 1))
    chosen = replace(chosen, parts=(1, 4), joins=(Join(1, 4, "appearance", 0.97, True),))
    passed = replace(second, selection=Selection(0.035, 0.93, -1.0, 0.5, "background", -0.5, 2))
    only = replace(two_people.people[0], track=chosen)
    text = to_html_report(replace(two_people, people=(only,), candidates=(chosen, passed)))
    assert "Track 4 joined to 1 across a cut by appearance 0.97." in text
    assert "(z 1.0)" in text and ">background<" in text and ">Person 2<" in text


def test_filmstrip_is_thinned_to_its_budget(one_person):
    heavy = replace(make_thumbnail(0), jpeg=bytes(100_000))
    pictures = tuple(replace(heavy, time=float(t)) for t in range(50))
    found = Page(to_html_report(replace(one_person, filmstrip=pictures))).of("img")
    assert len(found) == 17 and len(found) * 100_000 <= FILMSTRIP_BYTES
    assert found[1]["data-t"] == "3.000"


def test_an_hour_with_thousands_of_events_stays_below_five_megabytes():
    rng = np.random.default_rng(0)
    starts = np.sort(rng.uniform(0, 3599, 4000))
    events = tuple(
        make_event(n, action, float(t), float(t) + 0.2)
        for n, (t, action) in enumerate(zip(starts, ["blink", "smile", "gaze_up", "head_nod"] * 1000, strict=True), 1)
    )
    times = np.arange(0, 3600, 1 / 10)
    values = {name: rng.normal(size=len(times)).astype(np.float32) for name in SIGNALS}
    person = replace(make_person(1, events, duration=3600.0, main=True))
    person = replace(person, signals=SignalTable(times, np.zeros(len(times), np.int32), values))
    assert len(to_html_report(make_description((person,), duration=3600.0))) < 5_000_000


def test_thinned_signal_keeps_every_blink_and_every_hole():
    times = np.arange(0, 600, 1 / 30)
    values = np.full(len(times), 0.3)
    values[::300] = 0.02
    values[9000:9900] = np.nan
    runs = thin(times, values, points=400)
    kept = np.concatenate(runs)
    assert len(runs) == 2 and len(kept) < 500 and (np.diff(kept) > 0).all()
    blinks = [i for i in range(0, len(times), 300) if np.isfinite(values[i])]
    assert set(blinks) <= set(kept.tolist())
    assert not set(range(9000, 9900)) & set(kept.tolist())


def test_left_and_right_share_one_plot_with_their_label():
    times = np.arange(0, 1, 0.1)
    values = {name: np.linspace(0, 1, 10).astype(np.float32) for name in ("lid_left", "lid_right", "yaw", "novel")}
    values["empty"] = np.full(10, np.nan, np.float32)
    drawn = {plot.label: plot for plot in plots(SignalTable(times, np.zeros(10, np.int32), values))}
    assert [line.side for line in drawn["opening of the eye / its width"].lines] == ["left", "right"]
    assert drawn["novel"].group == "other" and len(drawn) == 3
    assert drawn[SIGNALS["yaw"].label].unit == "deg"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0.00 s"), (59.996, "1:00.00"), (61.5, "1:01.50"), (3661.5, "1:01:01.50"), (None, "unknown")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_written_file_is_the_text(one_person, tmp_path):
    write_html_report(one_person, tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == to_html_report(one_person)
