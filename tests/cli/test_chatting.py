"""`facevlm ask`, `chat` and `describe --model`: journeys with tiny models on a filmed puppet, and what is refused."""

import io
import json
import sys

import pytest

from facevlm.chat import chat_models
from facevlm.chat.scripted_chat_model import ScriptedChatModel
from facevlm.cli import chatting, main
from facevlm.exports.json_document import read_description

NOISE = f"warning: {chat_models.NOISE}\n"
CUT = "warning: The answer was cut after 8 tokens.\n"


@pytest.fixture
def call(capfd):
    """Runs the command line; returns exit code, standard output and standard error."""

    def call_it(*arguments):
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call_it


@pytest.fixture
def tiny(call):
    pytest.importorskip("torch", reason="models need the extra facevlm[models]")
    return lambda verb, *arguments: call(verb, *arguments, "--max-tokens", 8)


@pytest.fixture
def scripted(monkeypatch):
    """Puts a script in place of models: `--model script:TEXT` says TEXT, and then that it has no more."""
    made = []

    def make(text):
        made.append(ScriptedChatModel(text.split("|")))
        return made[-1]

    monkeypatch.setitem(chat_models.CHAT_MODELS, "script", make)
    chatting._opened.cache_clear()
    yield made
    chatting._opened.cache_clear()


@pytest.fixture
def typed(monkeypatch):
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.mark.parametrize("model", ["tiny", "tiny-favchat-v2", "tiny-facetrack-mm"])
def test_a_tiny_model_is_asked(tiny, puppet_clip, model):
    code, out, err = tiny("ask", puppet_clip.path, "How do the brows move?", "--model", model)
    assert code == 0 and out.strip() and err == NOISE + CUT
    code, streamed, err = tiny("ask", puppet_clip.path, "How do the brows move?", "--model", model, "--stream", "-q")
    assert (code, streamed.strip(), err) == (0, out.strip(), "")
    code, document, err = tiny("ask", puppet_clip.path, "How do the brows move?", "--model", model, "--json")
    answer = json.loads(document)
    assert list(answer) == ["answer", "confidence", "evidence", "model", "frames", "warnings"]
    assert (code, err, answer["answer"], answer["model"]) == (0, "", out.strip(), model)
    assert 0 < answer["confidence"] < 1 and chat_models.NOISE in answer["warnings"]


def test_a_folder_is_asked(tiny, puppet_clip, tmp_path):
    pytest.importorskip("torch", reason="models need the extra facevlm[models]")
    from facevlm.models.tiny_models import write_tiny

    write_tiny(tmp_path / "model")
    code, out, _ = tiny("ask", puppet_clip.path, "How?", "--model", tmp_path / "model")
    assert (code, out) == tiny("ask", puppet_clip.path, "How?", "--model", "tiny")[:2]


def test_a_tiny_model_talks(tiny, puppet_clip, typed):
    typed("How?\n\n  Why?  \nquit\nAnd this?\n")
    code, out, err = tiny("chat", puppet_clip.path, "--model", "tiny")
    assert code == 0 and len(out.splitlines()) == 2 and err == NOISE + CUT  # each warning once


def test_a_tiny_model_describes_and_the_events_stay(tiny, puppet_clip, described, tmp_path):
    document = tmp_path / "a.json"
    outputs = ("-o", document, "--report", tmp_path / "a.html", "--overlay", tmp_path / "a.mp4")
    code, out, err = tiny("describe", puppet_clip.path, "--model", "tiny-facetrack-mm", *outputs)
    assert (code, out, err) == (0, "", NOISE + CUT)
    person, measured = read_description(document).people[0], described.people[0]
    assert [event.id for event in person.events] == [event.id for event in measured.events]
    assert person.caption and person.caption != measured.caption
    assert all(path.stat().st_size for path in (tmp_path / "a.html", tmp_path / "a.mp4"))


@pytest.mark.parametrize("format", ["text", "vtt", "srt", "eaf", "csv"])
def test_every_format_holds_a_models_words(call, puppet_clip, scripted, format):
    code, out, _ = call("describe", puppet_clip.path, "--model", "script:She blinks & smiles.", "-f", format, "-q")
    assert code == 0 and out


def test_the_words_come_with_their_evidence(call, puppet_clip, described, scripted):
    code, out, _ = call("ask", puppet_clip.path, "What?", "--model", "script:She blinks.", "--json")
    blinks = [event.id for event in described.people[0].events if event.action == "blink"]
    assert code == 0 and json.loads(out)["evidence"] == blinks and json.loads(out)["confidence"] is None


def test_evidence_reaches_the_prompt(call, puppet_clip, scripted):
    call("ask", puppet_clip.path, "What?", "--model", "script:Yes.", "--with-evidence", "events")
    call("ask", puppet_clip.path, "What?", "--model", "script:Yes.", "--with-evidence", "description:script:She nods.")
    events, description, asked = scripted[0], *sorted(scripted[1:], key=lambda model: len(model.told[0][0]["content"]))
    assert "turns the head left" in events.told[0][0]["content"][1]["text"]
    assert description.told and asked.told[0][0]["content"][1]["text"].endswith("\nShe nods.")


