"""Emotions out of words: answers of models, and descriptions by rule."""

import pytest

from facevlm.evaluation.classification import DFEW_LABELS, MAFW_LABELS
from facevlm.evaluation.emotion_labels import label_by_rule, parse_label

ANSWERS = {
    "a word": ("Happy", "happy"),
    "a noun": ("The person shows sadness.", "sad"),
    "said twice": ("Anger. Yes, anger.", "angry"),
    "denied words do not count": ("Not happy, but surprised.", "surprise"),
    "several, then an answer": ("It could be fear or sadness. The emotion is fear.", "fear"),
    "an answer after a colon": ("happy, sad? Answer: neutral", "neutral"),
    "thoughts do not count": ("<think>happy or sad</think>disgust", "disgust"),
    "thoughts that the prompt opened": ("happy or sad</think>disgust", "disgust"),
    "thoughts without an end": ("<think>happy", None),
    "several": ("happy and surprised", None),
    "several after the cue": ("The emotion is fear or anger", None),
    "none": ("I cannot tell.", None),
    "part of a word": ("unhappy", None),
    "empty": ("", None),
    "of another benchmark": ("contempt", None),
}


@pytest.mark.parametrize("situation", ANSWERS)
def test_answers(situation):
    answer, label = ANSWERS[situation]
    assert parse_label(answer, DFEW_LABELS) == label


@pytest.mark.parametrize("label", MAFW_LABELS)
def test_every_label_names_itself(label):
    assert parse_label(label, MAFW_LABELS) == label


DESCRIPTIONS = {
    "a smile": ("She smiles broadly while narrowing her eyes.", "happy"),
    "brows and lids": ("He raises his eyebrows, widens his eyes and opens his mouth.", "surprise"),
    "a frown and pressed lips": ("He frowns and presses his lips together.", "angry"),
    "a wrinkled nose": ("She wrinkles her nose.", "disgust"),
    "talk alone": ("He speaks, blinks twice and looks to the left.", "neutral"),
    "words before actions": ("She smiles, but seems sad, very sad.", "sad"),
    "a guess of the describe engine": ("The person smiles slightly [happy].", "happy"),
    "a neutral look and a feeling": ("At first her expression is neutral, then she shows fear.", "fear"),
    "nothing": ("  ", None),
}


@pytest.mark.parametrize("situation", DESCRIPTIONS)
def test_descriptions_by_rule(situation):
    description, label = DESCRIPTIONS[situation]
    assert label_by_rule(description, DFEW_LABELS) == label
