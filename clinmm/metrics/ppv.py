"""Positive predictive value: the share of calls that are right."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked_decisions, require
from clinmm.metrics.weighted import Array, ratio, ratio_influence

NEEDS = "decision"
CONDITIONS_ON = ("predicted_positive",)
HIGHER_IS_BETTER = True
SCALE = "logit"


def ppv(y_true: ArrayLike, y_decision: ArrayLike) -> float:
    """Positives among the called: TP / (TP + FP). Moves with the prevalence.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_decision: (n,) calls in {0, 1}: 1 where the probability reaches the threshold.

    Returns:
        Between 0 and 1.

    Raises:
        InputError: NaN, values other than 0 and 1, lengths that differ, no called case.

    Reference:
        Altman, Bland. BMJ 309:102 (1994).

    >>> round(ppv([1, 1, 0, 0], [1, 1, 1, 0]), 3)  # 2 of 3
    0.667
    """
    y, d = checked_decisions(y_true, y_decision)
    require((d).sum(), "called", "ppv")
    return float(replicates(y, d, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_decision: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return ratio_influence(y_true * y_decision, y_decision)


def replicates(y_true: Array, y_decision: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where no called case has weight."""
    return ratio(y_true * y_decision, y_decision, weights)
