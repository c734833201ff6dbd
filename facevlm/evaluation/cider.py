"""CIDEr-D (Vedantam et al. 2015), as `pycocoevalcap` computes it: n-grams weighed by how rare they are.

The code calls it CIDEr, but it is CIDEr-D: clipped counts and a penalty for another length. Values lie in 0 .. 10 as in
the papers of this field; COCO papers print ten times as much again. Document frequencies come from the references of
the run, so values of different subsets cannot be compared, and one clip alone scores 0.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from facevlm.evaluation.ngrams import count_ngrams
from facevlm.evaluation.scores import References, Scores, as_lists, mean_scores
from facevlm.evaluation.tokens import Tokenizer, ptb_tokens

ORDER = 4
SIGMA = 6.0  # bigrams of difference in length that cost a factor of exp(-1/2)
SCALE = 10.0


def cider_d(
    predictions: Sequence[str],
    references: References,
    *,
    length_penalty: bool = True,
    tokenizer: Tokenizer = ptb_tokens,
) -> Scores:
    """CIDEr-D of each caption, 0 .. 10.

    Args:
        predictions: N captions.
        references: For each its reference, or several.
        length_penalty: False leaves out the factor for another length (`cider_no_length_penalty`).
        tokenizer: Makes tokens of a caption.

    Raises:
        InputError: The numbers of predictions and references differ, or there are none.
    """
    lists = as_lists(predictions, references)
    sample = np.repeat(np.arange(len(lists)), [len(item) for item in lists])  # of each reference
    texts = [tokenizer(caption) for caption in predictions]
    texts += [tokenizer(caption) for item in lists for caption in item]
    sizes = np.array([max(len(text) - 1, 0) for text in texts])  # in bigrams
    difference = sizes[: len(lists)][sample] - sizes[len(lists) :]
    penalty = np.exp(-(difference**2) / (2 * SIGMA**2)) if length_penalty else 1.0

    similarity = np.zeros(len(sample))  # of each reference with its prediction
    for counts in count_ngrams(texts, order=ORDER):
        told = counts[len(lists) :]
        holds = csr_array((np.ones(len(sample)), (sample, np.arange(len(sample)))), shape=(len(lists), len(sample)))
        frequency = np.asarray(((holds @ told) > 0).sum(axis=0)).ravel()
        rarity = np.log(len(lists)) - np.log(np.maximum(frequency, 1.0))
        weighed = counts.multiply(rarity).tocsr()
        said, told = weighed[: len(lists)][sample], weighed[len(lists) :]
        overlap = _row_sums(said.minimum(told).multiply(told))
        norms = np.sqrt(_row_sums(said.multiply(said))) * np.sqrt(_row_sums(told.multiply(told)))
        similarity += np.divide(overlap, norms, out=np.zeros(len(sample)), where=norms > 0)
    per_reference = similarity * penalty * SCALE / ORDER
    return mean_scores(np.bincount(sample, per_reference) / np.bincount(sample))


def _row_sums(matrix: csr_array) -> np.ndarray:
    return np.asarray(matrix.sum(axis=1)).ravel()
