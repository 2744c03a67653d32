"""Calibration slope: by what the log-odds must be multiplied; below 1 they are too extreme."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.inputs import checked, require
from clinmm.metrics.logistic import Fit, each_column, fit_logistic, logit
from clinmm.metrics.weighted import Array

NEEDS = "probability"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = None
SCALE = "identity"


def calibration_slope(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Slope of a logistic regression of the outcome on the log-odds.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1]; clipped at 1e-7 from either end.

    Returns:
        1 is ideal; below 1 the risks are too extreme, as after overfitting, above 1 too timid,
        at or below 0 they do not rank.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, one class only,
            probabilities that are all the same or that separate the classes: no slope is finite.

    Reference:
        Cox. Biometrika 45:562 (1958); Van Calster et al. BMC Med 17:230 (2019).

    >>> round(calibration_slope([0, 1, 0, 0, 1, 1, 0, 1], [.2] * 4 + [.8] * 4), 4)  # rates 1/4, 3/4
    0.7925
    """
    y, p = checked(y_true, y_prob)
    require(y.sum(), "positive", "calibration_slope")
    require((1 - y).sum(), "negative", "calibration_slope")
    value = influence(y, p)[0]
    if np.isnan(value):
        raise InputError(
            "calibration_slope is undefined: the probabilities are all the same, or separate the "
            "classes without overlap, so that no slope is finite. It needs more cases."
        )
    return value


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The value and its derivative with respect to the weight of each case (n,)."""
    fit = _fit(y_true, logit(y_prob), np.ones(y_true.size))
    if fit is None:
        return float("nan"), np.full(y_true.size, np.nan)
    return float(fit.coefficients[1]), fit.influence[:, 1]


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where no slope is finite."""
    log_odds = logit(y_prob)

    def value(weight: Array) -> float:
        fit = _fit(y_true, log_odds, weight)
        return float("nan") if fit is None else float(fit.coefficients[1])

    return each_column(weights, value)


def _fit(y_true: Array, log_odds: Array, weights: Array) -> Fit | None:
    """None where the classes do not overlap: the likelihood then rises for ever.

    Reference:
        Albert, Anderson. Biometrika 71:1 (1984).
    """
    positive, negative = (log_odds[(y_true == c) & (weights > 0)] for c in (1, 0))
    if min(positive.size, negative.size) == 0:
        return None
    if positive.min() >= negative.max() or negative.min() >= positive.max():
        return None
    return fit_logistic(np.column_stack([np.ones_like(log_odds), log_odds]), y_true, weights)
