"""From clip and question to an answer: what the model is shown and told, once per clip; evidence; whose face."""

import numpy as np
import pytest

from facevlm.chat import chat_models
from facevlm.chat.scripted_chat_model import ScriptedChatModel
from facevlm.chatting import KEPT_CLIPS, NOBODY, ONLY_FIRST, FaceChat, Looking
from facevlm.describing import describe
from facevlm.description import NO_FACE
from facevlm.errors import InputError, UsageError, VideoError
from facevlm.exports.documents import DescriptionDocument
from facevlm.exports.json_document import read_document, to_json
from facevlm.perceiving import PerceptionConfig
from tests.squares import GREEN, RED, Square, film, still

PLAIN = Looking(config=PerceptionConfig(occlusion=False))  # a plain square looks hidden


def scripted(*script, evidence=None, **kind):
    return FaceChat(ScriptedChatModel(script, **kind), evidence=evidence)


@pytest.fixture
def one_face(tmp_path, squares):
    return film(tmp_path / "one.mp4", 2.0, [Square(RED, lambda t: (20 + 40 * t, 30, 60))])


@pytest.fixture
def two_faces(tmp_path, squares):
    return film(tmp_path / "two.mp4", 2.0, [Square(RED, still(10, 20, 70)), Square(GREEN, still(120, 60, 50))])


def text_of(message):
    content = message["content"]
    return content if isinstance(content, str) else " | ".join(p["text"] for p in content if p["type"] == "text")


# --- what the model is shown


def test_a_clip_is_seen_once_for_many_questions(one_face):
    chat = scripted("Yes.", "No.", "Maybe.")
    answers = [chat.ask(one_face, question, looking=PLAIN) for question in ("A?", "B?", "C?")]
    assert [answer.answer for answer in answers] == ["Yes.", "No.", "Maybe."]
    (frames,) = chat.model.shown
    assert answers[0].frames == tuple(frame.time for frame in frames) == pytest.approx((0.24, 0.72, 1.2, 1.68), abs=0.1)
    assert [[text_of(m) for m in told] for told in chat.model.told] == [["A?"], ["B?"], ["C?"]]


def test_a_clip_written_anew_is_seen_anew(one_face):
    chat = scripted("Yes.", "No.")
    chat.ask(one_face, "A?", looking=PLAIN)
    film(one_face, 1.0, [Square(RED, still(20, 30, 60))])
    chat.ask(one_face, "A?", looking=PLAIN)
    assert len(chat.model.shown) == 2


def test_few_clips_are_remembered(one_face):
    chat = scripted(*"abcdefgh")
    for number in range(KEPT_CLIPS + 1):
        chat.ask(one_face, "A?", looking=Looking(end=0.5 + 0.1 * number, config=PLAIN.config))
    assert len(chat._looks) == KEPT_CLIPS


WHOSE = {  # faces the model takes, who is asked about -> crops of each frame
    ("main", "main"): [1],
    ("main", 2): [2],
    ("main", "all"): [1],
    ("main", "150,80"): [2],
    ("all", "main"): [1, 2],
    ("none", "main"): [None],
}


@pytest.mark.parametrize("faces, who", WHOSE)
def test_it_is_shown_the_face_that_is_asked_about(two_faces, faces, who):
    chat = scripted("Yes.", faces=faces)
    answer = chat.ask(two_faces, "A?", who=who, looking=PLAIN)
    (frames,) = chat.model.shown
    assert all([crop.track_id for crop in frame.crops] == WHOSE[faces, who] for frame in frames)
    assert NOBODY not in answer.warnings


def test_frames_are_moved_to_the_face_only_where_one_is_taken(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 2.0, [Square(RED, still(20, 30, 60, (0.0, 0.9)))])
    with_faces, without = scripted("A."), scripted("A.", faces="none")
    assert max(with_faces.ask(clip, "A?", looking=PLAIN).frames) < 0.9
    assert max(without.ask(clip, "A?", looking=PLAIN).frames) > 1.5


def test_without_a_face_whole_frames_are_shown_and_it_is_said(tmp_path, squares):
    clip = film(tmp_path / "a.mp4", 1.0, [])
    chat = scripted("Nothing.")
    answer = chat.ask(clip, "A?", looking=PLAIN)
    assert answer.evidence == () and {NOBODY, NO_FACE} <= set(answer.warnings)
    assert all(frame.crops[0].whole_frame for frame in chat.model.shown[0])
    assert NOBODY not in scripted("A.", faces="none").ask(clip, "A?", looking=PLAIN).warnings


@pytest.mark.parametrize("seconds", [0.04, 12.0])
def test_a_clip_of_one_frame_and_one_of_300_are_asked_about(tmp_path, squares, seconds):
    clip = film(tmp_path / "a.mp4", seconds, [Square(RED, still(20, 30, 60))])
    answer = scripted("Yes.").ask(clip, "A?", looking=PLAIN)
    assert len(answer.frames) == 4 and len(set(answer.frames)) == (1 if seconds < 1 else 4)


