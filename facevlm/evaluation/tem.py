"""TEM, temporal event matching (FaceTrack-MM, section 3.4, algorithm 1): the same events, in the same order.

A judge reads the events of prediction and reference and says which pairs mean the same. TEM is the mean of two numbers:
F, the F-measure of events that have a match at all, and the longest chain of matches in the order of both texts as a
share of the events. What the paper leaves open is decided as follows, each reading under a name of its own:

- Share of which events: algorithm 1 divides by the *predicted* ones (`tem`), which rewards saying little; its prose
  speaks of the reference (`tem_ref`); `tem_max` divides by the larger number.
- F comes from the matrix: precision is the share of predicted events with a match, recall that of the reference.
- Opposite pairs are used in no formula; their share is told as `contradicted`.
- No events on one side score 0, on both sides 1. Where one side alone is empty, its precision or recall is 0
  (`convention="strict"`) or, as Tarsier counts for AutoDQ, 1 (`convention="tarsier"`); TEM is the same.
- The corpus value is the mean of the samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from facevlm.errors import UsageError
from facevlm.evaluation.events import SAME, CaptionEvent
from facevlm.evaluation.judges import Judge, RuleJudge, strongest
from facevlm.evaluation.rouge import lcs_of_rows
from facevlm.evaluation.scores import EventScores, Scores, event_scores, f_measure, mean_scores, one_each

CONVENTIONS = ("strict", "tarsier")


@dataclass(frozen=True)
class TemResult:
    """TEM of one pair of captions.

    Attributes:
        relations: int8 (M, N) of SAME, NONE, OPPOSITE: predicted events by events of the reference.
        lcs: Longest chain of matches, in the order of both.
        matched_predicted: Predicted events with a match.
        matched_reference: Events of the reference with a match.
        one_to_one: Most pairs when each event is used once; far below the two before where one event is repeated.
        contradicted_predicted: Predicted events with an opposite and no match.
        precision: Share of predicted events with a match.
        recall: Share of the reference's events with a match.
        f1: Their harmonic mean.
        lcs_share: lcs / M; 0 where a side is empty, 1 where both are.
        lcs_share_ref: lcs / N.
        lcs_share_max: lcs / max(M, N).
        tem: (lcs_share + f1) / 2, as algorithm 1 has it.
        tem_ref: (lcs_share_ref + f1) / 2.
        tem_max: (lcs_share_max + f1) / 2.
        predicted: The predicted events; empty where only a matrix was given.
        reference: The events of the reference; likewise.
    """

    relations: np.ndarray
    lcs: int
    matched_predicted: int
    matched_reference: int
    one_to_one: int
    contradicted_predicted: int
    precision: float
    recall: float
    f1: float
    lcs_share: float
    lcs_share_ref: float
    lcs_share_max: float
    predicted: tuple[CaptionEvent, ...] = ()
    reference: tuple[CaptionEvent, ...] = ()

    @property
    def tem(self) -> float:
        return (self.lcs_share + self.f1) / 2

    @property
    def tem_ref(self) -> float:
        return (self.lcs_share_ref + self.f1) / 2

    @property
    def tem_max(self) -> float:
        return (self.lcs_share_max + self.f1) / 2

    @property
    def contradicted(self) -> float:
        """Share of predicted events with an opposite and no match; 0 where there are none."""
        return self.contradicted_predicted / max(len(self.relations), 1)


@dataclass(frozen=True)
class TemScores(EventScores):
    """TEM of a corpus.

    Attributes:
        tem: The paper's; `tem_ref` and `tem_max` are the other readings of its denominator.
        samples: Everything about each pair, matrices included.
    """

    tem: Scores
    tem_ref: Scores
    tem_max: Scores
    samples: tuple[TemResult, ...]

    @property
    def tem_from_means(self) -> float:
        """The mean of two corpus values instead: the mean LCS share, and the F1 of mean precision and mean recall."""
        return (float(np.mean([sample.lcs_share for sample in self.samples])) + self.f1.corpus) / 2


def tem(
    predictions: Sequence[str],
    references: Sequence[str],
    *,
    judge: Judge | None = None,
    max_events: int | None = None,
    convention: str = "strict",
) -> TemScores:
    """TEM of each prediction against its reference.

    Args:
        predictions: N captions.
        references: N captions, one each.
        judge: Reads events and relates them; by default the embedded `RuleJudge`.
        max_events: Keep the first so many events of each caption (the paper asks for at most 10); None for all.
        convention: Precision and recall of a caption without events, "strict" or "tarsier".

    Raises:
        InputError: The numbers of predictions and references differ, or there are none.
        UsageError: No such convention.
    """
    judge = judge or RuleJudge()
    results = [
        tem_of_pair(prediction, reference, judge=judge, max_events=max_events, convention=convention)
        for prediction, reference in one_each(predictions, references)
    ]
    return gather(results, judge=f"{judge.name} {judge.version}")


def tem_of_pair(
    prediction: str,
    reference: str,
    *,
    judge: Judge,
    max_events: int | None = None,
    convention: str = "strict",
) -> TemResult:
    """TEM of one pair of captions; arguments as for `tem`.

    Raises:
        UsageError: No such convention.
        ReplyError: The judge gave no usable reply.
    """
    said, told = tuple(judge.extract(prediction))[:max_events], tuple(judge.extract(reference))[:max_events]
    return tem_from_relations(judge.relate(said, told), convention=convention, predicted=said, reference=told)


def gather(results: Sequence[TemResult], *, judge: str = "") -> TemScores:
    """The scores of a corpus from those of its pairs."""
    shared = event_scores([(result.precision, result.recall) for result in results], judge=judge)
    first, by_reference, by_larger = (
        mean_scores([getattr(result, name) for result in results]) for name in ("tem", "tem_ref", "tem_max")
    )
    return TemScores(**vars(shared), tem=first, tem_ref=by_reference, tem_max=by_larger, samples=tuple(results))


def tem_from_relations(
    relations: np.ndarray,
    *,
    convention: str = "strict",
    predicted: tuple[CaptionEvent, ...] = (),
    reference: tuple[CaptionEvent, ...] = (),
) -> TemResult:
    """TEM from a relation matrix.

    Args:
        relations: int8 (M, N) of SAME, NONE, OPPOSITE, both in text order; (0, N) or (M, 0) where a side is empty.
        convention: As for `tem`.
        predicted: Events to keep with the result.
        reference: Likewise.

    Raises:
        UsageError: No such convention.
    """
    if convention not in CONVENTIONS:
        raise UsageError(f"no convention {convention!r}", mend=f"choose among {', '.join(CONVENTIONS)}")
    m, n = relations.shape
    same = relations == SAME
    lcs = lcs_of_rows([int("".join("1" if hit else "0" for hit in row[::-1]) or "0", 2) for row in same], n)
    by_predicted, by_reference = strongest(relations, axis=1), same.any(axis=0)
    matched = int((by_predicted == SAME).sum()), int(by_reference.sum())
    nothing = float(m == n == 0)
    empty = 1.0 if convention == "tarsier" else nothing
    precision, recall = matched[0] / m if m else empty, matched[1] / n if n else empty
    return TemResult(
        relations=relations,
        lcs=lcs,
        matched_predicted=matched[0],
        matched_reference=matched[1],
        one_to_one=int(same[linear_sum_assignment(same, maximize=True)].sum()),
        contradicted_predicted=int((by_predicted < 0).sum()),
        precision=precision,
        recall=recall,
        f1=f_measure(precision, recall),
        lcs_share=lcs / m if m else nothing,
        lcs_share_ref=lcs / n if n else nothing,
        lcs_share_max=lcs / max(m, n) if m or n else nothing,
        predicted=predicted,
        reference=reference,
    )
