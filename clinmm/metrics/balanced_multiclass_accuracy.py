"""Balanced accuracy over exclusive classes: the mean over classes of the share found."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.classes import called_class, checked_classes, one_hot
from clinmm.metrics.weighted import Array, over, total

NEEDS = "classes"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = True
SCALE = "logit"


def balanced_multiclass_accuracy(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Mean over classes of the share of its cases whose most probable class it is.

    Every class counts the same, however rare. It takes the most probable class as the call, which
    a model that means its probabilities seldom makes for a rare one.

    Args:
        y_true: (n,) class numbers, 0 to C - 1.
        y_prob: (n, C) probabilities, each row with a sum of 1; of equal ones the first counts.

    Returns:
        Between 0 and 1; always saying one class gives 1 / C.

    Raises:
        InputError: as `classes.checked_classes`, or a class without a case.

    Reference:
        Brodersen, Ong, Stephan, Buhmann. ICPR:3121 (2010); the measure of the ISIC 2018 challenge.

    >>> balanced_multiclass_accuracy([0, 0, 1], [[.6, .4], [.3, .7], [.1, .9]])  # (1/2 + 1) / 2
    0.75
    """
    y, p = checked_classes(y_true, y_prob)
    value = float(replicates(y, p, np.ones((y.size, 1)))[0])
    if np.isnan(value):
        raise InputError(
            "balanced_multiclass_accuracy is undefined where a class has no case: a mean over "
            "fewer classes is another number."
        )
    return value


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    own = one_hot(y_true, y_prob.shape[1])
    n = own.sum(axis=0)
    if not n.all():
        return float("nan"), np.full(y_true.size, np.nan)
    right = np.asarray(called_class(y_prob) == y_true, dtype=np.float64)
    found = right @ own / n
    return float(found.mean()), own @ (1 / n) * (right - own @ found) / n.size


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where a class has no case."""
    right = np.asarray(called_class(y_prob) == y_true, dtype=np.float64)
    each = [
        over(total(own * right, weights), total(own, weights))
        for own in one_hot(y_true, y_prob.shape[1]).T
    ]
    return np.asarray(np.mean(each, axis=0))