@pytest.mark.parametrize("name", ["tiny", "tiny-facetrack-mm"])
def test_frames_are_those_that_the_models_kind_was_trained_on(name, one_face):
    pytest.importorskip("torch", reason="models need the extra facevlm[models]")
    from facevlm.models.frame_indices import videochat2_inference, videollama2_uniform

    table = videochat2_inference(50, 8) if name == "tiny" else videollama2_uniform(50, 4)
    answer = FaceChat.from_pretrained(name, max_new_tokens=1).ask(one_face, "A?", looking=PLAIN)
    assert answer.frames == pytest.approx([number / 25 for number in table])


def test_two_people_are_shown_to_a_model_that_takes_two(two_faces):
    chat = scripted("Yes.", "Yes.")
    chat.model.people = 2
    for who in ("all", "main"):
        chat.ask(two_faces, "A?", who=who, looking=PLAIN)
    first, second = ([crop.track_id for crop in frames[0].crops] for frames in chat.model.shown)
    assert (first, second) == ([1, 2], [1])


# --- conversations


def test_each_question_builds_on_those_before(one_face):
    chat = scripted("They rise.", "Slowly.")
    talk = chat.conversation(one_face, looking=PLAIN)
    talk.ask("How do the brows move?")
    talk.ask("How fast?")
    said = [(message["role"], text_of(message)) for message in chat.model.told[1]]
    assert said == [("user", "How do the brows move?"), ("assistant", "They rise."), ("user", "How fast?")]
    assert len(talk.messages) == 4


def test_a_question_that_fails_leaves_the_conversation_as_it_was(one_face):
    talk = scripted("Yes.").conversation(one_face, looking=PLAIN)
    talk.ask("A?")
    before = list(talk.messages)
    for question in ("B?", "  "):
        with pytest.raises(UsageError):
            talk.ask(question)
    assert talk.messages == before


def test_a_stream_says_what_asking_says(one_face):
    chat = scripted("He smiles broadly.", "He smiles broadly.")
    stream = chat.stream(one_face, "A?", looking=PLAIN)
    assert list(stream) == ["He", " smiles", " broadly."]
    assert stream.answer == chat.ask(one_face, "A?", looking=PLAIN)


def test_lone_surrogates_of_a_command_line_do_no_harm(one_face):
    chat = scripted("Yes.")
    chat.ask(one_face, "What is \udcff?", looking=PLAIN)
    assert text_of(chat.model.told[0][0]) == "What is ??"


# --- evidence, on the puppet, of which blink, smile, turn and wink are known


def test_the_events_that_an_answer_tells_are_its_evidence(puppet_clip, described):
    answer = scripted("The person blinks, and later turns the head to the left.").ask(puppet_clip.path, "A?")
    ids = {event.id: event.action for event in described.people[0].events}
    assert {ids[number] for number in answer.evidence} == {"blink", "head_turn_left"}
    assert scripted("The person nods.").ask(puppet_clip.path, "A?").evidence == ()


def test_events_in_the_prompt_are_the_evidence(puppet_clip, described):
    chat = scripted("Yes.", "No.", evidence="events")
    talk = chat.conversation(puppet_clip.path)
    answer = talk.ask("Does she smile?")
    assert answer.evidence == tuple(event.id for event in described.people[0].events)
    asked = chat.model.told[0][0]["content"]
    assert [part["type"] for part in asked] == ["video", "text", "text"]
    assert asked[2]["text"] == "Does she smile?"  # apart: what reads the question reads it alone
    for event in described.people[0].events:
        assert f"{event.t0:.1f}-{event.t1:.1f} s: " in asked[1]["text"]
    assert "turns the head left (clear)" in asked[1]["text"]
    talk.ask("And then?")
    assert text_of(chat.model.told[1][-1]) == "And then?"  # told once
    assert chat.model.told[1][-1]["content"][0]["type"] == "text"  # and shown once


def test_another_models_description_is_put_into_the_prompt(one_face):
    describer = ScriptedChatModel(["She smiles."], frames=2, faces="none")
    chat = FaceChat(ScriptedChatModel(["Yes."]), evidence=describer)
    chat.ask(one_face, "Does she?", looking=PLAIN)
    assert text_of(chat.model.told[0][0]) == "This is a description of the video:\nShe smiles. | Does she?"
    assert text_of(describer.told[0][0]).startswith("Describe the facial expressions") and len(describer.shown[0]) == 2


# --- describing


def test_a_description_keeps_all_but_the_words(puppet_clip, described, tmp_path):
    told = scripted("The person blinks. It is a fine day.").describe(puppet_clip.path)
    (person,), (measured,) = told.people, described.people
    assert person.caption == told.caption == "The person blinks. It is a fine day."
    assert person.events == measured.events and person.track.spans == measured.track.spans
    assert [sentence.text for sentence in person.sentences] == ["The person blinks.", "It is a fine day."]
    blinks = tuple(event.id for event in measured.events if event.action == "blink")
    assert [sentence.events for sentence in person.sentences] == [blinks, ()] and blinks
    (tmp_path / "a.json").write_text(to_json(told))
    assert read_document(tmp_path / "a.json", DescriptionDocument).caption == told.caption


