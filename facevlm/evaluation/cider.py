"""CIDEr-D (Vedantam et al. 2015), as `pycocoevalcap` computes it: n-grams weighed by how rare they are.

The code calls it CIDEr, but it is CIDEr-D: clipped counts and a penalty for another length. Values lie in 0 .. 10 as in
the papers of this field; COCO papers print ten times as much again. Document frequencies come from a set of
references, so values of different sets cannot be compared, and a set of one clip scores 0.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from facevlm.evaluation.ngrams import count_ngrams
from facevlm.evaluation.scores import References, Scores, as_lists, mean_scores, reference_lists
from facevlm.evaluation.tokens import Tokenizer, ptb_tokens

ORDER = 4
SIGMA = 6.0  # bigrams of difference in length that cost a factor of exp(-1/2)
SCALE = 10.0


def cider_d(
    predictions: Sequence[str],
    references: References,
    *,
    reference_set: References | None = None,
    length_penalty: bool = True,
    tokenizer: Tokenizer = ptb_tokens,
) -> Scores:
    """CIDEr-D of each caption, 0 .. 10.

    Args:
        predictions: N captions.
        references: For each its reference, or several.
        reference_set: Of M clips the reference, or several, that tell how rare n-grams are, whether or not the clips
            are scored; None for `references`.
        length_penalty: False leaves out the factor for another length (`cider_no_length_penalty`).
        tokenizer: Makes tokens of a caption.

    Raises:
        InputError: The numbers of predictions and references differ, there are none, or one is no text.
    """
    lists = as_lists(predictions, references)
    documents = lists if reference_set is None else reference_lists(reference_set)
    sample, document = (np.repeat(np.arange(len(one)), [len(item) for item in one]) for one in (lists, documents))
    place: dict[str, int] = {}  # of each text that differs
    said_at, told_at, counted_at = (
        np.array([place.setdefault(caption, len(place)) for item in captions for caption in item], np.int64)
        for captions in ([[caption] for caption in predictions], lists, documents)
    )
    said_at = said_at[sample]  # a row for each reference from here on
    texts = [tokenizer(caption) for caption in place]
    sizes = np.array([max(len(text) - 1, 0) for text in texts])  # in bigrams
    difference = sizes[said_at] - sizes[told_at]
    penalty = np.exp(-(difference**2) / (2 * SIGMA**2)) if length_penalty else 1.0

    similarity = np.zeros(len(sample))  # of each reference with its prediction
    holds = csr_array((np.ones(len(document)), (document, counted_at)), shape=(len(documents), len(texts)))
    for counts in count_ngrams(texts, order=ORDER):
        frequency = np.asarray(((holds @ counts) > 0).sum(axis=0)).ravel()
        rarity = np.log(len(documents)) - np.log(np.maximum(frequency, 1.0))
        weighed = counts.multiply(rarity).tocsr()
        said, told = weighed[said_at], weighed[told_at]
        overlap = _row_sums(said.minimum(told).multiply(told))
        norms = np.sqrt(_row_sums(said.multiply(said))) * np.sqrt(_row_sums(told.multiply(told)))
        similarity += np.divide(overlap, norms, out=np.zeros(len(sample)), where=norms > 0)
    per_reference = similarity * penalty * SCALE / ORDER
    return mean_scores(np.bincount(sample, per_reference) / np.bincount(sample))


def _row_sums(matrix: csr_array) -> np.ndarray:
    return np.asarray(matrix.sum(axis=1)).ravel()
