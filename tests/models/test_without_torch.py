"""The base works without torch: nothing imports it, and whoever asks for a model is told the pip line."""

import subprocess
import sys

import pytest

HEAVY = ("accelerate", "peft", "safetensors", "torch", "torchvision", "transformers")
BLOCKED = f"import sys; sys.modules.update(dict.fromkeys({HEAVY!r}))\n"
SPY = f"""
import sys
{{work}}
there = sorted(name for name in {HEAVY!r} if sys.modules.get(name))
assert not there, f"imported: {{{{there}}}}"
"""


def run(code, *arguments):
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.parametrize(
    "module", ["facevlm", "facevlm.describing", "facevlm.chatting", "facevlm.cli", "facevlm.evaluation"]
)
def test_importing_brings_no_torch(module):
    done = run(SPY.format(work=f"import {module}"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("blocked", [True, False], ids=["without torch", "with torch"])
def test_describe_neither_needs_nor_imports_torch(blocked, puppet_clip):
    work = "from facevlm.cli import main\nassert main(['describe', *sys.argv[1:]]) == 0"
    done = run((BLOCKED if blocked else "") + SPY.format(work=work), puppet_clip.path, "--format", "text")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("module", ["facevlm.models", "facevlm.models.umt", "facevlm.models.reference_weights"])
def test_a_missing_extra_is_told_with_the_pip_line(module):
    done = run(BLOCKED + f"import {module}")
    assert "MissingExtraError" in done.stderr and "pip install 'facevlm[models]'" in done.stderr


def test_who_asks_without_torch_is_told_the_pip_line(puppet_clip):
    ask = "from facevlm.cli import main\nassert main(['ask', *sys.argv[1:]]) == 1"
    done = run(BLOCKED + ask, puppet_clip.path, "How do the brows move?", "--model", "tiny")
    assert done.returncode == 0 and done.stdout == "", done.stderr
    assert done.stderr.count("\n") == 1 and "pip install 'facevlm[models]'" in done.stderr


def test_models_need_no_torchvision():
    pytest.importorskip("torch")
    names = ("clip_tower", "facexformer", "qformer", "stc", "umt", "granularity")
    imports = "; ".join(f"import facevlm.models.{name}" for name in names)
    done = run(f"import sys; sys.modules['torchvision'] = None; {imports}")
    assert done.returncode == 0, done.stderr
