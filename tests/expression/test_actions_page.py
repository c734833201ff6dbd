"""docs/actions.md says what the code does."""

import re
from pathlib import Path

import pytest

from facevlm.expression import brows, eyes, gaze, head, mouth, rest
from facevlm.expression.event import ACTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "actions.md").read_text(encoding="utf-8")
SECTIONS = {"eyes.py": eyes, "brows.py": brows, "gaze.py": gaze, "mouth.py": mouth, "head.py": head}


@pytest.mark.parametrize(("file", "module"), SECTIONS.items())
def test_thresholds_on_the_page_are_those_of_the_code(file, module):
    section = PAGE.split(f"(`{file}`)")[1].split("\n## ")[0]
    named = re.findall(r"\b([A-Z][A-Z_]+) (\d[\d.]*\d|\d)", section)
    assert named
    assert {name: float(value) for name, value in named} == {name: float(getattr(module, name)) for name, _ in named}


def test_limits_on_the_page_are_those_of_the_code():
    assert f"FINE_PX {rest.FINE_PX:g}" in PAGE
    assert f"mouths turned away by more than {mouth.MAX_YAW:g} degrees, eyes by more than {eyes.MAX_YAW:g}" in PAGE
    assert f"heads turned by\nmore than {head.MAX_YAW:g};" in PAGE


def test_head_thresholds_are_those_of_the_axes():
    section = PAGE.split("(`head.py`)")[1]
    for axis in head.AXES:
        assert f"`{axis.positive}`, `{axis.negative}`" in section
        assert f"{axis.swing:g} degrees at {axis.speed:g} degrees a second" in section


def test_every_action_is_on_the_page():
    assert not [action for action in ACTIONS if f"`{action}`" not in PAGE]
