"""Matthews correlation coefficient: correlation of call and outcome."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.confusion import Cells, cells, divided, influence_of
from clinmm.metrics.inputs import checked_decisions, require
from clinmm.metrics.weighted import Array

NEEDS = "decision"
CONDITIONS_ON = ("positive", "negative", "predicted_positive", "predicted_negative")
HIGHER_IS_BETTER = True
SCALE = "identity"


def mcc(y_true: ArrayLike, y_decision: ArrayLike) -> float:
    """(TP TN - FP FN) / sqrt((TP + FP)(TP + FN)(TN + FP)(TN + FN)), the phi coefficient.

    Undefined where all or none are called; scikit-learn says 0 there.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_decision: (n,) calls in {0, 1}: 1 where the probability reaches the threshold.

    Returns:
        Between -1 and 1; 0 is chance.

    Raises:
        InputError: NaN, values other than 0 and 1, lengths that differ, no positive, no
            negative, no called or no uncalled case.

    Reference:
        Matthews. Biochim Biophys Acta 405:442 (1975).

    >>> round(mcc([1, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0]), 3)  # (3 - 1) / sqrt(2 2 4 4)
    0.25
    """
    y, d = checked_decisions(y_true, y_decision)
    require(y.sum(), "positive", "mcc")
    require((1 - y).sum(), "negative", "mcc")
    require(d.sum(), "called", "mcc")
    require((1 - d).sum(), "uncalled", "mcc")
    return float(replicates(y, d, np.ones((y.size, 1)))[0])


def of_cells(table: Cells) -> Array:
    """(R,) the metric of 2x2 tables."""
    tp, fp, fn, tn = table
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return divided(tp * tn - fp * fn, np.sqrt(margins))


def replicates(y_true: Array, y_decision: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where it is undefined."""
    return of_cells(cells(y_true, y_decision, weights))


def influence(y_true: Array, y_decision: Array) -> tuple[float, Array]:
    """The value and its (n,) derivatives with respect to the case weights."""
    return influence_of(of_cells, y_true, y_decision)
