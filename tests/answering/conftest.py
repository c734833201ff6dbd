"""Small clips of one colour each, captions that are true of them, and a vision endpoint that tells colours apart."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facevlm.chat.chat_models import LocalModel, Reply
from facevlm.cli import main
from tests.squares import BLUE, GREEN, RED, Square, film, still

SAID = ("He blinks and smiles.", "She opens her mouth and nods.", "He looks up, then closes his eyes.")
COLOURS = (RED, GREEN, BLUE)


def pictures_of(message: dict) -> list[np.ndarray]:
    """The pictures of a message as it is sent."""
    content = message["content"] if isinstance(message["content"], list) else []
    urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))) for url in urls]


def text_of(message: dict) -> str:
    """The words of a message as it is sent."""
    content = message["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def colour_of(picture: np.ndarray) -> int:
    """Which of the three colours the middle of a picture has."""
    height, width = picture.shape[:2]
    return int(picture[height // 2, width // 2].argmax())


def captioner(body: dict) -> str:
    """What a vision model says: the true caption of the clip that is shown last."""
    return SAID[colour_of(pictures_of(body["messages"][-1])[0])]


@pytest.fixture
def told(monkeypatch) -> list[tuple[list, list[dict]]]:
    """What our own models are shown and told, as it comes; what they say is noise."""
    kept: list[tuple[list, list[dict]]] = []
    reply = LocalModel.reply

    def keep(self: LocalModel, seen: list, conversation: list[dict], **given: object) -> Reply:
        kept.append((seen, conversation))
        return reply(self, seen, conversation, **given)

    monkeypatch.setattr(LocalModel, "reply", keep)
    return kept


@pytest.fixture
def clips(tmp_path) -> Path:
    """A folder of three clips; `references.json` beside it: the third with another caption, a fourth without clip."""
    folder = tmp_path / "videos"
    (folder / "DFEW").mkdir(parents=True)
    for name, colour in enumerate(COLOURS):
        film(folder / f"DFEW/{name + 1}.mp4", 0.4, [Square(colour, still(40, 30, 100))])
    told = [*SAID[:2], "He frowns.", "She talks."]
    rows = [{"id": str(k), "video": f"DFEW/{k + 1}.mp4", "caption": caption} for k, caption in enumerate(told)]
    (tmp_path / "references.json").write_text(json.dumps(rows))
    return folder


@pytest.fixture
def examples(tmp_path) -> Path:
    """Captions of three other clips, in a folder with them."""
    folder = tmp_path / "examples"
    folder.mkdir()
    for number, colour in enumerate(COLOURS):
        film(folder / f"{number}.mp4", 0.4, [Square(colour, still(40, 30, 100))])
    rows = [{"id": f"x{k}", "video": f"{k}.mp4", "caption": f"She nods {k} times."} for k in range(3)]
    (folder / "examples.json").write_text(json.dumps(rows))
    return folder / "examples.json"


@pytest.fixture
def run(capfd) -> Callable[..., tuple[int, str, str]]:
    """Runs `facevlm eval`; returns exit code, standard output and standard error."""

    def run_it(*arguments: object) -> tuple[int, str, str]:
        code = main(["eval", *map(str, arguments)])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run_it
