"""The Python of docs/models.md runs, where it needs no public file; its numbers are those of the tests."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from facevlm.cli.program import app

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize("block", [block for block in BLOCKS if "model.pt" not in block], ids=lambda b: b.split()[1])
def test_python_of_the_page_runs(block, capsys):
    exec(compile(block, "docs/models.md", "exec"), {})
    assert re.match(r"\[\d+(, \d+)*\]", capsys.readouterr().out)


def test_paths_and_fields_of_the_page_exist():
    root = Path(__file__).parents[2]
    places = (root / "facevlm" / "models", root / "benchmarks" / "models")
    files = set(re.findall(r"`?(\w+\.py)`?", PAGE))
    assert len(files) > 12 and all(any((place / file).is_file() for place in places) for file in files)


def test_commands_of_the_page_parse():
    shell = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.S)).replace("\\\n", "")
    commands = [line.split("  #")[0] for line in shell.splitlines() if line.startswith("facevlm ")]
    assert len(commands) > 8
    for command in commands:
        arguments, program = shlex.split(command)[1:], typer.main.get_command(app)
        while hasattr(program, "commands"):
            program = program.commands[arguments.pop(0)]
        program.make_context("facevlm", arguments)  # parses, and runs nothing


@pytest.mark.parametrize("model, step", [("favchat", "stage 3, batch 4"), ("facetrack-mm", "answer, 16 frames")])
def test_the_memory_plan_of_the_page_is_true(model, step):
    from facevlm.models.memory_plan import STEPS, memory_plan
    from facevlm.models.model_parts import MODELS

    (row,) = re.findall(rf"^\| {model} \| {step} \| (.+) \|$", PAGE, re.M)
    (wanted,) = (one for one in STEPS[model] if one.name == step)
    plan = memory_plan(model, MODELS[model].config_class(), wanted)
    sizes = (sum(plan.weights.values()), plan.lora, plan.gradients, plan.optimizer, plan.kv_cache, plan.activations)
    assert row.split(" | ") == [f"{size / 1e9:.2f}" for size in (*sizes, plan.total)]


def test_parameters_of_the_page_are_true():
    from facevlm.models import (
        FaceTrackMMConfig,
        FaceTrackMMForConditionalGeneration,
        FaVChatConfig,
        FaVChatForConditionalGeneration,
    )

    told = re.search(r"\| parameters with Mistral-7B \| ([\d,]+) \| ([\d,]+) \|", PAGE)
    with torch.device("meta"):
        models = (
            FaVChatForConditionalGeneration(FaVChatConfig()),
            FaceTrackMMForConditionalGeneration(FaceTrackMMConfig()),
        )
    for number, model in zip(told.groups(), models, strict=True):
        assert int(number.replace(",", "")) == sum(p.numel() for p in model.parameters())
