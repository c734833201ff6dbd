"""What a track looks like: its appearance vectors, averaged over time or kept as a gallery, and how unlike a face is.

DeepSORT (Wojke et al. 2017) keeps the last 100 vectors of each track and takes the least cosine distance; StrongSORT
(Du et al. 2023, section 3.2) keeps one, an exponential moving average, which noise of single detections changes less.
"""

from collections.abc import Sequence

import numpy as np


class Gallery:
    """The vectors of one track.

    Args:
        budget: Most vectors kept; the oldest go first.
        memory: Share of the old average that stays when a vector comes; None keeps the vectors as they are.
    """

    def __init__(self, *, budget: int, memory: float | None) -> None:
        self._budget, self._memory = budget, memory
        self.vectors = np.zeros((0, 0))  # float64 (G, D) unit norm, oldest first

    def __len__(self) -> int:
        return len(self.vectors)

    def add(self, vector: np.ndarray) -> None:
        """Take in float (D,) of unit norm; NaN is no vector and changes nothing."""
        if not len(vector) or np.isnan(vector[0]):
            return
        if not len(self.vectors):
            self.vectors = np.array(vector, np.float64)[None]
            return
        if self._memory is not None:
            mixed = self._memory * self.vectors[-1] + (1 - self._memory) * vector
            vector = mixed / max(float(np.linalg.norm(mixed)), 1e-12)
        self.vectors = np.concatenate([self.vectors, vector[None]])[-self._budget :]


def cosine_distances(galleries: Sequence[Gallery], features: np.ndarray) -> np.ndarray:
    """Least cosine distance of each face to each gallery, NaN where either has no vector.

    Args:
        galleries: N galleries.
        features: float (M, D), rows of NaN where a face has no vector.

    Returns:
        float64 (N, M) in [0, 2].
    """
    result = np.full((len(galleries), len(features)), np.nan)
    filled = [i for i, gallery in enumerate(galleries) if len(gallery)]
    if filled and features.size:
        starts = np.cumsum([0] + [len(galleries[i]) for i in filled[:-1]])
        stacked = np.concatenate([galleries[i].vectors for i in filled])  # (sum of G, D)
        result[filled] = np.minimum.reduceat(1.0 - stacked @ features.T, starts, axis=0)
    return result
