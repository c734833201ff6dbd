"""Put features where a prompt holds placeholders for them, after counting both."""

import torch
from torch import Tensor

from facevlm.errors import InputError


def fill_placeholders(embeddings: Tensor, places: Tensor, features: Tensor, counts: Tensor, *, what: str) -> Tensor:
    """Embeddings with features in their places, in order.

    Args:
        embeddings: (B, L, D) of the whole prompt.
        places: bool (B, L), true at placeholders.
        features: (M, D), those of all samples one after the other.
        counts: int (B,) features of each sample; their sum is M.
        what: Name of the features, for messages.

    Raises:
        InputError: A sample has more or fewer placeholders than features.
    """
    places = places.to(embeddings.device)
    found = places.sum(1)
    if not torch.equal(found, counts.to(found)):
        wrong = int((found != counts.to(found)).nonzero()[0, 0])
        raise InputError(
            f"sample {wrong} has {int(found[wrong])} placeholders for {int(counts[wrong])} {what} tokens",
            mend="make the prompt with the model's own processor",
        )
    return embeddings.masked_scatter(places[..., None], features.to(embeddings))
