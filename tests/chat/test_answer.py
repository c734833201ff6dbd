"""Answers in pieces: all of them, errors, and what happens when nobody listens any more."""

import json
import math

import pytest

from facevlm.chat.answer import Answer, AnswerStream, printable
from facevlm.errors import InputError

ANSWER = Answer("He smiles.", 0.123456, (2,), "m", (0.25, 1.0 / 3))


def test_pieces_come_in_order_and_then_the_answer():
    def ask(on_text):
        for word in ("He ", "smiles."):
            on_text(word)
        return ANSWER

    stream = AnswerStream(ask)
    assert stream.answer is None
    assert list(stream) == ["He ", "smiles."] and stream.answer == ANSWER


def test_an_error_comes_where_the_pieces_are_read():
    def ask(on_text):
        on_text("He ")
        raise InputError("too long")

    stream = AnswerStream(ask)
    with pytest.raises(InputError, match="too long"):
        list(stream)
    assert stream.answer is None


def test_to_stop_listening_ends_the_answer():
    said = []

    def ask(on_text):
        for number in range(10**9):
            on_text(str(number))
            said.append(number)

    for _ in AnswerStream(ask):
        break
    assert len(said) < 10**6


def test_json_has_the_promised_keys():
    answer = json.loads(ANSWER.to_json())
    assert list(answer) == ["answer", "confidence", "evidence", "model", "frames", "warnings"]
    assert answer["confidence"] == 0.1235 and answer["evidence"] == [2] and answer["frames"] == [0.25, 0.3333]
    assert json.loads(Answer("", None, (), "m", ()).to_json())["confidence"] is None
    with pytest.raises(ValueError):
        Answer("", math.nan, (), "m", ()).to_json()


def test_what_could_steer_a_terminal_is_not_printed():
    assert printable("a\x1b[2J\n表\x00\r") == "a�[2J\n表��"
