"""False negative rate: the share of positive cases that are missed."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked_decisions, require
from clinmm.metrics.weighted import Array, ratio, ratio_influence

NEEDS = "decision"
CONDITIONS_ON = ("positive",)
HIGHER_IS_BETTER = False
SCALE = "logit"


def fnr(y_true: ArrayLike, y_decision: ArrayLike) -> float:
    """Calls missed among the positives: FN / (TP + FN).

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_decision: (n,) calls in {0, 1}: 1 where the probability reaches the threshold.

    Returns:
        Between 0 and 1.

    Raises:
        InputError: NaN, values other than 0 and 1, lengths that differ, no positive case.

    Reference:
        Altman, Bland. BMJ 308:1552 (1994).

    >>> round(fnr([1, 1, 1, 0], [1, 1, 0, 1]), 3)  # 1 of 3
    0.333
    """
    y, d = checked_decisions(y_true, y_decision)
    require((y).sum(), "positive", "fnr")
    return float(replicates(y, d, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_decision: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return ratio_influence(y_true * (1 - y_decision), y_true)


def replicates(y_true: Array, y_decision: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where no positive case has weight."""
    return ratio(y_true * (1 - y_decision), y_true, weights)
