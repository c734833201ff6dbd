"""docs/evaluation.md can be typed: its commands run, its Python runs, its names are those of the code."""

import re
import shlex
from pathlib import Path

import pytest

from facevlm.cli import main
from facevlm.endpoints.scripted_server import ScriptedServer
from facevlm.evaluation import RuleJudge
from facevlm.evaluation.metrics import metric_names
from tests.evaluation.grammar_as_model import as_judge

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line.startswith("facevlm ")]


@pytest.fixture(scope="module")
def endpoint():
    with ScriptedServer(as_judge) as server:
        yield server.base_url


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command, tmp_path, monkeypatch, capsys, endpoint):
    (row,) = [text for kind, text in BLOCKS if kind == "json"]
    for name in ("predictions.jsonl", "references.jsonl"):
        (tmp_path / name).write_text(row)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint)
    if "--judge" in command:
        pytest.importorskip("openai")
    wanted = {word for word in shlex.split(command) if word.startswith("runs")}  # what it reads is made first
    for earlier in COMMANDS[: COMMANDS.index(command)]:
        made = {word for word in shlex.split(earlier) if word.startswith("runs/")}
        if wanted & (made | {"runs"} if made else set()):
            assert main(shlex.split(earlier)[1:]) == 0
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("code", [text for kind, text in BLOCKS if kind == "python"])
def test_python_runs(code, capsys):
    exec(compile(code, "docs/evaluation.md", "exec"), {})
    assert capsys.readouterr().out


def test_metrics_are_named():
    told = set(re.findall(r"`([a-z0-9_]+)`", PAGE))
    for name in metric_names(RuleJudge()):
        assert name in told or re.sub(r"_[a-z]$", "_p", name) in told or name.startswith("bleu_"), name
