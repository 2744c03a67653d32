"""Concordance: how often predictions put two cases in the order of their observed values."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinmm.errors import InputError
from clinmm.metrics.values import checked_values
from clinmm.metrics.weighted import Array

NEEDS = "order"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = True
SCALE = "logit"

AT_ONCE = 2_000_000
"""Pairs held at once."""


def concordance(y_true: ArrayLike, y_value: ArrayLike) -> float:
    """Share of the pairs with different observed values whose predictions have the same order.

    Equal predictions count one half. With two observed values it is the AUROC. Its cost grows with
    the square of the number of cases.

    Args:
        y_true: (n,) observed, in any unit.
        y_value: (n,) predicted.

    Returns:
        1 is perfect, .5 is chance.

    Raises:
        InputError: as `values.checked_values`, or all observed values are equal.

    Reference:
        Harrell, Lee, Mark. Stat Med 15:361 (1996).

    >>> concordance([1, 2, 3], [0, 5, 4])  # two of three pairs
    0.6666666666666666
    """
    y, v = checked_values(y_true, y_value)
    value, _ = influence(y, v)
    if np.isnan(value):
        raise InputError("concordance is undefined where all observed values are equal.")
    return value


def influence(
    y_true: Array, y_value: Array, fold: NDArray[np.int64] | None = None
) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,).

    fold: (n,) only cases of one fold are compared, for each fold has a model of its own.
    """
    folds = np.zeros(y_true.size, dtype=np.int64) if fold is None else fold
    right, pairs = np.zeros((2, y_true.size))
    for one in np.unique(folds):
        here = np.flatnonzero(folds == one)
        right[here], pairs[here] = _in_order(y_true[here], y_value[here])
    both = float(pairs.sum())
    if both == 0:
        return float("nan"), np.full(y_true.size, np.nan)
    value = float(right.sum()) / both
    return value, 2 * (right - value * pairs) / both


def _in_order(y_true: Array, y_value: Array) -> tuple[Array, Array]:
    """(n,) twice: how many others a case is in the right order with, and can be compared with."""
    right, pairs = np.zeros((2, y_true.size))
    step = max(1, AT_ONCE // max(y_true.size, 1))
    for first in range(0, y_true.size, step):
        some = slice(first, first + step)
        observed = np.sign(y_true[some, None] - y_true)
        predicted = np.sign(y_value[some, None] - y_value)
        pairs[some] = np.abs(observed).sum(axis=1)
        right[some] = (np.abs(observed) * (1 + observed * predicted) / 2).sum(axis=1)
    return right, pairs
