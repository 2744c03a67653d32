"""Mean error of a continuous target: whether predictions lie too high or too low on average."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.values import checked_values
from clinmm.metrics.weighted import Array, mean_influence, ratio

NEEDS = "value"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER: bool | None = None
SCALE = "identity"


def mean_error(y_true: ArrayLike, y_value: ArrayLike) -> float:
    """Mean of predicted less observed value, in the target's unit: the bias of Bland and Altman.

    Args:
        y_true: (n,) observed, in the target's unit.
        y_value: (n,) predicted, in the same unit.

    Returns:
        0 where predictions are right on average, above 0 where they are too high.

    Raises:
        InputError: as `values.checked_values`.

    Reference:
        Bland, Altman. Lancet 327:307 (1986).

    >>> mean_error([0, 4], [1, 2])  # (1 - 2) / 2
    -0.5
    """
    y, v = checked_values(y_true, y_value)
    return float(replicates(y, v, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_value: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return mean_influence(y_value - y_true)


def replicates(y_true: Array, y_value: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R)."""
    return ratio(y_value - y_true, np.ones_like(y_true), weights)
