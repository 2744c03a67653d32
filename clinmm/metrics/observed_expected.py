"""O:E ratio: events that happened over events that were predicted."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked, require
from clinmm.metrics.weighted import Array, ratio, ratio_influence

NEEDS = "probability"
CONDITIONS_ON = ("positive",)
HIGHER_IS_BETTER = None
SCALE = "log"


def observed_expected(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Sum of y_true over sum of y_prob.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1].

    Returns:
        From 0 up; 1 is ideal, above 1 the risks are too low, below 1 too high.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, no positive case,
            probabilities that are all 0.

    Reference:
        Debray et al. BMJ 356:i6460 (2017).

    >>> observed_expected([1, 1, 0, 0], [.5, .3, .1, .1])  # 2 seen, 1 expected
    2.0
    """
    y, p = checked(y_true, y_prob)
    require(y.sum(), "positive", "observed_expected")
    require(p.sum(), "expected", "observed_expected")
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return ratio_influence(y_true, y_prob)


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where nothing is expected."""
    return ratio(y_true, y_prob, weights)
