"""AutoDQ (Tarsier, arXiv:2407.00634): which events of one caption the other caption bears out.

Recall is the share of the reference's events that the prediction entails, precision that of the predicted events that
the reference entails; neutral never counts. The F of a corpus is the F1 of mean precision and mean recall, not a mean.
As in Tarsier's code a caption without events gives its side 1 (`convention="tarsier"`); `"strict"` gives it 0 unless
both captions have none. With a grammar in the place of the language model the numbers are named `autodq_grammar`.
"""

from collections.abc import Sequence

import numpy as np

from facevlm.errors import UsageError
from facevlm.evaluation.events import SAME
from facevlm.evaluation.judges import Judge, RuleJudge
from facevlm.evaluation.scores import EventScores, event_scores, one_each
from facevlm.evaluation.tem import CONVENTIONS


def autodq(
    predictions: Sequence[str],
    references: Sequence[str],
    *,
    judge: Judge | None = None,
    max_events: int | None = None,
    convention: str = "tarsier",
) -> EventScores:
    """AutoDQ of each prediction against its reference.

    Args:
        predictions: N captions.
        references: N captions, one each.
        judge: Reads events and weighs them against a caption; by default the embedded `RuleJudge`.
        max_events: Keep the first so many events of each caption; None for all.
        convention: What a caption without events gives, "tarsier" or "strict". An empty caption has no events, but its
            precision is 0 in both, unless the reference has no events either.

    Raises:
        InputError: The numbers of predictions and references differ, or there are none.
        UsageError: No such convention.
    """
    judge = judge or RuleJudge()
    pairs = [
        autodq_of_pair(prediction, reference, judge=judge, max_events=max_events, convention=convention)
        for prediction, reference in one_each(predictions, references)
    ]
    return event_scores(pairs, judge=f"{judge.name} {judge.version}")


def autodq_of_pair(
    prediction: str,
    reference: str,
    *,
    judge: Judge,
    max_events: int | None = None,
    convention: str = "tarsier",
) -> tuple[float, float]:
    """Precision and recall of one pair of captions; arguments as for `autodq`.

    Raises:
        UsageError: No such convention.
        ReplyError: The judge gave no usable reply.
    """
    said, told = judge.extract(prediction)[:max_events], judge.extract(reference)[:max_events]
    pair = autodq_from_verdicts(judge.entail(said, reference), judge.entail(told, prediction), convention=convention)
    return (0.0, 0.0) if not prediction.strip() and told else pair


def autodq_from_verdicts(
    predicted: np.ndarray, reference: np.ndarray, *, convention: str = "tarsier"
) -> tuple[float, float]:
    """Precision and recall of one pair.

    Args:
        predicted: Verdict on each predicted event, SAME where the reference entails it.
        reference: Verdict on each event of the reference, SAME where the prediction entails it.
        convention: As for `autodq`.

    Raises:
        UsageError: No such convention.
    """
    if convention not in CONVENTIONS:
        raise UsageError(f"no convention {convention!r}", mend=f"choose among {', '.join(CONVENTIONS)}")
    empty = 1.0 if convention == "tarsier" or len(predicted) == len(reference) == 0 else 0.0
    precision, recall = (
        float(np.mean(np.asarray(verdicts) == SAME)) if len(verdicts) else empty for verdicts in (predicted, reference)
    )
    return precision, recall
