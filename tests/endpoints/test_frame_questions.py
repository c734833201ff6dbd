"""Questions about frames: what is sent, how large, and what of it is kept."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from facevlm.endpoints import CachedClient, Message, OpenAIClient, ScriptedClient, ScriptedServer, ask_about_frames
from facevlm.endpoints.frame_questions import MOST_IMAGES, jpeg_images
from facevlm.errors import UsageError

RED, BLUE = (np.full((60, 100, 3), colour, np.uint8) for colour in ((250, 0, 0), (0, 0, 250)))
QUESTION = Message("user", "What does her face do?")


def decoded(url):
    assert url.startswith("data:image/jpeg;base64,")
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def test_frames_go_with_the_question_as_pictures():
    pytest.importorskip("openai")
    examples = [Message("user", "And here?", jpeg_images([BLUE])), Message("assistant", "She smiles.")]
    with ScriptedServer(lambda body: "She frowns.") as server:
        asked = OpenAIClient("m", base_url=server.base_url, retries=0)
        messages = [Message("system", "You look at faces."), QUESTION]
        assert ask_about_frames(asked, [RED, BLUE], messages, examples=examples).text == "She frowns."
    (body,) = server.requests
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["messages"][2]["content"] == "She smiles."
    *pictures, text = body["messages"][3]["content"]
    assert text == {"type": "text", "text": QUESTION.text}
    shown = [np.asarray(decoded(picture["image_url"]["url"])) for picture in pictures]
    assert [int(picture.mean((0, 1)).argmax()) for picture in shown] == [0, 2] and shown[0].shape == (60, 100, 3)


def test_the_frames_stand_at_the_first_question_of_a_conversation():
    scripted = ScriptedClient(["Yes."])
    ask_about_frames(scripted, [RED], [QUESTION, Message("assistant", "She smiles."), Message("user", "Broadly?")])
    (request,) = scripted.requests
    assert [len(message.images) for message in request.messages()] == [1, 0, 0]


def test_large_frames_are_reduced_and_small_ones_left():
    large, small = jpeg_images([np.zeros((1080, 1920, 3), np.uint8), RED], 640)
    assert Image.open(io.BytesIO(large)).size == (640, 360) and Image.open(io.BytesIO(small)).size == (100, 60)


REFUSED = {
    "too many frames": ([RED] * (MOST_IMAGES + 1), [QUESTION]),
    "too many with what is in the messages": (
        [RED] * MOST_IMAGES,
        [Message("user", "Look.", jpeg_images([RED])), Message("assistant", "Yes."), QUESTION],
    ),
    "nothing is asked": ([RED], []),
    "the model spoke last": ([RED], [QUESTION, Message("assistant", "She smiles.")]),
}


@pytest.mark.parametrize("situation", REFUSED)
def test_what_cannot_be_sent(situation):
    with pytest.raises(UsageError):
        ask_about_frames(ScriptedClient(["never"]), *REFUSED[situation])


def test_replies_are_kept_by_what_the_pictures_show(tmp_path):
    asked = CachedClient(ScriptedClient(["red", "blue"], model="m"), tmp_path)
    assert [ask_about_frames(asked, [frame], [QUESTION]).text for frame in (RED, BLUE, RED)] == ["red", "blue", "red"]
    assert asked.asked == 2
    kept = [json.loads(path.read_text()) for path in tmp_path.rglob("*.json")]
    assert all(len(row["request"]["images"][0]) == 64 for row in kept)  # the hash, not the picture
    replayed = CachedClient(None, tmp_path, model="m")
    assert ask_about_frames(replayed, [BLUE], [QUESTION]).text == "blue"
