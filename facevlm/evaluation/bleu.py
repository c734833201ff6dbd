"""BLEU-1 to BLEU-4 (Papineni et al. 2002), as `pycocoevalcap` computes them: clipped n-gram precision, smoothed.

Of several references the one of the nearest length sets the brevity penalty. The value of a corpus is computed from
summed counts; it is no mean of the samples.
"""

from collections.abc import Sequence

import numpy as np

from facevlm.evaluation.ngrams import count_ngrams
from facevlm.evaluation.scores import References, Scores, as_lists
from facevlm.evaluation.tokens import Tokenizer, ptb_tokens

ORDER = 4
TINY, SMALL = 1e-15, 1e-9  # smoothing of the reference code


def bleu(
    predictions: Sequence[str], references: References, *, tokenizer: Tokenizer = ptb_tokens
) -> tuple[Scores, Scores, Scores, Scores]:
    """BLEU-1, BLEU-2, BLEU-3 and BLEU-4, each in 0 .. 1.

    Args:
        predictions: N captions.
        references: For each its reference, or several.
        tokenizer: Makes tokens of a caption.

    Raises:
        InputError: The numbers of predictions and references differ, or there are none.
    """
    lists = as_lists(predictions, references)
    first = np.cumsum([0, *(len(item) for item in lists)])  # first reference of each sample
    texts = [tokenizer(caption) for caption in predictions]
    texts += [tokenizer(caption) for item in lists for caption in item]
    sizes = np.array([len(text) for text in texts], dtype=np.float64)
    said, told = sizes[: len(lists)], sizes[len(lists) :]
    nearest = np.array(
        [
            min((abs(size - own), size) for size in told[start:end])[1]
            for own, start, end in zip(said, first, first[1:], strict=False)
        ]
    )

    correct, guessed = np.zeros((ORDER, len(lists))), np.zeros((ORDER, len(lists)))
    for n, counts in enumerate(count_ngrams(texts, order=ORDER)):
        best = counts[len(lists) + first[:-1]]
        for later in range(1, max(len(item) for item in lists)):  # 2nd, 3rd … reference, where there is one
            has = np.minimum(first[:-1] + later, first[1:] - 1)
            best = best.maximum(counts[len(lists) + has])
        correct[n] = np.asarray(counts[: len(lists)].minimum(best).sum(axis=1)).ravel()
        guessed[n] = np.maximum(said - n, 0)

    samples = _bleu(correct, guessed, said, nearest)
    whole = _bleu(*(np.sum(part, axis=-1, keepdims=True) for part in (correct, guessed, said, nearest)))
    one, two, three, four = (Scores(float(whole[n, 0]), samples[n]) for n in range(ORDER))
    return one, two, three, four


def _bleu(correct: np.ndarray, guessed: np.ndarray, size: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """BLEU-n for each n, float64 (4, N)."""
    precision = np.cumprod((correct + TINY) / (guessed + SMALL), axis=0)
    ratio = (size + TINY) / (nearest + SMALL)
    brevity = np.exp(1 - 1 / np.minimum(ratio, 1.0))
    return precision ** (1 / np.arange(1, ORDER + 1))[:, None] * brevity
