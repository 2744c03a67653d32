"""Calibration in the large: by how much the log-odds are too low on the whole."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked, require
from clinmm.metrics.logistic import each_column, fit_logistic, logit
from clinmm.metrics.weighted import Array

NEEDS = "probability"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = None
SCALE = "identity"


def calibration_intercept(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """What must be added to every log-odds for the mean probability to meet the observed rate.

    The intercept of a logistic regression with the log-odds as offset.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1]; clipped at 1e-7 from either end.

    Returns:
        Log-odds; 0 is ideal, above 0 the risks are too low, below 0 too high.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, one class only.

    Reference:
        Cox. Biometrika 45:562 (1958); Van Calster et al. BMC Med 17:230 (2019).

    >>> round(calibration_intercept([0, 0, 0, 1], [.5, .5, .5, .5]), 4)  # log(1/3)
    -1.0986
    """
    y, p = checked(y_true, y_prob)
    require(y.sum(), "positive", "calibration_intercept")
    require((1 - y).sum(), "negative", "calibration_intercept")
    return influence(y, p)[0]


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The value and its derivative with respect to the weight of each case (n,)."""
    fit = fit_logistic(np.ones((y_true.size, 1)), y_true, offset=logit(y_prob))
    if fit is None:
        return float("nan"), np.full(y_true.size, np.nan)
    return float(fit.coefficients[0]), fit.influence[:, 0]


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where a class has no weight."""
    column, offset = np.ones((y_true.size, 1)), logit(y_prob)

    def value(weight: Array) -> float:
        fit = fit_logistic(column, y_true, weight, offset)
        return float("nan") if fit is None else float(fit.coefficients[0])

    return each_column(weights, value)
