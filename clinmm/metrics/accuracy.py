"""Accuracy over exclusive classes: the share of cases whose most probable class is theirs."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.classes import called_class, checked_classes
from clinmm.metrics.weighted import Array, mean_influence, ratio

NEEDS = "classes"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = True
SCALE = "logit"


def accuracy(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Mean of "the class with the highest probability is the true one".

    With exclusive classes it is also the micro average of sensitivity, of PPV and of F1. A rare
    class hardly counts: read it beside each class's own numbers.

    Args:
        y_true: (n,) class numbers, 0 to C - 1.
        y_prob: (n, C) probabilities, each row with a sum of 1; of equal ones the first counts.

    Returns:
        Between 0 and 1; always saying the commonest class gives its share.

    Raises:
        InputError: as `classes.checked_classes`.

    Reference:
        Sokolova, Lapalme. Inf Process Manag 45:427 (2009).

    >>> accuracy([0, 2], [[.6, .3, .1], [.5, .1, .4]])
    0.5
    """
    y, p = checked_classes(y_true, y_prob)
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return mean_influence(_right(y_true, y_prob))


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R)."""
    return ratio(_right(y_true, y_prob), np.ones_like(y_true), weights)


def _right(y_true: Array, y_prob: Array) -> Array:
    return np.asarray(called_class(y_prob) == y_true, dtype=np.float64)
