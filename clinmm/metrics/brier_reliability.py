"""Reliability part of the Brier score: squared gap between probability and rate, by bins."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked
from clinmm.metrics.murphy import filled_bins, mean_square, weighted_bins
from clinmm.metrics.parts import Parts
from clinmm.metrics.weighted import Array

NEEDS = "probability"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = False
SCALE = "logit"
RECENTRE = True


def brier_reliability(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Mean of (mean probability - observed rate) squared over ten bins of equal mass.

    Brier score = reliability - resolution + uncertainty, exactly where the cases of a bin share one
    probability. Otherwise the score also holds, within the bins, the variance of the probability
    less twice its covariance with the outcome. Chance alone makes the reliability, and its
    interval, larger than 0: each of k bins adds about q (1 - q) / n over n cases in all.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1]; equal ones share a bin.

    Returns:
        Between 0 (perfect) and 1.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ.

    Reference:
        Murphy. J Appl Meteorol 12:595 (1973); the terms within bins: Stephenson, Coelho, Jolliffe.
        Weather Forecast 23:752 (2008).

    >>> round(brier_reliability([0, 1, 1, 1], [.2, .2, .9, .9]), 3)  # (.3^2 + .1^2) / 2
    0.05
    """
    y, p = checked(y_true, y_prob)
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def parts(y_true: Array, y_prob: Array) -> Parts:
    """The gaps of the bins, whose weighted mean square the metric is."""
    return mean_square(y_prob - y_true, filled_bins(y_prob), about_mean=False)


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); the bins are those of the whole sample."""
    share, gap = weighted_bins(y_prob - y_true, filled_bins(y_prob), weights)
    return np.asarray((share * gap**2).sum(axis=0))
