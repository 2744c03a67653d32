"""Prevalence: the share of cases that have the outcome."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked
from clinmm.metrics.weighted import Array, mean_influence, ratio

NEEDS = "outcome"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = None
SCALE = "logit"


def prevalence(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Mean of y_true; y_prob is checked and otherwise unused.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1].

    Returns:
        Between 0 and 1.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ.

    >>> prevalence([1, 0, 0, 0], [.5, .5, .5, .5])
    0.25
    """
    y, p = checked(y_true, y_prob)
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return mean_influence(y_true)


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R)."""
    return ratio(y_true, np.ones_like(y_true), weights)
