"""What the README shows can be typed: its commands parse, its options are all there, its make targets exist."""

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer

from facevlm.cli.program import app
from facevlm.exports.formats import FORMATS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
SHELL = [line.split("  #")[0] for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
COMMANDS = [line for line in SHELL if line.startswith("facevlm ")] + re.findall(r"`(facevlm weights \w+)`", README)
PROGRAM = typer.main.get_command(app)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_parses(command):
    arguments, program = shlex.split(command)[1:], PROGRAM
    while hasattr(program, "commands"):
        program = program.commands[arguments.pop(0)]
    program.make_context("facevlm", arguments)  # parses, and runs nothing


def test_the_table_has_all_options_of_describe():
    options = {option for item in PROGRAM.commands["describe"].params for option in item.opts if option.startswith("-")}
    table = README.partition("| `facevlm describe` |")[2].partition("\n\n")[0]
    told = set(re.findall(r"`(-[\w-]+)`", "".join(row.split(" | ")[0] for row in table.splitlines())))
    assert told == options


def test_all_formats_are_named():
    row = next(line for line in README.splitlines() if line.startswith("| `--format`"))
    assert set(re.findall(r"`(\w+)`", row)) == set(FORMATS)


def test_make_targets_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {line.split()[1] for line in SHELL if line.startswith("make ")} <= targets
    said = re.findall(r"^# make ([\w-]+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(said) <= targets


def test_the_python_lines_name_what_exists():
    import facevlm

    (code,) = [text for language, text in BLOCKS if language == "python"]
    names = [alias.name for node in ast.parse(code).body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert names == ["describe", "perceive"]
    assert set(names) <= set(facevlm.__all__)


def test_the_demo_folder_is_the_one_that_the_readme_and_git_know():
    (output,) = [item for item in PROGRAM.commands["demo"].params if "--output" in item.opts]
    assert f"{output.default}/" in README
    assert f"/{output.default}/" in (ROOT / ".gitignore").read_text().split()
