"""Mean absolute error of a continuous target."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.values import checked_values
from clinmm.metrics.weighted import Array, mean_influence, ratio

NEEDS = "value"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = False
SCALE = "log"


def mae(y_true: ArrayLike, y_value: ArrayLike) -> float:
    """Mean distance between predicted and observed value, in the target's unit.

    Args:
        y_true: (n,) observed, in the target's unit.
        y_value: (n,) predicted, in the same unit.

    Returns:
        0 is perfect.

    Raises:
        InputError: as `values.checked_values`.

    Reference:
        Willmott, Matsuura. Clim Res 30:79 (2005).

    >>> mae([0, 4], [1, 2])  # (1 + 2) / 2
    1.5
    """
    y, v = checked_values(y_true, y_value)
    return float(replicates(y, v, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_value: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return mean_influence(np.abs(y_value - y_true))


def replicates(y_true: Array, y_value: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R)."""
    return ratio(np.abs(y_value - y_true), np.ones_like(y_true), weights)
