"""Resolution part of the Brier score: how far the rates of bins lie from the prevalence."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked, require
from clinmm.metrics.murphy import filled_bins, mean_square, weighted_bins
from clinmm.metrics.parts import Parts
from clinmm.metrics.weighted import Array

NEEDS = "probability"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = True
SCALE = "logit"
RECENTRE = True


def brier_resolution(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Mean of (observed rate - prevalence) squared over ten bins of equal mass.

    What sorting the cases by risk takes off the Brier score; see `brier_reliability` for the whole
    sum. Chance alone makes it larger than 0. At most the uncertainty, which grows towards a
    prevalence of one half, so groups of different prevalence are not comparable.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1]; equal ones share a bin.

    Returns:
        Between 0 and .25.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, one class only.

    Reference:
        Murphy. J Appl Meteorol 12:595 (1973).

    >>> brier_resolution([0, 1, 1, 1], [.2, .2, .9, .9])  # rates .5 and 1 about .75
    0.0625
    """
    y, p = checked(y_true, y_prob)
    require(y.sum(), "positive", "brier_resolution")
    require((1 - y).sum(), "negative", "brier_resolution")
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def parts(y_true: Array, y_prob: Array) -> Parts:
    """The rates of the bins, whose weighted variance the metric is."""
    return mean_square(y_true, filled_bins(y_prob), about_mean=True)


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); the bins are those of the whole sample."""
    share, rate = weighted_bins(y_true, filled_bins(y_prob), weights)
    prevalence = (share * rate).sum(axis=0)
    return np.asarray((share * (rate - prevalence) ** 2).sum(axis=0))
