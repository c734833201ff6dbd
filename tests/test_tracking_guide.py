"""docs/tracking.md tells the truth: its tables hold every constant of tracking with the values in the code."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from facevlm import tracking
from facevlm.tracking import FACES, AFLinkConfig, InterpolationConfig, RelinkConfig, StrongSortConfig, TrackerConfig

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "tracking.md").read_text(encoding="utf-8")
PAPER = StrongSortConfig()
TABLES = {
    # heading -> configs whose values are in the columns, in order
    "StrongSortConfig": (PAPER, FACES),
    "KalmanConfig": (PAPER.kalman, FACES.kalman),
    "AssociationConfig": (PAPER.association, FACES.association),
    "CameraMotionConfig": (PAPER.ecc, FACES.ecc),
    "AFLinkConfig": (AFLinkConfig(), RelinkConfig().aflink),
    "InterpolationConfig": (InterpolationConfig(),),
    "TrackerConfig": (TrackerConfig(),),
    "DuplicatesConfig": (TrackerConfig().duplicates,),
    "RelinkConfig": (RelinkConfig(),),
}


def shown(value):
    """A value as the guide writes it."""
    if is_dataclass(value):
        return "below"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table(name):
    """Field -> values, of the table under a heading."""
    section = re.split(rf"^### `{name}`$", GUIDE, flags=re.M)[1].split("\n#")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:2] == "| "]
    return {row[0].strip("`"): row[1:] for row in rows[1:]}


@pytest.mark.parametrize("name", TABLES)
def test_the_table_holds_every_field_and_its_value(name):
    columns = TABLES[name]
    assert getattr(tracking, name) is type(columns[0])
    written = table(name)
    assert list(written) == [field.name for field in fields(columns[0])]
    for field, cells in written.items():
        assert cells[: len(columns)] == [shown(getattr(config, field)) for config in columns], field
        assert cells[len(columns)], f"{name}.{field} is not explained"


def test_the_cost_of_camera_motion_is_the_one_measured():
    measured = (ROOT / "benchmarks" / "results" / "tracking_speed.txt").read_text(encoding="utf-8")
    (cost,) = re.findall(r"^camera motion \(ECC, 1280x720\): ([\d.]+) ms a frame$", measured, flags=re.M)
    assert f"{round(float(cost))} ms a frame at 1280x720" in GUIDE


def test_the_blocks_of_code_run():
    for block in re.findall(r"```python\n(.*?)```", GUIDE, flags=re.S):
        exec(compile(block, "docs/tracking.md", "exec"), {})
