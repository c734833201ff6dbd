"""A scripted `describe`: what it does is written in the clip itself, so that the command line is tested quickly."""

import errno
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from facevlm.cli import main
from facevlm.description import Description, Person, Sentence
from facevlm.errors import UsageError, VideoError
from facevlm.expression.event import Event, SignalTable
from facevlm.faces import weights
from facevlm.tracking.track import TrackSummary
from facevlm.video.clip import DecodeReport, VideoInfo

CAPTION = "The person blinks."


def scripted_describe(clip, *, on_progress=None, on_moment=None, **options) -> Description:
    """Do what the clip's text says: "one", "two" or "no" people, or one of the failures."""
    script = Path(clip).read_text() if Path(clip).exists() else "missing"
    if on_progress:
        on_progress(0.5)
    match script:
        case "missing":
            raise VideoError("no such file", where=clip, mend="check the path")
        case "broken":
            raise VideoError("is no video", where=clip)
        case "nobody there":
            raise UsageError("there is no person 7", where="--who")
        case "bug":
            raise ZeroDivisionError("division by zero")
        case "disk full":
            raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")
        case "big":
            raise MemoryError
        case "interrupt":
            raise KeyboardInterrupt
    count = {"no": 0, "two": 2}.get(script, 1)
    people = tuple(_person(number) for number in range(1, count + 1))
    info = VideoInfo(str(clip), 2.0, 640, 480, Fraction(25), 0, "h264")
    warnings = ("3 frames are damaged",) if script == "damaged" else ()
    return Description(info, DecodeReport(50, 0, 1.96), people, CAPTION if people else "No face is seen.", warnings)


def _person(number: int) -> Person:
    summary = TrackSummary(number, (number,), ((0.0, 2.0),), 50, 0.1, 0.9, number == 1, "the largest face")
    event = Event(number, "blink", 1.0, 1.1, 1.2, "clear", 0.9)
    signals = SignalTable(np.zeros(1), np.zeros(1, np.int32), {})
    return Person(summary, {}, (event,), CAPTION, (Sentence(CAPTION, (number,)),), signals)


@pytest.fixture
def calls(monkeypatch) -> list[dict]:
    """Puts the scripted describe in place; returns the arguments of each call."""
    seen: list[dict] = []

    def describe(clip, **arguments):
        seen.append({"clip": str(clip), **arguments})
        return scripted_describe(clip, **arguments)

    module = ModuleType("facevlm.describing")
    module.describe = describe  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "facevlm.describing", module)
    monkeypatch.setattr(weights, "is_present", lambda name: True)
    return seen


@pytest.fixture
def clip(tmp_path) -> Callable[..., str]:
    """Makes a clip with a script; returns its path."""

    def make(name: str = "talk.mp4", script: str = "one") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script)
        return str(path)

    return make


@pytest.fixture
def run(capfd, calls) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line; returns exit code, standard output and standard error."""

    def run_it(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run_it
