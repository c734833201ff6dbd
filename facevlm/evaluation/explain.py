"""Why a caption scores as it does: what matched, what is hallucinated, missing, contradicted, out of order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facevlm.evaluation.events import OPPOSITE, SAME, CaptionEvent
from facevlm.evaluation.judges import Judge, RuleJudge
from facevlm.evaluation.tem import TemResult, tem_from_relations

# Verdicts on events.
IN_ORDER, OUT_OF_ORDER, REPEATED = "in order", "out of order", "repeated"
CONTRADICTED, HALLUCINATED, MISSING = "contradicted", "hallucinated", "missing"
MARKS = {IN_ORDER: "=", OUT_OF_ORDER: "~", REPEATED: "+", CONTRADICTED: "!", HALLUCINATED: "?", MISSING: "-"}


@dataclass(frozen=True)
class Explanation:
    """One prediction against its reference, event by event.

    Attributes:
        id: Of the clip, "" where none was given.
        prediction: The predicted caption.
        reference: The reference caption.
        result: TEM and the matrix it comes from.
        chain: Pairs (predicted, reference) of the longest chain of matches in the order of both texts.
        predicted_verdicts: Per predicted event: in the chain, matched but out of order, a repetition of what the chain
            matched already, contradicted by the reference, or hallucinated (nothing in the reference is like it).
        reference_verdicts: Per event of the reference: in the chain, matched out of order, repeated, contradicted by
            the prediction, or missing.
    """

    id: str
    prediction: str
    reference: str
    result: TemResult
    chain: tuple[tuple[int, int], ...]
    predicted_verdicts: tuple[str, ...]
    reference_verdicts: tuple[str, ...]

    def as_text(self) -> str:
        """Lines for a terminal: the predicted events with what they match, then what is missing."""
        result, told = self.result, self.result.reference
        lines = [
            *([f"{self.id}:"] if self.id else []),
            f"TEM {result.tem:.3f} = (LCS {result.lcs}/{len(result.predicted)} + F {result.f1:.3f}) / 2; "
            f"precision {result.precision:.3f}, recall {result.recall:.3f}",
            "predicted events:",
        ]
        for number, (event, verdict) in enumerate(zip(result.predicted, self.predicted_verdicts, strict=True)):
            lines.append(f"  {MARKS[verdict]} {_said(event)}{self._partner(number, verdict)}")
        absent = [
            (event, verdict)
            for event, verdict in zip(told, self.reference_verdicts, strict=True)
            if verdict in (MISSING, CONTRADICTED)
        ]
        lines.append("of the reference not told:" if absent else "of the reference everything is told")
        lines += [f"  {MARKS[MISSING]} {_said(event)}" for event, _ in absent]
        lines.append("  ".join(f"{mark} {verdict}" for verdict, mark in MARKS.items()))
        return "\n".join(lines) + "\n"

    def as_html(self) -> str:
        """A self-contained page; `explanation_page` puts several on one."""
        from facevlm.evaluation.explanation_page import explanation_page

        return explanation_page([self])

    def partner(self, number: int) -> int | None:
        """The event of the reference that a predicted event is best compared with; None where there is none."""
        chained = dict(self.chain)
        if number in chained:
            return chained[number]
        for kind in (SAME, OPPOSITE):
            places = np.flatnonzero(self.result.relations[number] == kind)
            if places.size:  # the one told at about the same place
                here = number / len(self.result.predicted) * len(self.result.reference)
                return int(places[np.argmin(np.abs(places - here))])
        return None

    def _partner(self, number: int, verdict: str) -> str:
        place = self.partner(number)
        if place is None:
            return "  (nothing like it)"
        word = {CONTRADICTED: "against", IN_ORDER: "as"}.get(verdict, f"{verdict}, as")
        return f"  ({word} {place + 1}: {_said(self.result.reference[place])})"


def explain(prediction: str, reference: str, *, judge: Judge | None = None, id: str = "") -> Explanation:
    """Explain one prediction.

    Args:
        prediction: The predicted caption.
        reference: The reference caption.
        judge: Reads events and relates them; by default the embedded `RuleJudge`.
        id: Shown with it.
    """
    judge = judge or RuleJudge()
    said, told = tuple(judge.extract(prediction)), tuple(judge.extract(reference))
    result = tem_from_relations(judge.relate(said, told), predicted=said, reference=told)
    chain = longest_chain(result.relations == SAME)
    return Explanation(
        id=id,
        prediction=prediction,
        reference=reference,
        result=result,
        chain=chain,
        predicted_verdicts=_verdicts(result.relations, [i for i, _ in chain], {j for _, j in chain}, HALLUCINATED),
        reference_verdicts=_verdicts(result.relations.T, [j for _, j in chain], {i for i, _ in chain}, MISSING),
    )


def longest_chain(same: np.ndarray) -> tuple[tuple[int, int], ...]:
    """A longest chain of matches that goes down and to the right: pairs (row, column), first to last.

    Args:
        same: bool (M, N).
    """
    m, n = same.shape
    lengths = np.zeros((m + 1, n + 1), dtype=np.int64)  # of what follows from here
    for i in range(m - 1, -1, -1):
        for j in range(n - 1, -1, -1):
            diagonal = lengths[i + 1, j + 1] + 1 if same[i, j] else 0
            lengths[i, j] = max(diagonal, lengths[i + 1, j], lengths[i, j + 1])
    chain, i, j = [], 0, 0
    while i < m and j < n:
        if same[i, j] and lengths[i, j] == lengths[i + 1, j + 1] + 1:
            chain.append((i, j))
            i, j = i + 1, j + 1
        elif lengths[i + 1, j] >= lengths[i, j + 1]:
            i += 1
        else:
            j += 1
    return tuple(chain)


def _verdicts(relations: np.ndarray, chained: Sequence[int], partners: set[int], unmatched: str) -> tuple[str, ...]:
    """Verdicts on the rows; `partners` are the columns that the chain uses."""
    verdicts = []
    for number, row in enumerate(relations):
        matches = set(np.flatnonzero(row == SAME).tolist())
        if number in chained:
            verdicts.append(IN_ORDER)
        elif matches:
            verdicts.append(REPEATED if matches <= partners else OUT_OF_ORDER)
        else:
            verdicts.append(CONTRADICTED if (row == OPPOSITE).any() else unmatched)
    return tuple(verdicts)


def _said(event: CaptionEvent) -> str:
    units = f" [{'+'.join(event.action_units)}]" if event.action_units else ""
    return f"{event.name}{units} “{event.text}”" if event.action else event.text
