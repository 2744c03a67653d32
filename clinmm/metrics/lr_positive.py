"""Positive likelihood ratio: what a call does to the odds of the outcome."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.confusion import Cells, cells, divided, influence_of
from clinmm.metrics.inputs import checked_decisions, require
from clinmm.metrics.weighted import Array

NEEDS = "decision"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = True
SCALE = "log"


def lr_positive(y_true: ArrayLike, y_decision: ArrayLike) -> float:
    """Sensitivity / (1 - specificity): how much likelier a call is in a positive case.

    Odds after a call = odds before, times this. Does not move with the prevalence by itself.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_decision: (n,) calls in {0, 1}: 1 where the probability reaches the threshold.

    Returns:
        From 0 up; 1 says nothing, above 10 is often called strong.

    Raises:
        InputError: NaN, values other than 0 and 1, lengths that differ, no positive or no
            negative case, no negative case that is called (the ratio is then infinite).

    Reference:
        Deeks, Altman. BMJ 329:168 (2004).

    >>> round(lr_positive([1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]), 3)  # 1/2 over 1/4
    2.0
    """
    y, d = checked_decisions(y_true, y_decision)
    require(y.sum(), "positive", "lr_positive")
    require((1 - y).sum(), "negative", "lr_positive")
    require(((1 - y) * d).sum(), "called negative", "lr_positive")
    return float(replicates(y, d, np.ones((y.size, 1)))[0])


def of_cells(table: Cells) -> Array:
    """(R,) the metric of 2x2 tables."""
    tp, fp, fn, tn = table
    return divided(tp * (fp + tn), fp * (tp + fn))


def replicates(y_true: Array, y_decision: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where it is undefined."""
    return of_cells(cells(y_true, y_decision, weights))


def influence(y_true: Array, y_decision: Array) -> tuple[float, Array]:
    """The value and its (n,) derivatives with respect to the case weights."""
    return influence_of(of_cells, y_true, y_decision)
