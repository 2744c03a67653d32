"""Calibration slope of a continuous target: whether predictions spread too far or too little."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.values import checked_values
from clinmm.metrics.weighted import Array, over, total

NEEDS = "value"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER: bool | None = None
SCALE = "identity"


def calibration_slope_value(y_true: ArrayLike, y_value: ArrayLike) -> float:
    """Slope of the regression of the observed on the predicted value.

    Args:
        y_true: (n,) observed, in the target's unit.
        y_value: (n,) predicted, in the same unit.

    Returns:
        1 where predictions spread as far as they should; below 1 they are too extreme.

    Raises:
        InputError: as `values.checked_values`, or all predicted values are equal.

    Reference:
        Steyerberg. Clinical Prediction Models (2019), chapter 15.

    >>> calibration_slope_value([0, 1, 2], [0, 2, 4])
    0.5
    """
    y, v = checked_values(y_true, y_value)
    value = float(replicates(y, v, np.ones((y.size, 1)))[0])
    if np.isnan(value):
        raise InputError(
            "calibration_slope_value is undefined where all predictions are equal; it needs others."
        )
    return value


def influence(y_true: Array, y_value: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    apart = y_value - y_value.mean()
    spread = float(apart @ apart)
    if spread == 0:
        return float("nan"), np.full(y_true.size, np.nan)
    centred = y_true - y_true.mean()
    slope = float(apart @ centred) / spread
    return slope, apart * (centred - slope * apart) / spread


def replicates(y_true: Array, y_value: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where all predictions are equal."""
    n = weights.sum(axis=0)
    v, y = y_value - y_value.mean(), y_true - y_true.mean()  # large means would cancel
    together = n * total(v * y, weights) - total(v, weights) * total(y, weights)
    return over(together, n * total(v**2, weights) - total(v, weights) ** 2)
