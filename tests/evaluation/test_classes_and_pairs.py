"""Emotion classes, face verification, replies of judges, intervals: the small pure functions."""

import numpy as np
import pytest

from facevlm.errors import InputError, ReplyError
from facevlm.evaluation import classification_scores, fold_scores, verification_scores
from facevlm.evaluation.classification import DFEW_LABELS, MAFW_LABELS
from facevlm.evaluation.intervals import f_of_means_interval, mean_interval
from facevlm.evaluation.judge_replies import parse_emer_score, parse_events, parse_score, parse_verdicts
from facevlm.evaluation.verification import parse_same, roc_curve, tar_at_far


def test_stray_answers_are_wrong_and_add_no_class():
    scores = classification_scores(["happy", "sad"] * 2, ["happy", None, "glad", "sad"], labels=DFEW_LABELS)
    assert (scores.war, scores.uar, scores.stray) == (50.0, 50.0, 2)
    assert len(DFEW_LABELS) == 7 and len(MAFW_LABELS) == 11 and np.isnan(scores.recall[2])


def test_folds_are_averaged_and_pooled():
    folds = [(["happy"], ["happy"]), (["sad", "sad", "happy"], ["sad", "happy", "sad"])]
    scores = fold_scores(folds, labels=("happy", "sad"))
    assert scores.war == pytest.approx((100 + 100 / 3) / 2) and scores.pooled.war == 50.0


@pytest.mark.parametrize(
    ("truth", "answers"), [([], []), (["happy"], []), (["joyful"], ["happy"])], ids=["none", "numbers", "no class"]
)
def test_what_cannot_be_classified_is_refused(truth, answers):
    with pytest.raises(InputError):
        classification_scores(truth, answers, labels=DFEW_LABELS)


ANSWERS = {
    "Yes, the same person.": True,
    "They are the same individual": True,
    "no, they are not the same": False,
    "These are two different people": False,
    "It isn't the same person.": False,
    "No doubt it is the same person.": True,
    "There is no question that they match.": True,
    "No difference: the same person.": True,
    "Without a doubt, the same man": True,
    "They are the same person, not different people.": True,
    "They are not different people but the same person": True,
    "These aren't two different people.": True,
    "Different lighting, but the same person.": True,
    "The same person in different clothes": True,
    "The answer is yes.": True,
    "**Yes**, I see nothing different.": True,
    "<think>maybe no</think>Yes": True,
    "maybe no, they differ</think>Yes": True,
    "Not the same person, but two different people.": False,
    "They do not match.": False,
    "It is unlikely that they are the same": False,
    "I don't think that this is the same person.": False,
    "The faces are different.": False,
    "two different young women": False,
    "Answer: no": False,
    "The same person? No.": False,
    "<think>the same?</think>No": False,
    "I cannot tell.": None,
    "It is unclear whether they match": None,
    "Maybe": None,
    "Yes and no": None,
    "The same hair. The people are different.": None,
    "<think>yes, the same person": None,
    "": None,
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_on_pairs(answer):
    assert parse_same(answer) is ANSWERS[answer]


def test_verification_counts_unread_answers_as_wrong():
    scores = verification_scores([True, True, False, False], [True, None, False, True])
    assert (scores.accuracy, scores.unparsed, scores.always_same) == (50.0, 1, 50.0)
    assert scores.accuracy_answered == pytest.approx(200 / 3)
    with pytest.raises(InputError):
        verification_scores([], [])


def test_roc_accepts_ties_together():
    same, alike = [True, True, False, False], [0.9, 0.5, 0.5, 0.1]
    accepted, wrongly = roc_curve(same, alike)
    assert accepted.tolist() == [0, 0.5, 1, 1] and wrongly.tolist() == [0, 0, 0.5, 1]
    assert tar_at_far(same, alike, far=0.0) == 0.5 and tar_at_far(same, alike, far=0.5) == 1.0
    with pytest.raises(InputError):
        roc_curve([True, True], [0.1, 0.2])


def test_events_in_replies():
    assert parse_events('Sure! {"events": ["a", "b",]}') == ["a", "b"]
    assert parse_events("```json\n{'events': ['it\\'s']}\n```") == ["it's"]
    for reply in ("", "no", '{"events": "a"}', '{"events": [1]}', "[" * 5000):
        with pytest.raises(ReplyError):
            parse_events(reply)


def test_verdicts_in_replies():
    reply = (
        '{"events": [{"relationship": "Entailment "} {"relationship": "contradiction"}, {"relationship": "neutral"}]}'
    )
    assert parse_verdicts(reply.replace("} {", "}, {"), count=3).tolist() == [1, -1, 0]
    assert parse_verdicts(reply, count=3).tolist() == [1, -1, 0]
    for wrong, count in ((reply, 2), (reply.replace("neutral", "partial"), 3), ('{"events": ["x"]}', 1)):
        with pytest.raises(ReplyError):
            parse_verdicts(wrong, count=count)


def test_scores_in_replies():
    assert [parse_score(reply) for reply in ("{'score': 4.8}", "Score: 4", "4", "4.")] == [4, 4, 4, 4]
    assert parse_score("Score (0-5): 4") == 4
    assert parse_emer_score("预测分数：1-10 中的 6") == 6.0 and parse_emer_score("Score: 8/10") == 8.0
    assert parse_emer_score('{"reason": "2 of 3 clues", "score": 7.5}') == 7.5
    for parse, reply in ((parse_score, "{'score': 6}"), (parse_score, "good"), (parse_emer_score, "0")):
        with pytest.raises(ReplyError):
            parse(reply)


def test_intervals_hold_the_value_and_repeat():
    values = np.random.default_rng(3).random(200)
    low, high = mean_interval(values)
    assert low < values.mean() < high and high - low < 0.1 and (low, high) == mean_interval(values)
    low, high = f_of_means_interval(values, values)
    assert low < values.mean() < high
    assert f_of_means_interval(np.zeros(5), np.zeros(5)) == (0.0, 0.0)
