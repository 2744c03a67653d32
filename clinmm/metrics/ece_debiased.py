"""Expected calibration error over ten bins of equal mass, less what chance alone adds."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinmm.metrics.inputs import checked
from clinmm.metrics.parts import Parts, bin_gaps
from clinmm.metrics.weighted import Array, total_by_bin

NEEDS = "probability"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = False
SCALE = "logit"
RECENTRE = True


def ece_debiased(y_true: ArrayLike, y_prob: ArrayLike, *, n_bins: int = 10) -> float:
    """Mean gap between probability and observed rate, corrected for sampling noise in the bins.

    With probabilities that are right, the sum of y - p over a bin is noise of variance
    sum p (1 - p). What such noise adds to the mean absolute gap depends on the true gaps: all of it
    where there are none, next to nothing where they are large. The true gaps are taken as the
    observed ones, shrunk so that their sum of squares is the one that is left after the variance
    of the noise is subtracted; where nothing is left, all that chance adds is taken away. A result
    below 0 is given as 0, so that perfect calibration gives about a quarter of the uncorrected
    value on average and not 0: `ece_if_calibrated` is beside it.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1].
        n_bins: number of bins; equal probabilities stay together.

    Returns:
        Gap in probability units; 0 is perfect.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ.

    Reference:
        Kumar, Liang, Ma. NeurIPS 2019: the unbiased sum of squares, and absolute gaps corrected in
        the normal approximation; Broecker. Clim Dyn 39:655 (2012).

    >>> ece_debiased([0, 0, 1, 1], [.0, .0, 1., 1.])
    0.0
    """
    y, p = checked(y_true, y_prob)
    return float(replicates(y, p, np.ones((y.size, 1)), n_bins=n_bins)[0])


def equal_mass_bins(y_prob: Array, n_bins: int) -> NDArray[np.int64]:
    """(n,) bin of each case, from 0; equal probabilities share a bin, so some may be empty."""
    at = np.arange(1, n_bins) * y_prob.size // n_bins
    edges = np.partition(y_prob, np.unique(at))[at]
    return np.searchsorted(edges, y_prob, side="right").astype(np.int64)


def parts(y_true: Array, y_prob: Array) -> Parts:
    """The gaps of the bins, each over all cases; their noise is taken as it is."""
    bins = equal_mass_bins(y_prob, 10)
    gaps, influence = bin_gaps(y_true - y_prob, bins, 10)
    noise = noise_of_gaps(y_prob, bins, 10)
    return Parts(gaps, influence, lambda drawn: _corrected(np.abs(drawn), noise[:, None]))


def noise_of_gaps(y_prob: Array, bin_of: NDArray[np.int64], n_bins: int) -> Array:
    """(n_bins,) standard deviation of each bin's gap over all cases, if probabilities are right."""
    variance = np.bincount(bin_of, weights=y_prob * (1 - y_prob), minlength=n_bins)
    return np.asarray(np.sqrt(variance) / y_prob.size)


def replicates(y_true: Array, y_prob: Array, weights: Array, *, n_bins: int = 10) -> Array:
    """The metric under each column of weights (n, R); the bins are those of the whole sample."""
    bins = equal_mass_bins(y_prob, n_bins)
    n = weights.sum(axis=0)
    gaps = total_by_bin(y_true - y_prob, bins, n_bins, weights) / n
    variance = total_by_bin(y_prob * (1 - y_prob), bins, n_bins, weights)
    return _corrected(np.abs(gaps), np.sqrt(variance) / n)


def _corrected(gap: Array, noise: Array) -> Array:
    """(R,) sum of gaps (n_bins, R) less what normal noise adds to it."""
    from scipy.special import erf

    seen = (gap**2).sum(axis=0)
    left = 1 - np.divide((noise**2).sum(axis=0), seen, out=np.ones_like(seen), where=seen > 0)
    true = np.sqrt(np.maximum(left, 0.0)) * gap
    z = np.divide(true, noise, out=np.full(gap.shape, np.inf), where=noise > 0)
    with_noise = noise * np.sqrt(2 / np.pi) * np.exp(-(z**2) / 2) + true * erf(z / np.sqrt(2))
    return np.asarray(np.maximum((gap - (with_noise - true)).sum(axis=0), 0.0))
