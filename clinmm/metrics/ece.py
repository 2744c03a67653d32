"""Expected calibration error over ten bins of equal width."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinmm.metrics.inputs import checked
from clinmm.metrics.parts import Parts, bin_gaps
from clinmm.metrics.weighted import Array, over, total_by_bin

NEEDS = "probability"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = False
SCALE = "logit"
RECENTRE = True


def ece(y_true: ArrayLike, y_prob: ArrayLike, *, n_bins: int = 10) -> float:
    """Mean gap between probability and observed rate.

    Equal-width bins on [0, 1], left edge inside, 1.0 in the last bin; each weighs as many cases
    as it holds. Chance alone makes it larger than 0 in a perfectly calibrated sample, the more
    the smaller the sample: compare with `ece_debiased`.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1].
        n_bins: number of bins.

    Returns:
        Gap in probability units; 0 is perfect.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ.

    Reference:
        Naeini, Cooper, Hauskrecht. AAAI 2015.

    >>> round(ece([0, 1, 1, 1], [.2, .2, .9, .9], n_bins=2), 3)
    0.2
    """
    y, p = checked(y_true, y_prob)
    return float(replicates(y, p, np.ones((y.size, 1)), n_bins=n_bins)[0])


def parts(y_true: Array, y_prob: Array) -> Parts:
    """The gaps of the bins, each over all cases, of which the metric is the sum of lengths."""
    gaps, influence = bin_gaps(y_true - y_prob, _bins(y_prob, 10), 10)
    return Parts(gaps, influence, lambda drawn: np.asarray(np.abs(drawn).sum(axis=0)))


def replicates(y_true: Array, y_prob: Array, weights: Array, *, n_bins: int = 10) -> Array:
    """The metric under each column of weights (n, R)."""
    gaps = total_by_bin(y_true - y_prob, _bins(y_prob, n_bins), n_bins, weights)
    return over(np.abs(gaps).sum(axis=0), weights.sum(axis=0))


def _bins(y_prob: Array, n_bins: int) -> NDArray[np.int64]:
    edges = np.arange(n_bins + 1) / n_bins  # linspace(0, 1, 11)[3] is above .3: it moves cases
    return np.searchsorted(edges[1:-1], y_prob, side="right").astype(np.int64)