def test_each_person_is_told_of_where_the_model_sees_faces(two_faces):
    chat = scripted("The first smiles.", "The second blinks.")
    told = chat.describe(two_faces, looking=PLAIN)
    assert [person.caption for person in told.people] == ["The first smiles.", "The second blinks."]
    assert [frames[0].crops[0].track_id for frames in chat.model.shown] == [1, 2]
    assert told.caption == "The first smiles.\nThe second blinks."


def test_whole_frames_give_words_to_the_first_person_alone(two_faces):
    told = scripted("They smile.", faces="none").describe(two_faces, looking=PLAIN)
    measured = describe(two_faces, config=PLAIN.config)
    assert [person.caption for person in told.people] == ["They smile.", measured.people[1].caption]
    assert ONLY_FIRST in told.warnings and set(measured.warnings) <= set(told.warnings)


def test_a_clip_without_a_face_is_described_and_warned_of(tmp_path, squares):
    told = scripted("A wall.").describe(film(tmp_path / "a.mp4", 1.0, []), looking=PLAIN)
    assert told.caption == "A wall." and not told.people and {NO_FACE, NOBODY} <= set(told.warnings)


# --- tiny models


@pytest.mark.parametrize("name", ["tiny", "tiny-favchat-v2", "tiny-facetrack-mm"])
def test_tiny_models_answer_with_a_confidence_and_say_that_it_is_noise(name, puppet_clip):
    pytest.importorskip("torch", reason="models need the extra facevlm[models]")
    chat = FaceChat.from_pretrained(name, max_new_tokens=8)
    answer = chat.ask(puppet_clip.path, "How do the brows move?")
    assert answer.answer and 0 < answer.confidence < 0.05 and answer.model == name
    assert len(answer.frames) == chat.model.frames and list(answer.frames) == sorted(answer.frames)
    assert chat_models.NOISE in answer.warnings and "The answer was cut after 8 tokens." in answer.warnings
    stream = chat.stream(puppet_clip.path, "How do the brows move?")
    pieces = list(stream)
    assert stream.answer == answer and "".join(pieces).strip() == answer.answer
    assert answer == FaceChat.from_pretrained(name, max_new_tokens=8).ask(puppet_clip.path, "How do the brows move?")


def test_a_saved_tiny_model_is_still_noise(tmp_path, one_face):
    pytest.importorskip("torch", reason="models need the extra facevlm[models]")
    from facevlm.models.tiny_models import write_tiny

    write_tiny(tmp_path / "m")
    answer = FaceChat.from_pretrained(tmp_path / "m", max_new_tokens=4).ask(one_face, "A?", looking=PLAIN)
    assert chat_models.NOISE in answer.warnings


# --- who answers, what is refused


def test_a_kind_of_model_is_a_row_of_the_table(monkeypatch, one_face):
    monkeypatch.setitem(chat_models.CHAT_MODELS, "script", lambda name: ScriptedChatModel([name]))
    assert FaceChat.from_pretrained("script:Yes.").ask(one_face, "A?", looking=PLAIN).answer == "Yes."


REFUSED = {
    "no such evidence": (
        lambda clip: FaceChat.from_pretrained("tiny", evidence="rumours"),
        UsageError,
        "give events",
    ),
    "no describer": (lambda clip: FaceChat.from_pretrained("tiny", evidence="description:"), UsageError, "give events"),
    "evidence of no kind": (lambda clip: scripted(evidence="rumours"), UsageError, "no evidence 'rumours'"),
    "no name": (lambda clip: FaceChat.from_pretrained(""), UsageError, "the name is empty"),
    "no question": (lambda clip: scripted("A.").ask(clip, " ", looking=PLAIN), UsageError, "the question is empty"),
    "no such person": (lambda clip: scripted("A.").ask(clip, "A?", who=7, looking=PLAIN), UsageError, "no person 7"),
    "no clip": (lambda clip: scripted("A.").ask(clip.with_name("b.mp4"), "A?"), VideoError, "no such file"),
    "a start after the end": (
        lambda clip: scripted("A.").ask(clip, "A?", looking=Looking(start=60.0)),
        InputError,
        "the start 60 s is after the end",
    ),
}


@pytest.mark.parametrize("situation", REFUSED)
def test_what_cannot_be_asked_is_told(situation, one_face):
    act, kind, says = REFUSED[situation]
    with pytest.raises(kind, match=says):
        act(one_face)


def test_crops_are_what_frames_for_model_cuts(one_face):
    chat = scripted("A.")
    chat.ask(one_face, "A?", looking=PLAIN)
    for frame in chat.model.shown[0]:
        assert frame.crops[0].pixels.shape == (224, 224, 3) and np.ptp(frame.crops[0].pixels) > 100
