"""Each example runs from start to end, and is short enough to read."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example, puppet_clip):
    pytest.importorskip("torch", reason="models need the extra facevlm[models]")
    assert len(example.read_text(encoding="utf-8").splitlines()) < 40
    done = subprocess.run([sys.executable, str(example), str(puppet_clip.path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for told in ("answer at 0.", "random weights", "3 looks at person 1", "stage 2, batch 4: "):
        assert told in done.stdout
