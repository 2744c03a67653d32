"""What every metric refuses, in one place."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinmm.errors import InputError

Vector = NDArray[np.float64]


def checked(y_true: ArrayLike, y_prob: ArrayLike) -> tuple[Vector, Vector]:
    """Outcomes and probabilities as float64 vectors.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1].

    Raises:
        InputError: every problem of shape, length, NaN and range.
    """
    y, p, problems = _vectors(y_true, y_prob, "y_prob")
    outside = p[(p < 0) | (p > 1)]
    if outside.size:
        problems.append(
            f"y_prob must lie in [0, 1]; {outside.size} of {p.size} values do not, first is "
            f"{outside[0]:g}. Logits? Apply a sigmoid first."
        )
    return _or_raise(y, p, problems)


def checked_decisions(y_true: ArrayLike, y_decision: ArrayLike) -> tuple[Vector, Vector]:
    """Outcomes and 0/1 decisions as float64 vectors; raises InputError as `checked` does."""
    y, d, problems = _vectors(y_true, y_decision, "y_decision")
    wrong = d[~np.isin(d, (0.0, 1.0)) & ~np.isnan(d)]
    if wrong.size:
        problems.append(
            f"y_decision must be 0 or 1; {wrong.size} of {d.size} values are not, first is "
            f"{wrong[0]:g}. Probabilities? Compare them with a threshold first."
        )
    return _or_raise(y, d, problems)


def require(n: float, what: str, metric: str) -> None:
    """Raises InputError when a metric conditions on cases that are not there."""
    if n <= 0:
        raise InputError(f"{metric} is undefined without {what} cases; there are none.")


def _vectors(y_true: ArrayLike, values: ArrayLike, name: str) -> tuple[Vector, Vector, list[str]]:
    problems = []
    y = np.asarray(y_true, dtype=np.float64)
    v = np.asarray(values, dtype=np.float64)
    for label, array in (("y_true", y), (name, v)):
        if array.ndim != 1:
            problems.append(f"{label} must be one-dimensional (n,), got shape {array.shape}.")
        if n_nan := int(np.isnan(array).sum()):
            problems.append(
                f"{label} holds {n_nan} NaN of {array.size} values. Leave out what is not recorded."
            )
    if y.shape != v.shape and y.ndim == v.ndim == 1:
        problems.append(f"y_true has {y.size} values, {name} has {v.size}: one each per case.")
    if y.size == 0:
        problems.append("y_true is empty: a metric needs at least one case.")
    wrong = y[~np.isin(y, (0.0, 1.0)) & ~np.isnan(y)]
    if wrong.size:
        problems.append(
            f"y_true must be 0 or 1; {wrong.size} of {y.size} values are not, first is "
            f"{wrong[0]:g}. Several classes? Score one class against the rest."
        )
    return y, v, problems


def _or_raise(y: Vector, v: Vector, problems: list[str]) -> tuple[Vector, Vector]:
    if problems:
        raise InputError(problems)
    return y, v
