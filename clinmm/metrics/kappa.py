"""Cohen's kappa: agreement of call and outcome beyond chance."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.confusion import Cells, cells, divided, influence_of
from clinmm.metrics.inputs import checked_decisions, require
from clinmm.metrics.weighted import Array

NEEDS = "decision"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = True
SCALE = "identity"


def kappa(y_true: ArrayLike, y_decision: ArrayLike) -> float:
    """(observed - expected agreement) / (1 - expected), expected from the two margins.

    Moves with the prevalence: read it beside sensitivity and specificity.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_decision: (n,) calls in {0, 1}: 1 where the probability reaches the threshold.

    Returns:
        Between -1 and 1; 0 is chance.

    Raises:
        InputError: NaN, values other than 0 and 1, lengths that differ, no positive or no
            negative case.

    Reference:
        Cohen. Educ Psychol Meas 20:37 (1960).

    >>> round(kappa([1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]), 3)  # (2/3 - 5/9) / (1 - 5/9)
    0.25
    """
    y, d = checked_decisions(y_true, y_decision)
    require(y.sum(), "positive", "kappa")
    require((1 - y).sum(), "negative", "kappa")
    return float(replicates(y, d, np.ones((y.size, 1)))[0])


def of_cells(table: Cells) -> Array:
    """(R,) the metric of 2x2 tables."""
    tp, fp, fn, tn = table
    by_chance = (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)
    return divided(2 * (tp * tn - fp * fn), by_chance)


def replicates(y_true: Array, y_decision: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where it is undefined."""
    return of_cells(cells(y_true, y_decision, weights))


def influence(y_true: Array, y_decision: Array) -> tuple[float, Array]:
    """The value and its (n,) derivatives with respect to the case weights."""
    return influence_of(of_cells, y_true, y_decision)
