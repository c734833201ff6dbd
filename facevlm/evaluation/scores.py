"""What a metric gives: one value for the corpus, one for each sample; and the pairs of texts it is given."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facevlm.errors import InputError

References = Sequence[str | Sequence[str]]


@dataclass(frozen=True)
class Scores:
    """Values of one metric.

    Attributes:
        corpus: The value of the whole set; mostly the mean of the samples, for BLEU and F of means it is not.
        per_sample: float64 (N,), in the order of the predictions.
    """

    corpus: float
    per_sample: np.ndarray


def mean_scores(values: Sequence[float] | np.ndarray) -> Scores:
    """Scores whose corpus value is the mean of the samples."""
    per_sample = np.asarray(values, dtype=np.float64)
    return Scores(float(per_sample.mean()), per_sample)


@dataclass(frozen=True)
class EventScores:
    """What AutoDQ and TEM have in common: how far the events of predictions and references agree.

    Attributes:
        precision: Mean over samples, 0 .. 1: the share of predicted events that the reference has.
        recall: Likewise: the share of the reference's events that the prediction has.
        f1: F1 of the two means as corpus value, F1 of each sample.
        judge: Name and version of the judge.
    """

    precision: Scores
    recall: Scores
    f1: Scores
    judge: str


def event_scores(pairs: Sequence[tuple[float, float]], *, judge: str = "") -> EventScores:
    """The scores of a corpus from precision and recall of each pair of captions."""
    precision, recall = (mean_scores(column) for column in zip(*pairs, strict=True))
    each = np.array([f_measure(*pair) for pair in pairs])
    return EventScores(precision, recall, Scores(f_measure(precision.corpus, recall.corpus), each), judge)


def f_measure(precision: float, recall: float) -> float:
    """Harmonic mean; 0 where both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def as_lists(predictions: Sequence[str], references: References) -> list[list[str]]:
    """The references as one list per prediction.

    Raises:
        InputError: Their numbers differ, there are none, a prediction has no reference, or one of them is no text.
    """
    if isinstance(predictions, str) or isinstance(references, str):
        raise InputError("predictions and references are lists of captions, not one caption", mend="put it in a list")
    if isinstance(predictions, Mapping) or isinstance(references, Mapping):
        mend = "give the captions of both in one order of the ids"
        raise InputError("predictions and references are lists of captions, not captions by id", mend=mend)
    if len(predictions) != len(references):
        raise InputError(f"{len(predictions)} predictions, but {len(references)} references")
    if not len(predictions):
        raise InputError("there are no captions to score")
    for number, caption in enumerate(predictions):
        _refuse_no_text(caption, f"prediction {number}")
    return reference_lists(references)


def one_each(predictions: Sequence[str], references: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of prediction and reference, for metrics that know one reference.

    Raises:
        InputError: As `as_lists`, or a prediction has several references.
    """
    for number, (prediction, told) in enumerate(zip(predictions, as_lists(predictions, references), strict=True)):
        if len(told) > 1:
            raise InputError(f"prediction {number} has {len(told)} references", mend="this metric takes one")
        yield prediction, told[0]


def reference_lists(references: References) -> list[list[str]]:
    """The references as one list per clip.

    Raises:
        InputError: A clip has none, or one is no text.
    """
    lists = []
    for number, item in enumerate(references):
        captions = [item] if isinstance(item, str) or not isinstance(item, Iterable) else list(item)
        if not captions:
            raise InputError(f"prediction {number} has no reference")
        for caption in captions:
            _refuse_no_text(caption, f"the reference of prediction {number}")
        lists.append(captions)
    return lists


def _refuse_no_text(caption: object, name: str) -> None:
    if not isinstance(caption, str):
        raise InputError(f"{name} is no text: {caption!r:.40}", mend="leave out clips without a caption")
