"""The tables read back in any RFC 4180 reader, with empty fields where nothing is known."""

import csv
import io
from dataclasses import replace

import numpy as np

from facevlm.exports.csv_tables import EVENT_COLUMNS, SIGNAL_KEYS, to_csv, write_csv, write_signals_csv

from .conftest import make_description, make_event, make_person


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_one_row_per_event(two_people):
    rows = read(to_csv(two_people))
    assert [row["id"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert rows[1] == {
        "video": "clips/talk.mp4", "person": "1", "main": "TRUE", "id": "2", "region": "eyes", "action": "blink",
        "t0": "1.28", "peak": "1.34", "t1": "1.46", "duration": "0.18", "strength": "clear", "score": "0.9",
        "image_side": "", "action_units": "AU45",
    }  # fmt: skip
    assert rows[0]["image_side"] == "right" and rows[4]["main"] == "FALSE" and rows[4]["action_units"] == "AU1+AU2"


def test_lines_end_as_rfc_4180_says_and_names_are_quoted(tmp_path):
    path = 'a "b", c\n=1.mp4'
    person = make_person(1, (make_event(1, "blink", 0, 1),), main=True)
    write_csv(make_description((person,), path=path), tmp_path / "e.csv")
    raw = (tmp_path / "e.csv").read_bytes().decode("utf-8")
    assert raw.startswith(",".join(EVENT_COLUMNS) + "\r\n") and '"a ""b"", c\n=1.mp4",1,TRUE' in raw
    assert read(raw)[0]["video"] == path


def test_nobody_gives_the_header_only(nobody):
    assert to_csv(nobody) == ",".join(EVENT_COLUMNS) + "\r\n"


def test_signals_have_one_row_per_frame_and_person(two_people, tmp_path):
    write_signals_csv(two_people, tmp_path / "s.csv")
    rows = read((tmp_path / "s.csv").read_bytes().decode())
    table = two_people.people[0].signals
    assert list(rows[0]) == [*SIGNAL_KEYS, "yaw", "smile"]
    assert len(rows) == sum(len(p.signals.times) for p in two_people.people)
    first = np.array([float(row["smile"] or "nan") for row in rows if row["person"] == "1"])
    np.testing.assert_allclose(first, table.values["smile"], atol=1e-6, equal_nan=True)
    assert "nan" not in (tmp_path / "s.csv").read_text().lower()


def test_a_signal_that_one_person_lacks_is_empty(two_people, tmp_path):
    first, second = two_people.people
    lacking = replace(second.signals, values={"yaw": second.signals.values["yaw"]})
    write_signals_csv(replace(two_people, people=(first, replace(second, signals=lacking))), tmp_path / "s.csv")
    rows = read((tmp_path / "s.csv").read_bytes().decode())
    assert {row["smile"] for row in rows if row["person"] == "2"} == {""}
