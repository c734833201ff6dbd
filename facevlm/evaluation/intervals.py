"""Bootstrap confidence intervals: how much a corpus value would vary with another draw of clips (Efron 1979)."""

import numpy as np

RESAMPLES = 1000


def mean_interval(
    per_sample: np.ndarray, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of a mean.

    Args:
        per_sample: float64 (N,).
        level: Share of the resampled means inside.
        resamples: Number of draws with replacement.
        seed: Makes the draws the same each time.
    """
    means = _draws(len(per_sample), resamples, seed) @ np.asarray(per_sample, dtype=np.float64) / len(per_sample)
    return _bounds(means, level)


def f_of_means_interval(
    precision: np.ndarray, recall: np.ndarray, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the F1 of mean precision and mean recall; arguments as `mean_interval`."""
    draws = _draws(len(precision), resamples, seed)
    p, r = draws @ np.asarray(precision) / len(precision), draws @ np.asarray(recall) / len(recall)
    return _bounds(np.divide(2 * p * r, p + r, out=np.zeros(len(p)), where=p + r > 0), level)


def class_means_interval(
    values: np.ndarray, classes: np.ndarray, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the plain mean of the means of classes, such as UAR; other arguments as `mean_interval`.

    Args:
        values: float64 (N,).
        classes: int (N,), the class of each; one that a draw lacks is not in the mean of that draw.
    """
    member = (classes[:, None] == np.unique(classes)[None]).astype(np.float64)
    draws = _draws(len(values), resamples, seed)
    counts = draws @ member
    means = np.divide(draws @ (member * values[:, None]), counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    return _bounds(np.nanmean(means, axis=1), level)


def _draws(n: int, resamples: int, seed: int) -> np.ndarray:
    """How often each sample is drawn: float64 (resamples, N)."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def _bounds(values: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
