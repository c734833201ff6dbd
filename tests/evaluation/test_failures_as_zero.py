"""What stands beside a score where clips failed: the value as if each of them had been answered wrongly."""

import pytest

from facevlm.datasets.verification_pairs import Segment, VerificationPair
from facevlm.evaluation.classification import DFEW_LABELS
from facevlm.evaluation.emotion_run import Inferred, LabelledClip, run_emotions
from facevlm.evaluation.run_folder import Origin
from facevlm.evaluation.verification_run import run_verification

RIGHT, WRONG, UNREADABLE, MISSING = "right", "wrong", "unreadable", "missing"
# Of each clip: fold, label, what became of it; then score -> value, and value with failures as 0.
EMOTIONS = {
    "unequal folds": (
        [(1, "happy", RIGHT), (1, "happy", MISSING), (2, "happy", WRONG), (2, "happy", WRONG)],
        {"war": (50.0, 25.0), "uar": (50.0, 25.0), "recall_happy": (100 / 3, 25.0)},
    ),
    "a fold of failures alone": (
        [(1, "happy", RIGHT), (2, "happy", MISSING)],
        {"war": (100.0, 50.0), "uar": (100.0, 50.0), "recall_happy": (100.0, 50.0)},
    ),
    "a class of failures alone": (
        [(1, "happy", RIGHT), (1, "happy", RIGHT), (1, "sad", MISSING)],
        {"war": (100.0, 200 / 3), "uar": (100.0, 50.0), "recall_sad": (None, None)},
    ),
    "unreadable answers are no failures": (
        [(1, "happy", RIGHT), (1, "sad", UNREADABLE)],
        {"war": (50.0, 50.0), "uar": (50.0, 50.0), "recall_sad": (0.0, 0.0)},
    ),
    "nothing was answered": ([(1, "happy", MISSING)], {"war": (None, None), "recall_happy": (None, None)}),
}
# Of each pair: whether it is one person, what became of it.
PAIRS = {
    "a same pair failed": (
        [(True, RIGHT), (True, MISSING), (False, RIGHT), (False, WRONG)],
        {
            "accuracy": (200 / 3, 50.0),
            "true_positive_rate": (100.0, 50.0),
            "true_negative_rate": (50.0, 50.0),
            "balanced_accuracy": (75.0, 50.0),
            "unparsed": (0, None),
        },
    ),
    "all different pairs failed": (
        [(True, RIGHT), (True, UNREADABLE), (False, MISSING)],
        {
            "accuracy": (50.0, 100 / 3),
            "true_positive_rate": (50.0, 50.0),
            "true_negative_rate": (None, None),
            "balanced_accuracy": (None, None),
            "unparsed": (1, None),
        },
    ),
    "nothing was answered": ([(True, MISSING)], {"accuracy": (None, None), "balanced_accuracy": (None, None)}),
}


def scores(report, names):
    found = {name: report["metrics"][name] for name in names}
    return {name: (score["value"], score["mean_failures_as_zero"]) for name, score in found.items()}


@pytest.mark.parametrize("situation", EMOTIONS)
def test_emotions(situation, tmp_path):
    rows, wanted = EMOTIONS[situation]
    clips = [LabelledClip(str(number), label, fold) for number, (fold, label, _) in enumerate(rows)]
    said = {
        clip.id: Inferred({RIGHT: clip.label, WRONG: "fear", UNREADABLE: None}[became])
        for clip, (*_, became) in zip(clips, rows, strict=True)
        if became != MISSING
    }
    told = {"benchmark": "dfew", "labels": DFEW_LABELS, "origin": Origin("m")}
    found = scores(run_emotions(clips, said, tmp_path, **told), wanted)
    assert {name: pytest.approx(pair) for name, pair in wanted.items()} == found


@pytest.mark.parametrize("situation", PAIRS)
def test_pairs_by_words(situation, tmp_path):
    rows, wanted = PAIRS[situation]
    side = Segment("ytf", "A/0", "A", "A/0", ("0.1.jpg",))
    trials = [VerificationPair(str(number), side, side, same) for number, (same, _) in enumerate(rows)]
    said = {
        trial.id: {RIGHT: ("no", "yes")[same], WRONG: ("yes", "no")[same], UNREADABLE: "hm", MISSING: None}[became]
        for trial, (same, became) in zip(trials, rows, strict=True)
    }
    found = scores(run_verification(trials, said, tmp_path, origin=Origin("m"), by_similarity=False), wanted)
    assert {name: pytest.approx(pair) for name, pair in wanted.items()} == found
