"""What every metric of a continuous target refuses, in one place."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.weighted import Array


def checked_values(y_true: ArrayLike, y_value: ArrayLike) -> tuple[Array, Array]:
    """Observed and predicted values as float64 vectors.

    Args:
        y_true: (n,) observed, in the target's unit.
        y_value: (n,) predicted, in the same unit.

    Raises:
        InputError: every problem of shape, length, and numbers that are not finite.
    """
    y, v = np.asarray(y_true, dtype=np.float64), np.asarray(y_value, dtype=np.float64)
    problems = []
    for name, array in (("y_true", y), ("y_value", v)):
        if array.ndim != 1:
            problems.append(f"{name} must be one-dimensional (n,), got shape {array.shape}.")
        if n_bad := int((~np.isfinite(array)).sum()):
            problems.append(
                f"{name} must be finite; {n_bad} of {array.size} values are not. Leave out what is "
                "not recorded."
            )
    if y.shape != v.shape and y.ndim == v.ndim == 1:
        problems.append(f"y_true has {y.size} values, y_value has {v.size}: one each per case.")
    if y.size == 0:
        problems.append("y_true is empty: a metric needs at least one case.")
    if problems:
        raise InputError(problems)
    return y, v