def test_a_talk_goes_on_after_a_question_that_fails(call, puppet_clip, scripted, typed):
    typed("One?\nTwo?\nThree?\n")
    code, out, err = call("chat", puppet_clip.path, "--model", "script:First.|Second.", "--stream")
    assert (code, out) == (2, "First.\nSecond.\n")
    assert err.endswith("error: scripted: the script has no more replies\n")
    assert [len(told) for told in scripted[0].told] == [1, 3, 5] and len(scripted[0].shown) == 1


def test_a_silent_talk_is_none(call, puppet_clip, scripted, typed):
    typed("")
    assert call("chat", puppet_clip.path, "--model", "script:First.") == (0, "", "")


def test_several_clips_are_described_by_one_model(call, puppet_clip, scripted, tmp_path):
    (tmp_path / "bad.mp4").write_text("none")
    clips = (puppet_clip.path, tmp_path / "bad.mp4")
    code, out, err = call("describe", *clips, "--model", "script:She blinks.", "-f", "json")
    assert code == 1 and json.loads(out)["caption"] == "She blinks." and "error: " in err
    assert len(scripted) == 1


REFUSED = {
    "no model": (["ask", "CLIP", "How?"], "Missing option '--model'"),
    "no such model": (["ask", "CLIP", "How?", "--model", "nowhere"], "nowhere: no folder of a model"),
    "an empty model": (["ask", "CLIP", "How?", "--model", ""], "--model: the name is empty"),
    "an empty question": (["ask", "CLIP", " ", "--model", "tiny"], "QUESTION: is empty"),
    "stream and json": (["ask", "CLIP", "How?", "--model", "tiny", "--stream", "--json"], "do not go together"),
    "no such evidence": (["ask", "CLIP", "How?", "--model", "tiny", "--with-evidence", "hearsay"], "give events, or"),
    "no such person": (["ask", "CLIP", "How?", "--model", "script:A.", "--who", "nobody"], "is no person"),
    "an absent person": (["ask", "CLIP", "How?", "--model", "script:A.", "--who", "9"], "there is no person 9"),
    "no such rate": (["chat", "CLIP", "--model", "tiny", "--fps", "0"], "--fps"),
    "no such detector": (["chat", "CLIP", "--model", "tiny", "--detector", "owl"], "choose among whole"),
    "no such embedder": (["ask", "CLIP", "Who?", "--model", "tiny", "--embedder", "arcface"], "descriptor, onnx:PATH"),
    "ends before it starts": (
        ["chat", "CLIP", "--model", "tiny", "--start", "5", "--end", "4"],
        "ends before it starts",
    ),
    "feelings of a model": (
        ["describe", "CLIP", "--model", "tiny", "--infer"],
        "--infer: is for the engine's own words",
    ),
    "evidence for nobody": (["describe", "CLIP", "--with-evidence", "events"], "add --model"),
    "describe, no such model": (["describe", "CLIP", "--model", "nowhere"], "nowhere: no folder of a model"),
    "few bits of a tiny model": (
        ["ask", "CLIP", "How?", "--model", "tiny", "--quantize", "4bit"],
        "tiny models are not kept in few bits",
    ),
    "few bits elsewhere": (
        ["chat", "CLIP", "--model", "openai:eyes", "--quantize", "4bit"],
        "--quantize: is for models on this machine",
    ),
    "no room": (["ask", "CLIP", "How?", "--model", "tiny", "--max-tokens", "0"], "--max-tokens"),
}


@pytest.mark.parametrize(("arguments", "says"), REFUSED.values(), ids=REFUSED)
def test_wrong_usage_is_one_line(call, puppet_clip, scripted, arguments, says):
    pytest.importorskip("torch", reason="models need the extra facevlm[models]")
    code, out, err = call(*(puppet_clip.path if word == "CLIP" else word for word in arguments))
    assert (code, out) == (2, "") and err.startswith("error: ") and err.count("\n") == 1 and says in err


def test_a_folder_of_clips_is_no_clip(call, scripted, tmp_path):
    code, out, err = call("ask", tmp_path, "How?", "--model", "script:A.")
    assert (code, out) == (1, "") and "no video files directly in this folder" in err
    (tmp_path / "a.mp4").touch()
    code, out, err = call("ask", tmp_path, "How?", "--model", "script:A.")
    assert (code, out) == (1, "") and "is a folder, where one video file is wanted" in err


def test_a_prompt_that_is_too_long_is_told(call, puppet_clip):
    pytest.importorskip("torch", reason="models need the extra facevlm[models]")
    code, out, err = call("ask", puppet_clip.path, "How?", "--model", "tiny", "--max-tokens", 5000)
    assert (code, out) == (1, "") and "do not fit into 2048" in err
