"""R squared: how much of the spread of a continuous target predictions explain."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.values import checked_values
from clinmm.metrics.weighted import Array, mean_influence, over, total

NEEDS = "value"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = True
SCALE = "identity"


def r2(y_true: ArrayLike, y_value: ArrayLike) -> float:
    """1 - mean squared error / variance of the observed values.

    Moves with the spread of the cohort: compare it within one cohort only.

    Args:
        y_true: (n,) observed, in the target's unit.
        y_value: (n,) predicted, in the same unit.

    Returns:
        1 is perfect, 0 is as good as the mean of these cases, below 0 is worse.

    Raises:
        InputError: as `values.checked_values`, or all observed values are equal.

    Reference:
        Kvalseth. Am Stat 39:279 (1985), R squared 1.

    >>> r2([0, 2, 4], [1, 2, 3])  # 1 - 2 / 8
    0.75
    """
    y, v = checked_values(y_true, y_value)
    value = float(replicates(y, v, np.ones((y.size, 1)))[0])
    if np.isnan(value):
        raise InputError("r2 is undefined where all observed values are equal; it needs others.")
    return value


def influence(y_true: Array, y_value: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    error, by_error = mean_influence((y_value - y_true) ** 2)
    spread, by_spread = mean_influence((y_true - y_true.mean()) ** 2)  # its mean moves it not
    if spread == 0:
        return float("nan"), np.full(y_true.size, np.nan)
    return 1 - error / spread, (error * by_spread / spread - by_error) / spread


def replicates(y_true: Array, y_value: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where all observed values are equal."""
    n = weights.sum(axis=0)
    error = n * total((y_value - y_true) ** 2, weights)
    centred = y_true - y_true.mean()  # squares of large numbers would cancel
    return 1 - over(error, n * total(centred**2, weights) - total(centred, weights) ** 2)
