"""Balanced accuracy: mean of sensitivity and specificity."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.confusion import Cells, cells, divided, influence_of
from clinmm.metrics.inputs import checked_decisions, require
from clinmm.metrics.weighted import Array

NEEDS = "decision"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = True
SCALE = "logit"


def balanced_accuracy(y_true: ArrayLike, y_decision: ArrayLike) -> float:
    """(TP / (TP + FN) + TN / (TN + FP)) / 2; Youden's index is twice this less 1.

    Does not move with the prevalence by itself.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_decision: (n,) calls in {0, 1}: 1 where the probability reaches the threshold.

    Returns:
        Between 0 and 1; .5 is chance.

    Raises:
        InputError: NaN, values other than 0 and 1, lengths that differ, no positive or no
            negative case.

    Reference:
        Brodersen, Ong, Stephan, Buhmann. ICPR 2010, p. 3121.

    >>> round(balanced_accuracy([1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]), 3)  # (1/2 + 3/4) / 2
    0.625
    """
    y, d = checked_decisions(y_true, y_decision)
    require(y.sum(), "positive", "balanced_accuracy")
    require((1 - y).sum(), "negative", "balanced_accuracy")
    return float(replicates(y, d, np.ones((y.size, 1)))[0])


def of_cells(table: Cells) -> Array:
    """(R,) the metric of 2x2 tables."""
    tp, fp, fn, tn = table
    return np.asarray((divided(tp, tp + fn) + divided(tn, tn + fp)) / 2)


def replicates(y_true: Array, y_decision: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where it is undefined."""
    return of_cells(cells(y_true, y_decision, weights))


def influence(y_true: Array, y_decision: Array) -> tuple[float, Array]:
    """The value and its (n,) derivatives with respect to the case weights."""
    return influence_of(of_cells, y_true, y_decision)
