"""Mean absolute error over ordered classes: by how many steps the called class is off."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.classes import called_class, checked_classes
from clinmm.metrics.weighted import Array, mean_influence, ratio

NEEDS = "classes"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = False
SCALE = "log"


def mean_absolute_error(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Mean distance between the most probable class and the true one, in classes.

    Only for classes in an order, such as grades, whose steps count the same.

    Args:
        y_true: (n,) class numbers in their order, 0 to C - 1.
        y_prob: (n, C) probabilities, each row with a sum of 1; of equal ones the first counts.

    Returns:
        Between 0 (perfect) and C - 1.

    Raises:
        InputError: as `classes.checked_classes`.

    Reference:
        Gaudette, Japkowicz. Canadian AI 2009, LNCS 5549:207.

    >>> mean_absolute_error([0, 2], [[.6, .3, .1], [.5, .1, .4]])  # (0 + 2) / 2
    1.0
    """
    y, p = checked_classes(y_true, y_prob)
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return mean_influence(np.abs(called_class(y_prob) - y_true))


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R)."""
    return ratio(np.abs(called_class(y_prob) - y_true), np.ones_like(y_true), weights)
