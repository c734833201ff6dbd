"""Answers kept as they come: what is asked again, what is not, and in which groups."""

import json
from pathlib import Path

import pytest

from facevlm.errors import BudgetError, InputError, ReplyError, UsageError
from facevlm.evaluation.answers import Example, Footage, Question, collect


class Scripted:
    """A model of one's own, as short as it can be; keeps what it was asked."""

    def __init__(self, answers, *, group=2, name="mine"):
        self.answers, self.group, self.card, self.asked = answers, group, {"model": name}, []

    def answer(self, questions):
        self.asked.append([question.id for question in questions])
        found = [self.answers[question.id] for question in questions]
        if stops := [one for one in found if isinstance(one, BudgetError)]:
            raise stops[0]
        return found


QUESTIONS = [Question(name, f"what of {name}?") for name in "abcde"]
SAID = {name: f"says {name}" for name in "abcde"}


def test_all_is_asked_once(tmp_path):
    first, again, done = Scripted(SAID), Scripted(SAID), []
    answers = collect(QUESTIONS, first, tmp_path / "f", on_progress=done.append)
    assert answers.texts == SAID and not answers.failures and answers.answerer == {"model": "mine"}
    assert first.asked == [["a", "b"], ["c", "d"], ["e"]] and done == [2, 2, 1]
    assert collect(QUESTIONS, again, tmp_path / "f") == answers and again.asked == []


def test_a_run_that_was_stopped_goes_on_in_the_same_groups(tmp_path):
    with pytest.raises(BudgetError):
        collect(QUESTIONS, Scripted(SAID | {"c": BudgetError("spent")}), tmp_path / "f")
    lines = (tmp_path / "f").read_text().splitlines(keepends=True)
    (tmp_path / "f").write_text("".join(lines[:-1]) + lines[-1][:20])  # killed while writing b
    again = Scripted(SAID)
    assert collect(QUESTIONS, again, tmp_path / "f").texts == SAID and again.asked == [["a", "b"], ["c", "d"], ["e"]]
    collect(QUESTIONS, Scripted(SAID), tmp_path / "whole")
    assert (tmp_path / "f").read_bytes() == (tmp_path / "whole").read_bytes()


def test_what_failed_is_told_and_tried_again(tmp_path):
    ill = collect(QUESTIONS, Scripted(SAID | {"d": ReplyError("no reply in time")}), tmp_path / "f")
    assert ill.texts["d"] is None and ill.failures == {"d": "no reply in time"}
    again = Scripted(SAID)
    assert collect(QUESTIONS, again, tmp_path / "f").texts == SAID and again.asked == [["c", "d"]]


def test_lone_surrogates_are_kept_as_what_a_file_can_hold(tmp_path):
    said = collect(QUESTIONS[:1], Scripted({"a": "nice \ud800"}), tmp_path / "f").texts
    assert said == collect(QUESTIONS[:1], Scripted({}), tmp_path / "f").texts == {"a": "nice ?"}


OTHERS = {
    "another model": (Scripted(SAID, name="other"), QUESTIONS),
    "another question": (Scripted(SAID), [Question("a", "and of a?"), *QUESTIONS[1:]]),
    "other examples": (Scripted(SAID), [Question("a", "what of a?", system="You."), *QUESTIONS[1:]]),
}


@pytest.mark.parametrize("situation", OTHERS)
def test_answers_of_another_run_are_not_mixed_in(situation, tmp_path):
    answerer, questions = OTHERS[situation]
    collect(QUESTIONS, Scripted(SAID), tmp_path / "f")
    with pytest.raises(UsageError, match="choose another folder"):
        collect(questions, answerer, tmp_path / "f")


PAIR = (Footage(Path("/ytf"), "A/0", ("0.1.jpg",)), Footage(Path("/ytf"), "A/1", ("1.1.jpg",)))
SHOWN = {
    "in a folder that was moved": (tuple(Footage(Path("/moved"), one.name, one.frames) for one in PAIR), True),
    "the clip of the same name of somebody else": ((PAIR[0], Footage(Path("/ytf"), "B/1", ("1.1.jpg",))), False),
    "other frames": ((PAIR[0], Footage(Path("/ytf"), "A/1", ("1.2.jpg",))), False),
    "the other way round": (PAIR[::-1], False),
    "one clip alone": (PAIR[:1], False),
}


@pytest.mark.parametrize("situation", SHOWN)
def test_answers_are_kept_for_what_was_shown(situation):
    shown, same = SHOWN[situation]
    assert (Question("a", "?", footage=shown).key == Question("a", "?", footage=PAIR).key) is same
    examples, others = ([Example(clip, "yes") for clip in clips] for clips in (PAIR, shown))
    keys = {Question("a", "?", examples=tuple(one)).key for one in (examples, others)}
    assert (len(keys) == 1) is same


@pytest.mark.parametrize("text", ["", "hello", json.dumps({"schema": "other"}), "[]"])
def test_what_is_no_file_of_answers(text, tmp_path):
    (tmp_path / "f").write_text(text)
    with pytest.raises(InputError, match="holds no answers"):
        collect(QUESTIONS, Scripted(SAID), tmp_path / "f")
