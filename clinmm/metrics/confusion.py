"""Functions of the 2x2 table: the value, and what the weight of each case changes in it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm.metrics.weighted import Array, total

STEP = 1e-20
"""Of the complex step: no difference is taken, so nothing is lost however small it is."""


class Cells(NamedTuple):
    """Masses of true positives, false positives, false negatives and true negatives, each (R,)."""

    tp: NDArray[Any]
    fp: NDArray[Any]
    fn: NDArray[Any]
    tn: NDArray[Any]


def cells(y_true: Array, y_decision: Array, weights: Array) -> Cells:
    """The table under each column of weights (n, R)."""
    negative, uncalled = 1 - y_true, 1 - y_decision
    return Cells(
        tp=total(y_true * y_decision, weights),
        fp=total(negative * y_decision, weights),
        fn=total(y_true * uncalled, weights),
        tn=total(negative * uncalled, weights),
    )


def divided(top: NDArray[Any], bottom: NDArray[Any]) -> NDArray[Any]:
    """top / bottom, NaN where bottom is 0."""
    out = np.full(np.shape(top), np.nan, dtype=np.result_type(top, bottom, float))
    quotient: NDArray[Any] = np.divide(top, bottom, out=out, where=np.real(bottom) != 0)
    return quotient


def influence_of(
    of_cells: Callable[[Cells], NDArray[Any]], y_true: Array, y_decision: Array
) -> tuple[float, Array]:
    """Value of a function of the table, and its (n,) derivatives with respect to case weights.

    A case acts through the cell it is in. The four derivatives are taken by the complex step,
    which is exact to rounding for whatever is built from sums, products, quotients and roots.

    Reference:
        Squire, Trapp. SIAM Rev 40:110 (1998).
    """
    table = cells(y_true, y_decision, np.ones((y_true.size, 1)))
    value = float(of_cells(table)[0])
    if np.isnan(value):
        return value, np.full(y_true.size, np.nan)
    moved = np.array(table) + STEP * 1j * np.eye(4)  # column j: cell j is moved
    slopes = np.imag(of_cells(Cells(*moved))) / STEP
    cell_of = 2 * (1 - y_decision) + (1 - y_true)  # in the order of Cells
    return value, slopes[cell_of.astype(np.int64)]
