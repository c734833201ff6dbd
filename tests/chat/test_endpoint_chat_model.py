"""A vision model behind an endpoint answers about a clip: what is sent, conversations, evidence, failures."""

import json

import pytest

from facevlm.chat.endpoint_chat_model import NO_CONFIDENCE, EndpointChatModel, SeenFrames
from facevlm.chatting import FaceChat, Looking
from facevlm.cli import chatting, main
from facevlm.endpoints.scripted_client import ScriptedClient
from facevlm.endpoints.scripted_server import Answer, ScriptedServer
from facevlm.errors import ReplyError, UsageError
from facevlm.perceiving import PerceptionConfig
from tests.squares import RED, Square, film, still

PLAIN = Looking(config=PerceptionConfig(occlusion=False))  # a plain square looks hidden


@pytest.fixture
def clip(tmp_path, squares):
    return film(tmp_path / "one.mp4", 2.0, [Square(RED, still(20, 30, 60))])


@pytest.fixture(autouse=True)
def _opened_anew():
    chatting._opened.cache_clear()  # a model is opened once in a process, and here each has a server of its own


def asked(*replies, frames=4, **options):
    client = ScriptedClient(replies, model="eyes")
    return client, FaceChat(EndpointChatModel(client, frames=frames), **options)


def test_frames_and_their_times_are_sent_with_the_first_question(clip):
    client, chat = asked("He smiles.", "No.")
    talk = chat.conversation(clip, looking=PLAIN)
    first, second = talk.ask("What does he do?"), talk.ask("Does he blink?")
    assert (first.answer, second.answer, first.model) == ("He smiles.", "No.", "openai:eyes")
    assert first.confidence is None and NO_CONFIDENCE in first.warnings
    one, two = client.requests
    assert one.user == "The video contains 4 frames, sampled at 0.2, 0.7, 1.2, 1.7 seconds.\nWhat does he do?"
    assert first.frames == pytest.approx((0.2, 0.7, 1.2, 1.7), abs=0.06)
    assert len(one.images) == 4 and all(image.startswith(b"\xff\xd8") for image in one.images)
    assert "Left and right are the person's own" in one.system
    assert [message.role for message in two.earlier] == ["user", "assistant"] and two.user == "Does he blink?"
    assert two.earlier[0].images == one.images and not two.images


def test_evidence_stands_before_the_question(clip):
    client, chat = asked("Yes.", evidence="events")
    chat.ask(clip, "Does he blink?", looking=PLAIN)
    assert "These movements of the face were measured" in client.requests[0].user
    assert client.requests[0].user.endswith("\nDoes he blink?")


def test_a_clip_of_few_frames_is_sent_without_repeats(tmp_path, squares):
    client, chat = asked("Yes.", frames=16)
    chat.ask(film(tmp_path / "a.mp4", 0.2, [Square(RED, still(20, 30, 60))]), "A?", looking=PLAIN)
    assert len(client.requests[0].images) == 5


SPOKEN = {  # conversation -> how many pictures each message brings, of two clips of two pictures
    "each in its place": ([[{"type": "video"}], "So.", [{"type": "video"}]], [2, 0, 2]),
    "both in one message": (["Hi.", "Hi.", [{"type": "video"}, {"type": "video"}]], [0, 0, 4]),
    "without places": (["A?", "So.", "B?"], [4, 0, 0]),
}


@pytest.mark.parametrize("situation", SPOKEN)
def test_several_clips_in_their_places(situation):
    contents, wanted = SPOKEN[situation]
    client = ScriptedClient(["Yes."], model="eyes")
    seen = [SeenFrames((bytes([k]), bytes([k])), f"Clip {k}.") for k in (1, 2)]
    texts = [c if isinstance(c, str) else [*c, {"type": "text", "text": "This?"}] for c in contents]
    talk = [{"role": ("user", "assistant")[k % 2], "content": text} for k, text in enumerate(texts)]
    EndpointChatModel(client).reply(seen, talk, max_new_tokens=5)
    (request,) = client.requests
    assert [len(message.images) for message in request.earlier] + [len(request.images)] == wanted
    assert "Clip 2." in " ".join([*(message.text for message in request.earlier), request.user])


def test_words_alone_bring_no_pictures():
    client = ScriptedClient(["Yes."], model="eyes")
    EndpointChatModel(client).reply([], [{"role": "user", "content": "Is a smile happy?"}], max_new_tokens=5)
    (request,) = client.requests
    assert (request.user, request.images, request.system) == ("Is a smile happy?", (), "")


def test_an_empty_reply_is_no_answer(clip):
    _, chat = asked("  ")
    with pytest.raises(ReplyError, match="the reply is empty"):
        chat.ask(clip, "A?", looking=PLAIN)


def test_an_endpoint_needs_a_name():
    with pytest.raises(UsageError, match="give openai:NAME"):
        FaceChat.from_pretrained("openai:")


@pytest.mark.parametrize("evidence", [None, "events", "description:openai:other"])
def test_ask_by_the_command_line(clip, monkeypatch, capfd, evidence):
    with ScriptedServer(lambda body: "He blinks." if body["model"] == "eyes" else "A calm man.") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        more = [] if evidence is None else ["--with-evidence", evidence]
        assert main(["ask", str(clip), "What?", "--model", "openai:eyes", "--json", "--quiet", *more]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["answer"] == "He blinks." and told["model"] == "openai:eyes" and len(told["frames"]) == 16
    text = server.requests[-1]["messages"][-1]["content"][-1]["text"]
    assert ("A calm man." in text) == (evidence == "description:openai:other")


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [(Answer(status=404), 1, "check the key"), (Answer(body="<html>"), 1, "no chat completion")],
    ids=["unknown model", "garbage"],
)
def test_a_failing_endpoint_is_told_in_one_line(clip, monkeypatch, capfd, answer, code, said):
    with ScriptedServer(lambda body: answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        assert main(["ask", str(clip), "What?", "--model", "openai:eyes", "--quiet"]) == code
    out, error = capfd.readouterr()
    assert not out and said in error and error.count("\n") == 1
