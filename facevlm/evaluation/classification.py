"""UAR and WAR of emotion classification (DFEW, MAFW): recall of each class, their plain and their weighted mean.

Wrong, unreadable and unknown answers count as wrong and never add a class; some published scripts do add one for each
stray answer, which lowers UAR. Classes without a clip in the truth are left out of UAR. Values are in percent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facevlm.errors import InputError

DFEW_LABELS = ("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear")
MAFW_LABELS = (
    *("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"),
    *("contemptuous", "anxious", "helpless", "disappointed"),
)


@dataclass(frozen=True)
class ClassificationScores:
    """Scores of one set of clips, in percent.

    Attributes:
        labels: The classes, C of them.
        n: Number of clips.
        war: Weighted average recall, which is the accuracy.
        uar: Unweighted average recall over the classes in the truth.
        uar_all_labels: Over all classes, 0 for those without a clip.
        recall: float64 (C,), NaN for classes without a clip.
        support: int64 (C,) clips of each class.
        confusion: int64 (C, C), rows are the truth; answers that are no label are in no column.
        stray: Answers that are no label.
        macro_f1: Mean F1 over all classes.
    """

    labels: tuple[str, ...]
    n: int
    war: float
    uar: float
    uar_all_labels: float
    recall: np.ndarray
    support: np.ndarray
    confusion: np.ndarray
    stray: int
    macro_f1: float


@dataclass(frozen=True)
class FoldScores:
    """Scores of official folds: of each, their means (what papers report), and of all clips pooled (another number)."""

    folds: tuple[ClassificationScores, ...]
    war: float
    uar: float
    pooled: ClassificationScores


def classification_scores(
    truth: Sequence[str], answers: Sequence[str | None], *, labels: Sequence[str]
) -> ClassificationScores:
    """UAR, WAR and what they come from.

    Args:
        truth: The label of each clip.
        answers: The label answered; None or any other text where it could not be read.
        labels: All classes.

    Raises:
        InputError: The numbers differ, there are no clips, or a true label is no class.
    """
    if len(truth) != len(answers) or not truth:
        raise InputError(f"{len(truth)} true labels, but {len(answers)} answers")
    place = {label: number for number, label in enumerate(labels)}
    if unknown := set(truth) - place.keys():
        raise InputError(f"true label {min(unknown)!r} is none of the classes {', '.join(labels)}")
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    for true, answer in zip(truth, answers, strict=True):
        if answer in place:
            confusion[place[true], place[answer]] += 1
    support = np.bincount([place[true] for true in truth], minlength=len(labels))
    hits = np.diag(confusion).astype(np.float64)
    recall = np.divide(hits, support, out=np.full(len(labels), np.nan), where=support > 0)
    both = support + confusion.sum(axis=0)
    f1 = np.divide(2 * hits, both, out=np.zeros(len(labels)), where=both > 0)
    return ClassificationScores(
        labels=tuple(labels),
        n=len(truth),
        war=100 * float(hits.sum()) / len(truth),
        uar=100 * float(np.nanmean(recall)),
        uar_all_labels=100 * float(np.nan_to_num(recall).mean()),
        recall=100 * recall,
        support=support,
        confusion=confusion,
        stray=len(truth) - int(confusion.sum()),
        macro_f1=100 * float(f1.mean()),
    )


def fold_scores(folds: Sequence[tuple[Sequence[str], Sequence[str | None]]], *, labels: Sequence[str]) -> FoldScores:
    """Scores of the official folds.

    Args:
        folds: Truth and answers of each.
        labels: All classes.

    Raises:
        InputError: As `classification_scores`, or there are no folds.
    """
    if not folds:
        raise InputError("there are no folds")
    each = tuple(classification_scores(truth, answers, labels=labels) for truth, answers in folds)
    pooled = classification_scores(
        [label for truth, _ in folds for label in truth],
        [answer for _, answers in folds for answer in answers],
        labels=labels,
    )
    war, uar = (float(np.mean([getattr(fold, name) for fold in each])) for name in ("war", "uar"))
    return FoldScores(each, war, uar, pooled)
