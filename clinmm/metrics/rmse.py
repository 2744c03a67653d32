"""Root mean squared error of a continuous target."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.values import checked_values
from clinmm.metrics.weighted import Array, mean_influence, ratio

NEEDS = "value"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = False
SCALE = "log"


def rmse(y_true: ArrayLike, y_value: ArrayLike) -> float:
    """Root of the mean squared distance between predicted and observed value, in the target's unit.

    Large errors weigh more than in the mean absolute error.

    Args:
        y_true: (n,) observed, in the target's unit.
        y_value: (n,) predicted, in the same unit.

    Returns:
        0 is perfect.

    Raises:
        InputError: as `values.checked_values`.

    Reference:
        Steyerberg. Clinical Prediction Models (2019), chapter 15.

    >>> rmse([0, 4], [3, 0])  # root of (9 + 16) / 2
    3.5355339059327378
    """
    y, v = checked_values(y_true, y_value)
    return float(replicates(y, v, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_value: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    mean, part = mean_influence((y_value - y_true) ** 2)
    root = float(np.sqrt(mean))
    return root, part / (2 * root) if root > 0 else np.zeros_like(part)


def replicates(y_true: Array, y_value: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R)."""
    return np.sqrt(ratio((y_value - y_true) ** 2, np.ones_like(y_true), weights))
