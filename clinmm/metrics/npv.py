"""Negative predictive value: the share of cases not called that are negative."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked_decisions, require
from clinmm.metrics.weighted import Array, ratio, ratio_influence

NEEDS = "decision"
CONDITIONS_ON = ("predicted_negative",)
HIGHER_IS_BETTER = True
SCALE = "logit"


def npv(y_true: ArrayLike, y_decision: ArrayLike) -> float:
    """Negatives among the not called: TN / (TN + FN). Moves with the prevalence.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_decision: (n,) calls in {0, 1}: 1 where the probability reaches the threshold.

    Returns:
        Between 0 and 1.

    Raises:
        InputError: NaN, values other than 0 and 1, lengths that differ, no not called case.

    Reference:
        Altman, Bland. BMJ 309:102 (1994).

    >>> round(npv([1, 0, 0, 0], [0, 0, 0, 1]), 3)  # 2 of 3
    0.667
    """
    y, d = checked_decisions(y_true, y_decision)
    require((1 - d).sum(), "not called", "npv")
    return float(replicates(y, d, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_decision: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return ratio_influence((1 - y_true) * (1 - y_decision), 1 - y_decision)


def replicates(y_true: Array, y_decision: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where no not called case has weight."""
    return ratio((1 - y_true) * (1 - y_decision), 1 - y_decision, weights)
