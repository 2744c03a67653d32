"""Several classes at once: what their metrics refuse, the class that is called, micro averages."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinmm.errors import InputError
from clinmm.metrics.weighted import Array

ROUNDING = 0.005 + 1e-9
"""How far each probability may be off, so that those rounded to two decimals are taken."""


def checked_classes(y_true: ArrayLike, y_prob: ArrayLike) -> tuple[Array, Array]:
    """Class numbers and probabilities of exclusive classes, as float64.

    Args:
        y_true: (n,) class numbers, 0 to C - 1.
        y_prob: (n, C) probabilities, each row with a sum of 1.

    Raises:
        InputError: every problem of shape, length, NaN, range and sum.
    """
    y, p = np.asarray(y_true, dtype=np.float64), np.asarray(y_prob, dtype=np.float64)
    if y.ndim != 1 or p.ndim != 2 or p.shape[-1] < 2:
        raise InputError(
            f"classes need y_true (n,) and y_prob (n, C) with two classes or more, got "
            f"{y.shape} and {p.shape}."
        )
    problems = []
    if y.size == 0:
        problems.append("y_true is empty: a metric needs at least one case.")
    if y.size != p.shape[0]:
        problems.append(f"y_true has {y.size} values, y_prob has {p.shape[0]}: one each per case.")
    for label, array in (("y_true", y), ("y_prob", p)):
        if n_nan := int(np.isnan(array).sum()):
            problems.append(
                f"{label} holds {n_nan} NaN of {array.size} values. Leave out what is not recorded."
            )
    known = y[~np.isnan(y)]
    wrong = known[~np.isin(known, np.arange(p.shape[1]))]
    if wrong.size:
        problems.append(
            f"y_true must be a class number, 0 to {p.shape[1] - 1}; {wrong.size} of {y.size} "
            f"values are not, first is {wrong[0]:g}."
        )
    outside = p[(p < 0) | (p > 1)]
    sums = p.sum(axis=1)
    off = sums[np.abs(sums - 1) > ROUNDING * p.shape[1]]
    if outside.size:
        problems.append(
            f"y_prob must lie in [0, 1]; {outside.size} of {p.size} values do not, first is "
            f"{outside[0]:g}. Logits? Apply a softmax first."
        )
    elif off.size:
        problems.append(
            f"y_prob must have a sum of 1 in each case; {off.size} of {sums.size} do not, first is "
            f"{off[0]:g}. Labels that may go together? Score each against its absence."
        )
    if problems:
        raise InputError(problems)
    return y, p


def called_class(y_prob: Array) -> Array:
    """(n,) number of the most probable class of (n, C), the first where several are."""
    return np.asarray(y_prob.argmax(axis=1), dtype=np.float64)


def one_hot(y_true: Array, n_classes: int) -> Array:
    """(n, C) 1 at each case's class number, else 0."""
    return np.asarray(y_true[:, None] == np.arange(n_classes), dtype=np.float64)


def known_pairs(y_true: ArrayLike, y_prob: ArrayLike) -> tuple[Array, Array, NDArray[np.int64]]:
    """Every (case, class) pair with a known outcome as a case of its own: for micro averages.

    A binary metric of the first two arrays is its micro average. An interval gives each pair the
    patient of its case. For exclusive classes put `one_hot` first.

    Args:
        y_true: (n, C) outcomes in {0, 1}, NaN where a label is not known.
        y_prob: (n, C) probabilities.

    Returns:
        Outcomes, probabilities and case numbers, each (known pairs,).

    Raises:
        InputError: shapes that are not two equal (n, C). The metric checks the values.

    >>> y, p, case = known_pairs([[1, 0], [float("nan"), 1]], [[.8, .3], [.5, .9]])
    >>> y.tolist(), p.tolist(), case.tolist()
    ([1.0, 0.0, 1.0], [0.8, 0.3, 0.9], [0, 0, 1])
    """
    y, p = np.asarray(y_true, dtype=np.float64), np.asarray(y_prob, dtype=np.float64)
    if y.ndim != 2 or y.shape != p.shape:
        raise InputError(
            "micro averages need y_true and y_prob of one shape (n, C), got "
            f"{y.shape} and {p.shape}."
        )
    known = ~np.isnan(y)
    return y[known], p[known], np.nonzero(known)[0].astype(np.int64)
