"""N-grams of many texts at once, counted as sparse matrices."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array


def count_ngrams(texts: Sequence[Sequence[str]], *, order: int = 4) -> list[csr_array]:
    """Count the n-grams of each text for n = 1 .. `order`.

    Args:
        texts: Tokens of each text.
        order: The longest n-gram.

    Returns:
        For each n a float64 (texts, distinct n-grams) matrix of counts; the columns are the same for all texts.
    """
    vocabulary: dict[str, int] = {}
    tokens = np.array([vocabulary.setdefault(token, len(vocabulary)) for text in texts for token in text], np.int64)
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    grams, matrices = tokens, []
    for n in range(1, order + 1):
        if n > 1:  # each gram longer by the token that follows it
            grams = grams[: max(len(tokens) - n + 1, 0)] * len(vocabulary) + tokens[n - 1 :]
        distinct, grams = np.unique(grams, return_inverse=True)
        whole = owner[: len(grams)] == owner[n - 1 :][: len(grams)]  # grams that do not reach into the next text
        rows, columns = owner[: len(grams)][whole], grams[whole]
        shape = (len(texts), len(distinct))
        matrices.append(csr_array((np.ones(len(rows)), (rows, columns)), shape=shape))
    return matrices
