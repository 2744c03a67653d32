"""Log loss: mean surprise at the outcome, in nats."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked
from clinmm.metrics.weighted import Array, mean_influence, ratio

NEEDS = "probability"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = False
SCALE = "log"

SMALLEST = 1e-7
"""Probabilities are moved into [SMALLEST, 1 - SMALLEST], so that one certain mistake counts
16 nats and not infinitely many."""


def log_loss(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Mean of -log(probability given to what happened), natural logarithm.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1]; clipped at 1e-7 from either end.

    Returns:
        Nats per case, 0 is perfect; always saying one half gives .693.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ.

    Reference:
        Good. J R Stat Soc B 14:107 (1952).

    >>> round(log_loss([1, 0], [.5, .5]), 4)
    0.6931
    """
    y, p = checked(y_true, y_prob)
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def per_case(y_true: Array, y_prob: Array) -> Array:
    """(n,) nats of each case."""
    p = np.clip(y_prob, SMALLEST, 1 - SMALLEST)
    return -np.log(np.where(y_true == 1, p, 1 - p))


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return mean_influence(per_case(y_true, y_prob))


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R)."""
    return ratio(per_case(y_true, y_prob), np.ones_like(y_true), weights)
