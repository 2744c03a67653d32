"""Expected calibration error over ten bins of equal mass, less what chance alone adds."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinmm.metrics.inputs import checked
from clinmm.metrics.weighted import Array, over, total_by_bin

NEEDS = "probability"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = False
RECENTRE = True


def ece_debiased(y_true: ArrayLike, y_prob: ArrayLike, *, n_bins: int = 10) -> float:
    """Mean gap between probability and observed rate, corrected for sampling noise in the bins.

    The observed rate of a bin is taken as normal about its value with the binomial variance
    q (1 - q) / n. The mean absolute gap that this noise would add is subtracted, bin by bin, and
    a sum below 0 is given as 0. It takes the observed gap for the true one, so that of what chance
    adds to a perfectly calibrated sample about a third goes and not all.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1].
        n_bins: number of bins; equal probabilities stay together.

    Returns:
        Gap in probability units; 0 is perfect.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ.

    Reference:
        Kumar, Liang, Ma. NeurIPS 2019, the debiased estimator in its normal approximation.

    >>> ece_debiased([0, 0, 1, 1], [.0, .0, 1., 1.])
    0.0
    """
    y, p = checked(y_true, y_prob)
    return float(replicates(y, p, np.ones((y.size, 1)), n_bins=n_bins)[0])


def equal_mass_bins(y_prob: Array, n_bins: int) -> NDArray[np.int64]:
    """(n,) bin of each case, from 0; equal probabilities share a bin, so some may be empty."""
    at = np.arange(1, n_bins) * y_prob.size // n_bins
    edges = np.sort(y_prob)[at]
    return np.searchsorted(edges, y_prob, side="right").astype(np.int64)


def replicates(y_true: Array, y_prob: Array, weights: Array, *, n_bins: int = 10) -> Array:
    """The metric under each column of weights (n, R); the bins are those of the whole sample."""
    from scipy.special import erf

    bins = equal_mass_bins(y_prob, n_bins)
    n, events, risk = (
        total_by_bin(values, bins, n_bins, weights)
        for values in (np.ones_like(y_true), y_true, y_prob)
    )  # each (n_bins, R)
    rate = np.nan_to_num(over(events, n))
    gap = np.abs(rate - np.nan_to_num(over(risk, n)))
    noise = np.sqrt(np.nan_to_num(over(rate * (1 - rate), n)))
    z = np.divide(gap, noise, out=np.full_like(gap, np.inf), where=noise > 0)
    folded = noise * np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2) + gap * erf(z / np.sqrt(2))
    return np.maximum(over(((2 * gap - folded) * n).sum(axis=0), n.sum(axis=0)), 0.0)
