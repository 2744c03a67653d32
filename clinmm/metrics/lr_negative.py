"""Negative likelihood ratio: what no call does to the odds of the outcome."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.confusion import Cells, cells, divided, influence_of
from clinmm.metrics.inputs import checked_decisions, require
from clinmm.metrics.weighted import Array

NEEDS = "decision"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = False
SCALE = "log"


def lr_negative(y_true: ArrayLike, y_decision: ArrayLike) -> float:
    """(1 - sensitivity) / specificity: how much likelier no call is in a positive case.

    Odds after no call = odds before, times this. Does not move with the prevalence by itself.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_decision: (n,) calls in {0, 1}: 1 where the probability reaches the threshold.

    Returns:
        From 0 up; 1 says nothing, below 0.1 is often called strong.

    Raises:
        InputError: NaN, values other than 0 and 1, lengths that differ, no positive or no
            negative case, no negative case that is left uncalled (the ratio is then infinite).

    Reference:
        Deeks, Altman. BMJ 329:168 (2004).

    >>> round(lr_negative([1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]), 3)  # 1/2 over 3/4
    0.667
    """
    y, d = checked_decisions(y_true, y_decision)
    require(y.sum(), "positive", "lr_negative")
    require((1 - y).sum(), "negative", "lr_negative")
    require(((1 - y) * (1 - d)).sum(), "uncalled negative", "lr_negative")
    return float(replicates(y, d, np.ones((y.size, 1)))[0])


def of_cells(table: Cells) -> Array:
    """(R,) the metric of 2x2 tables."""
    tp, fp, fn, tn = table
    return divided(fn * (fp + tn), tn * (tp + fn))


def replicates(y_true: Array, y_decision: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where it is undefined."""
    return of_cells(cells(y_true, y_decision, weights))


def influence(y_true: Array, y_decision: Array) -> tuple[float, Array]:
    """The value and its (n,) derivatives with respect to the case weights."""
    return influence_of(of_cells, y_true, y_decision)
