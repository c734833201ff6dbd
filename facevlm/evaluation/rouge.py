"""ROUGE-L (Lin 2004): the longest common subsequence of tokens, in the two variants that papers use.

`rouge_l` is that of the COCO caption evaluation (beta 1.2, leans to recall), `rouge_score_l` that of Google's
`rouge-score` (F1 over runs of a-z and 0-9). They part most where lengths differ. Papers seldom say which one.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from facevlm.errors import MissingExtraError, UsageError
from facevlm.evaluation.scores import References, Scores, as_lists, mean_scores
from facevlm.evaluation.tokens import Tokenizer, ptb_tokens, rouge_tokens

BETA = 1.2


@dataclass(frozen=True)
class RougeScores:
    """Precision, recall and F1 of `rouge_score_l`, each in 0 .. 1; of several references that with the best F1."""

    precision: Scores
    recall: Scores
    f1: Scores


def rouge_l(predictions: Sequence[str], references: References, *, tokenizer: Tokenizer = ptb_tokens) -> Scores:
    """ROUGE-L as `pycocoevalcap` computes it, 0 .. 1.

    Of several references the best precision and the best recall are taken separately. Two empty captions score 1,
    because the reference code sees one empty token in each.

    Args:
        predictions: N captions.
        references: For each its reference, or several.
        tokenizer: Makes tokens of a caption.

    Raises:
        InputError: The numbers of predictions and references differ, or there are none.
    """
    values = []
    for prediction, captions in zip(predictions, as_lists(predictions, references), strict=True):
        said = tokenizer(prediction) or [""]
        told = [tokenizer(caption) or [""] for caption in captions]
        common = [lcs_length(said, tokens) for tokens in told]
        precision = max(common) / len(said)
        recall = max(length / len(tokens) for length, tokens in zip(common, told, strict=True))
        both = precision > 0 and recall > 0
        values.append((1 + BETA**2) * precision * recall / (recall + BETA**2 * precision) if both else 0.0)
    return mean_scores(values)


def rouge_score_l(
    predictions: Sequence[str], references: References, *, variant: str = "rougeL", stem: bool = False
) -> RougeScores:
    """ROUGE-L as `rouge-score` 0.1.2 computes it.

    Args:
        predictions: N captions.
        references: For each its reference, or several.
        variant: "rougeL", or "rougeLsum", which splits captions at line ends and is another number.
        stem: Whether words are cut to their stems first.

    Raises:
        InputError: The numbers of predictions and references differ, or there are none.
        MissingExtraError: `stem` or "rougeLsum" without the package `rouge-score`.
    """
    lists = as_lists(predictions, references)
    if variant == "rougeL" and not stem:
        told = [[rouge_tokens(caption) for caption in captions] for captions in lists]
        rows = [_best(rouge_tokens(said), captions) for said, captions in zip(predictions, told, strict=True)]
    else:
        score = _library(variant, stem=stem)
        rows = [score(captions, said) for said, captions in zip(predictions, lists, strict=True)]
    precision, recall, f1 = (mean_scores(column) for column in zip(*rows, strict=True))
    return RougeScores(precision, recall, f1)


def lcs_length(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence, by bits in integers (Hyyrö 2004)."""
    places: dict[Hashable, int] = {}
    for place, token in enumerate(other):
        places[token] = places.get(token, 0) | 1 << place
    return lcs_of_rows([places.get(token, 0) for token in one], len(other))


def lcs_of_rows(rows: Sequence[int], width: int) -> int:
    """Longest chain of matches that go down and to the right.

    Args:
        rows: For each row the columns that match, as bits.
        width: Number of columns.
    """
    everything = (1 << width) - 1
    unmatched = everything
    for matches in rows:
        new = unmatched & matches
        unmatched = ((unmatched + new) | (unmatched - new)) & everything
    return width - unmatched.bit_count()


def _best(said: list[str], captions: list[list[str]]) -> tuple[float, float, float]:
    return max((_prf(said, told) for told in captions), key=lambda row: row[2])


def _prf(said: list[str], told: list[str]) -> tuple[float, float, float]:
    common = lcs_length(said, told)
    if common == 0:
        return 0.0, 0.0, 0.0
    precision, recall = common / len(said), common / len(told)
    return precision, recall, 2 * precision * recall / (precision + recall)


def _library(variant: str, *, stem: bool) -> Callable[[list[str], str], tuple[float, float, float]]:
    if variant not in ("rougeL", "rougeLsum"):
        raise UsageError(f"no variant {variant!r} of ROUGE-L", mend="choose rougeL or rougeLsum")
    try:
        from rouge_score.rouge_scorer import RougeScorer
    except ImportError as error:
        mend = "run: pip install 'facevlm[rouge]'"
        raise MissingExtraError("rougeLsum and stems need the package rouge-score", mend=mend) from error
    scorer = RougeScorer([variant], use_stemmer=stem)
    return lambda captions, said: tuple(scorer.score_multi(captions, said)[variant])
