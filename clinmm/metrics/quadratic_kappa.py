"""Quadratic-weighted kappa over ordered classes: agreement beyond chance, far misses worse."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.classes import called_class, checked_classes
from clinmm.metrics.weighted import Array, mean_influence, over, total

NEEDS = "classes"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = True
SCALE = "identity"


def quadratic_kappa(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """1 - mean squared distance / the mean squared distance of independent calls.

    The distance is between the number of the most probable class and that of the true one; the
    independent calls are as frequent as these. Moves with the frequencies of the classes.

    Args:
        y_true: (n,) class numbers in their order, 0 to C - 1.
        y_prob: (n, C) probabilities, each row with a sum of 1; of equal ones the first counts.

    Returns:
        Between -1 and 1; 0 is chance.

    Raises:
        InputError: as `classes.checked_classes`, or one class only, both true and called.

    Reference:
        Cohen. Psychol Bull 70:213 (1968).

    >>> quadratic_kappa([0, 1, 2], [[.6, .3, .1], [.1, .8, .1], [.5, .1, .4]])  # 1 - (4/3) / (4/3)
    0.0
    """
    y, p = checked_classes(y_true, y_prob)
    value = float(replicates(y, p, np.ones((y.size, 1)))[0])
    if np.isnan(value):
        raise InputError(
            "quadratic_kappa is undefined where one class is both the only true and the only "
            "called one. It needs cases of other classes."
        )
    return value


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    called = called_class(y_prob)
    if np.ptp(np.concatenate([y_true, called])) == 0:
        return float("nan"), np.full(y_true.size, np.nan)
    seen, by_seen = mean_influence((called - y_true) ** 2)
    squares, by_squares = mean_influence(called**2 + y_true**2)
    (mean_true, by_true), (mean_called, by_called) = map(mean_influence, (y_true, called))
    chance = squares - 2 * mean_true * mean_called
    by_chance = by_squares - 2 * (mean_called * by_true + mean_true * by_called)
    return 1 - seen / chance, (seen * by_chance / chance - by_seen) / chance


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where there is one class only."""
    called, n = called_class(y_prob), weights.sum(axis=0)
    seen = n * total((called - y_true) ** 2, weights)
    squares = n * total(called**2 + y_true**2, weights)
    return 1 - over(seen, squares - 2 * total(y_true, weights) * total(called, weights))
