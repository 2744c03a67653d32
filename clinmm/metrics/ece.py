"""Expected calibration error over ten bins of equal width."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked
from clinmm.metrics.weighted import Array, over, total_by_bin

NEEDS = "probability"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = False
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


def replicates(y_true: Array, y_prob: Array, weights: Array, *, n_bins: int = 10) -> Array:
    """The metric under each column of weights (n, R)."""
    edges = np.arange(n_bins + 1) / n_bins  # linspace(0, 1, 11)[3] is above .3: it moves cases
    bin_of = np.searchsorted(edges[1:-1], y_prob, side="right")
    gaps = np.abs(total_by_bin(y_true - y_prob, bin_of, n_bins, weights)).sum(axis=0)
    return over(gaps, weights.sum(axis=0))
