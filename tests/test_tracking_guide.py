"""docs/tracking.md tells the truth: its tables hold every constant of tracking with the values in the code."""

import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from facevlm.tracking.aflink import AFLinkConfig
from facevlm.tracking.interpolation import InterpolationConfig
from facevlm.tracking.relink import RelinkConfig
from facevlm.tracking.strongsort import FACES, StrongSortConfig
from facevlm.tracking.tracker import TrackerConfig

GUIDE = (Path(__file__).parents[1] / "docs" / "tracking.md").read_text(encoding="utf-8")
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
    written = table(name)
    assert list(written) == [field.name for field in fields(columns[0])]
    for field, cells in written.items():
        assert cells[: len(columns)] == [shown(getattr(config, field)) for config in columns], field
        assert cells[len(columns)], f"{name}.{field} is not explained"


def test_the_blocks_of_code_run():
    for block in re.findall(r"```python\n(.*?)```", GUIDE, flags=re.S):
        exec(compile(block, "docs/tracking.md", "exec"), {})
