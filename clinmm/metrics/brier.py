"""Brier score: mean squared distance between probability and outcome."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked
from clinmm.metrics.weighted import Array, mean_influence, ratio

NEEDS = "probability"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = False
SCALE = "logit"


def brier(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Mean of (y_prob - y_true) squared.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1].

    Returns:
        Between 0 (perfect) and 1; always saying the prevalence q gives q (1 - q).

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ.

    Reference:
        Brier. Monthly Weather Review 78:1 (1950).

    >>> round(brier([1, 0], [.8, .4]), 3)  # (.04 + .16) / 2
    0.1
    """
    y, p = checked(y_true, y_prob)
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return mean_influence((y_prob - y_true) ** 2)


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R)."""
    return ratio((y_prob - y_true) ** 2, np.ones_like(y_true), weights)
