"""Face verification by pairs: is it the same person? Accuracy of answers in words, ROC of similarities.

An unreadable answer is wrong and counted. The share of same pairs decides what always answering "same" would score, so
that baseline stands beside every accuracy. Values are in percent.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from facevlm.errors import InputError
from facevlm.evaluation.answers import without_thoughts

_UNSURE = re.compile(
    r"\b(?:cannot|can't|can not|unable|unclear|not (?:sure|certain|possible|clear)|impossible"
    r"|yes (?:and|or) no|no (?:and|or) yes)\b"
)
_NO_DOUBT = re.compile(r"\b(?:no|without(?: a| any)?|beyond(?: a| any)?) (?:doubt|question|differences?)\b")
_FIRST = re.compile(r"\W*(yes|no)\b")
_ALONE = re.compile(r"\b(?:yes\b|no(?=\s*(?:[.,;:!*\"]|$)))")
_CLAUSE = re.compile(r"[.,;:!?\n]|\b(?:but|rather|instead)\b")
_SAME = r"same|identical|match(?:es|ing)?"
_PEOPLE = r"people|persons?|individuals?|m[ae]n|wom[ae]n|boys?|girls?|faces?|identit(?:y|ies)|subjects?|ones?"
_DIFFERENT = (
    rf"(?:different|distinct)(?=(?:\s+\w+)?\s+(?:{_PEOPLE})\b|\s*(?:[^\w\s]|$)|\s+(?:from|and|as|because|in)\b)"
)
_CLAIM = re.compile(rf"\b(?:(?P<same>{_SAME})|{_DIFFERENT})\b")
_DENIAL = re.compile(r"\b(?:not|no|never|neither|nor|nothing|unlikely|hardly)\b|n't\b")


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
    """Whether an answer says "the same person"; None where it says neither, both, or that it cannot tell.

    The first word counts, if it is yes or no; else a yes or no that stands alone; else whether people are called the
    same or different, a denial in the same clause turning that round.

    Args:
        answer: Of a model; what it thought aloud in <think> is left out.
    """
    text = _NO_DOUBT.sub(" ", without_thoughts(answer).lower().replace("’", "'"))
    if _UNSURE.search(text):
        return None
    if first := _FIRST.match(text):
        return first.group(1) == "yes"
    said = {word == "yes" for word in _ALONE.findall(text)} or set(_claims(text))
    return said.pop() if len(said) == 1 else None


def _claims(text: str) -> Iterator[bool]:
    """Whether each clause calls people the same."""
    for clause in _CLAUSE.split(text):
        start = 0
        for claim in _CLAIM.finditer(clause):
            denied = _DENIAL.search(clause, start, claim.start()) is not None
            yield (claim["same"] is not None) != denied
            start = claim.end()


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
