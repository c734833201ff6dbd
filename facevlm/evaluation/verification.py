"""Face verification by pairs: is it the same person? Accuracy of answers in words, ROC of similarities.

An unreadable answer is wrong and counted. The share of same pairs decides what always answering "same" would score, so
that baseline stands beside every accuracy. Values are in percent.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facevlm.errors import InputError

_NO = re.compile(r"\b(?:no|not|different|isn't|aren't|doesn't|do not|unlikely|distinct)\b")
_YES = re.compile(r"\b(?:yes|same|identical|match(?:es)?)\b")
_UNSURE = re.compile(r"\b(?:cannot|can't|can not|unable|unclear|not (?:sure|certain|possible|clear)|impossible)\b")


@dataclass(frozen=True)
class VerificationScores:
    """Scores of pairs, in percent; None where a kind of pair is missing.

    Attributes:
        n: Number of pairs.
        accuracy: Share of right answers, unreadable ones being wrong.
        unparsed: Number of unreadable answers.
        accuracy_answered: Share of right answers among readable ones.
        true_positive_rate: Among same pairs.
        true_negative_rate: Among different pairs.
        balanced_accuracy: Mean of both rates.
        always_same: What answering "same" to all would score.
    """

    n: int
    accuracy: float
    unparsed: int
    accuracy_answered: float | None
    true_positive_rate: float | None
    true_negative_rate: float | None
    balanced_accuracy: float | None
    always_same: float


def verification_scores(same: Sequence[bool], answers: Sequence[bool | None]) -> VerificationScores:
    """Score answers to pairs.

    Args:
        same: Whether each pair is one person.
        answers: What was answered, None where it could not be read (see `parse_same`).

    Raises:
        InputError: The numbers differ, or there are no pairs.
    """
    if len(same) != len(answers) or not same:
        raise InputError(f"{len(same)} pairs, but {len(answers)} answers")
    truth = np.asarray(same, dtype=bool)
    right = np.array([answer is not None and answer == true for answer, true in zip(answers, same, strict=True)])
    answered = np.array([answer is not None for answer in answers])
    positive, negative = _percent(right[truth]), _percent(right[~truth])
    return VerificationScores(
        n=len(truth),
        accuracy=100 * float(right.mean()),
        unparsed=int((~answered).sum()),
        accuracy_answered=_percent(right[answered]),
        true_positive_rate=positive,
        true_negative_rate=negative,
        balanced_accuracy=None if positive is None or negative is None else (positive + negative) / 2,
        always_same=100 * float(truth.mean()),
    )


def parse_same(answer: str) -> bool | None:
    """Whether an answer says "the same person"; None where it says neither, or that it cannot tell."""
    text = answer.lower().replace("’", "'")
    if _UNSURE.search(text):
        return None
    first = re.match(r"\W*(yes|no)\b", text)
    if first:
        return first.group(1) == "yes"
    if _NO.search(text):
        return False
    return True if _YES.search(text) else None


def tar_at_far(same: Sequence[bool], similarities: Sequence[float], *, far: float) -> float:
    """True accept rate at a false accept rate: the share of same pairs accepted where at most `far` of the others are.

    Args:
        same: Whether each pair is one person.
        similarities: How alike the pair is, larger is more alike.
        far: Share of different pairs let pass, in 0 .. 1.

    Returns:
        A share in 0 .. 1.

    Raises:
        InputError: As `roc_curve`.
    """
    accepted, wrongly = roc_curve(same, similarities)
    return float(accepted[wrongly <= far + 1e-12].max(initial=0.0))


def roc_curve(same: Sequence[bool], similarities: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """True and false accept rates for every threshold, from none accepted to all.

    Returns:
        float64 (K,) and (K,), shares in 0 .. 1.

    Raises:
        InputError: The numbers differ, a similarity is no number, or one kind of pair is missing.
    """
    truth, values = np.asarray(same, dtype=bool), np.asarray(similarities, dtype=np.float64)
    if truth.shape != values.shape or truth.all() or not truth.any() or not np.isfinite(values).all():
        raise InputError("a ROC curve needs same and different pairs, and a similarity for each")
    order = np.argsort(-values, kind="stable")
    last = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))  # ties are accepted together
    accepted, wrongly = np.cumsum(truth[order])[last], np.cumsum(~truth[order])[last]
    return np.append(0.0, accepted / truth.sum()), np.append(0.0, wrongly / (~truth).sum())


def _percent(right: np.ndarray) -> float | None:
    return 100 * float(right.mean()) if right.size else None
