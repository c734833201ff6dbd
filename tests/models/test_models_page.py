"""The Python of docs/models.md runs, where it needs no public file; its numbers are those of the tests."""

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="models need the extra facevlm[models]")

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize("block", [block for block in BLOCKS if "model.pt" not in block], ids=lambda b: b.split()[1])
def test_python_of_the_page_runs(block, capsys):
    exec(compile(block, "docs/models.md", "exec"), {})
    assert re.match(r"\[\d+(, \d+)*\]", capsys.readouterr().out)


def test_paths_and_fields_of_the_page_exist():
    package = Path(__file__).parents[2] / "facevlm" / "models"
    files = set(re.findall(r"`?(\w+\.py)`?", PAGE))
    assert len(files) > 12 and all((package / file).is_file() for file in files)


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
