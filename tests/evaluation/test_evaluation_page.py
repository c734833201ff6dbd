"""docs/evaluation.md can be typed: its commands run, its Python runs, its names are those of the code."""

import json
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from facevlm.cli import main
from facevlm.endpoints.scripted_server import ScriptedServer
from facevlm.evaluation import RuleJudge
from facevlm.evaluation.metrics import metric_names
from tests.answering.conftest import pictures_of, text_of
from tests.answering.tiny_models import tiny_llava
from tests.cli.conftest import scripted_describe
from tests.evaluation.grammar_as_model import as_judge
from tests.squares import RED, Square, film, still

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines() if line.startswith("facevlm ")]


def reply(body):
    """A vision model that sees smiles, and says yes; a judge as the grammar; ratings of 3."""
    last = body["messages"][-1]
    text = text_of(last)
    if pictures_of(last):
        return "Yes." if "same person" in text else "She smiles [happy]."
    if "one of these words" in text:
        return "happy"
    if "List the words of emotion" in text:
        return '{"labels": ["happy"]}'
    return '{"score": 3, "reason": ""}' if "from 1 to 10" in text else as_judge(body)


@pytest.fixture(scope="module")
def endpoint():
    with ScriptedServer(reply) as server:
        yield server.base_url


@pytest.fixture
def place(tmp_path, monkeypatch, squares):
    """A folder with all files that the page names, small ones; the describe engine says one sentence."""
    (row,) = [text for kind, text in BLOCKS if kind == "json"]
    for name in ("predictions.jsonl", "references.jsonl"):
        (tmp_path / name).write_text(row)
    clips = ["videos/clip-7.mp4", "examples/a.mp4", "examples/b.mp4", "EMER/train/s1.mp4", "DFEW/videos/1.mp4"]
    for clip in (*clips, *(f"DFEW/videos/{n}.mp4" for n in range(2, 6)), "MAFW/clips/00001.mp4"):
        (tmp_path / clip).parent.mkdir(parents=True, exist_ok=True)
        film(tmp_path / clip, 0.2, [Square(RED, still(40, 30, 100))])
    examples = [{"id": name, "video": f"{name}.mp4", "caption": f"She nods {name}."} for name in "ab"]
    (tmp_path / "examples/captions.jsonl").write_text(json.dumps(examples))
    (tmp_path / "trained.jsonl").write_text('{"source_dataset": "dfew", "source_clip_id": "00009"}\n')
    for fold in range(1, 6):
        for split in ("train", "test"):
            lists = {
                f"DFEW/EmoLabel_DataSplit/{split}(single-labeled)/set_{fold}.csv": f"id,label\n{fold},{fold}\n9,7\n",
                f"MAFW/split/single/no_caption/set_{fold}/{split}.txt": "00001.mp4 anger\n",
            }
            for name, text in lists.items():
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / name).write_text(text if split == "train" else text.replace("9,7\n", ""))
    (tmp_path / "EMER/dataset-v2").mkdir()
    (tmp_path / "EMER/dataset-v2/final-EMER-reason.csv").write_text("name,chinese,english\ns1,a,She smiles.\n")
    for person in range(12):
        for video in (0, 1):
            folder = tmp_path / f"YTF/frame_images_DB/P_{person}/{video}"
            folder.mkdir(parents=True)
            picture = np.full((72, 96, 3), 40, np.uint8)
            picture[11:61, 20:70] = (90 + 10 * person, 250, 90)
            for number in range(36):
                cv2.imwrite(str(folder / f"{video}.{number}.jpg"), picture)
    (tmp_path / "YTF/splits.txt").write_text("split number, pair number, first name, second name, is same\n")
    (tmp_path / "one").write_text("one")
    module = ModuleType("facevlm.describing")
    module.describe = lambda clip, **options: scripted_describe(tmp_path / "one")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "facevlm.describing", module)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made_before(command):
    """The commands that make what a command reads: each of which itself may read."""
    words = shlex.split(command)
    wanted = {word for word in words if word.startswith("runs") or word == "pairs.jsonl"}
    for earlier in COMMANDS[: COMMANDS.index(command)]:
        _, _, made = earlier.partition(" -o ")
        made = made.partition(" ")[0]
        if made and (made in wanted or ("runs" in words and made == "runs/first")):
            yield from made_before(earlier)
            yield earlier


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command, place, monkeypatch, capsys, endpoint):
    monkeypatch.setenv("OPENAI_BASE_URL", endpoint)
    if "openai:" in command:
        pytest.importorskip("openai")
    if "hf:" in command:
        pytest.importorskip("torch")
        tiny_llava(place / "llava-onevision")
    for earlier in made_before(command):
        assert main(shlex.split(earlier)[1:]) == 0
    capsys.readouterr()
    assert main(shlex.split(command)[1:]) == 0
    told = capsys.readouterr().err
    assert told == "" or (command.startswith("facevlm data pairs") and "12 pairs" in told)


@pytest.mark.parametrize("code", [text for kind, text in BLOCKS if kind == "python"])
def test_python_runs(code, capsys):
    exec(compile(code, "docs/evaluation.md", "exec"), {})
    assert capsys.readouterr().out


def test_metrics_are_named():
    told = set(re.findall(r"`([a-z0-9_]+)`", PAGE))
    for name in metric_names(RuleJudge()):
        assert name in told or re.sub(r"_[a-z]$", "_p", name) in told or name.startswith("bleu_"), name
