"""F1: harmonic mean of sensitivity and positive predictive value."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.confusion import Cells, cells, divided, influence_of
from clinmm.metrics.inputs import checked_decisions, require
from clinmm.metrics.weighted import Array

NEEDS = "decision"
CONDITIONS_ON = ("positive",)
HIGHER_IS_BETTER = True
SCALE = "logit"


def f1(y_true: ArrayLike, y_decision: ArrayLike) -> float:
    """2 TP / (2 TP + FP + FN). True negatives do not count; moves with the prevalence.

    Groups of different prevalence are therefore not comparable by it.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_decision: (n,) calls in {0, 1}: 1 where the probability reaches the threshold.

    Returns:
        Between 0 and 1; calling everybody at prevalence q gives 2 q / (1 + q).

    Raises:
        InputError: NaN, values other than 0 and 1, lengths that differ, no positive case.

    Reference:
        van Rijsbergen. Information Retrieval, 2nd ed., Butterworths (1979), chapter 7.

    >>> round(f1([1, 1, 1, 0], [1, 1, 0, 1]), 3)  # 4 / (4 + 1 + 1)
    0.667
    """
    y, d = checked_decisions(y_true, y_decision)
    require(y.sum(), "positive", "f1")
    return float(replicates(y, d, np.ones((y.size, 1)))[0])


def of_cells(table: Cells) -> Array:
    """(R,) the metric of 2x2 tables."""
    tp, fp, fn, _ = table
    return divided(2 * tp, 2 * tp + fp + fn)


def replicates(y_true: Array, y_decision: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where it is undefined."""
    return of_cells(cells(y_true, y_decision, weights))


def influence(y_true: Array, y_decision: Array) -> tuple[float, Array]:
    """The value and its (n,) derivatives with respect to the case weights."""
    return influence_of(of_cells, y_true, y_decision)
