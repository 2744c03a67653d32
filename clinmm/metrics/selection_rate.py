"""Selection rate: the share of cases that are called."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked_decisions
from clinmm.metrics.weighted import Array, mean_influence, ratio

NEEDS = "decision"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = None
SCALE = "logit"


def selection_rate(y_true: ArrayLike, y_decision: ArrayLike) -> float:
    """Calls made, right or wrong, among all: (TP + FP) / n.

    Args:
        y_true: (n,) outcomes in {0, 1}; they do not matter.
        y_decision: (n,) calls in {0, 1}: 1 where the probability reaches the threshold.

    Returns:
        Between 0 and 1; neither end is better.

    Raises:
        InputError: NaN, values other than 0 and 1, lengths that differ.

    Reference:
        Dwork et al. ITCS 2012 (demographic parity).

    >>> selection_rate([1, 1, 0, 0], [1, 0, 1, 1])
    0.75
    """
    y, d = checked_decisions(y_true, y_decision)
    return float(replicates(y, d, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_decision: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return mean_influence(y_decision)


def replicates(y_true: Array, y_decision: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R)."""
    return ratio(y_decision, np.ones_like(y_decision), weights)
