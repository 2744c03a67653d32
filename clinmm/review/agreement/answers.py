"""The table that every coefficient starts from: cases in rows, readers in columns."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.weighted import Array


def checked(answers: ArrayLike) -> Array:
    """(n, readers) answers as float64; NaN where a reader gave none.

    Raises:
        InputError: not a table, no case, fewer than two readers, infinite values.
    """
    table = np.asarray(answers, dtype=np.float64)
    if table.ndim != 2:
        raise InputError(f"answers needs shape (cases, readers), got {table.shape}.")
    problems = []
    if table.shape[0] == 0:
        problems.append("answers holds no case.")
    if table.shape[1] < 2:
        problems.append(f"agreement needs at least two readers, got {table.shape[1]}.")
    if n_bad := int(np.isinf(table).sum()):
        problems.append(f"answers holds {n_bad} infinite values.")
    if problems:
        raise InputError(problems)
    return table


def scale_of(table: Array, categories: Sequence[float] | None) -> Array:
    """(q,) the categories, in order: those named, else those that were used.

    Raises:
        InputError: an answer is none of those named.
    """
    used = np.unique(table[~np.isnan(table)])
    if categories is None:
        return used
    scale = np.unique(np.asarray(categories, dtype=np.float64))
    if strange := sorted(set(used) - set(scale)):
        raise InputError(f"answers {strange} are none of the categories {scale.tolist()}.")
    return scale


def counts(table: Array, scale: Array) -> Array:
    """(n, q) how many readers gave each category to each case."""
    return np.asarray((table[:, :, None] == scale).sum(axis=1), dtype=np.float64)


def only(values: Array, name: str, why: str) -> float:
    """The one value; raises InputError where it is undefined."""
    if np.isnan(values[0]):
        raise InputError(f"{name} is undefined: {why}")
    return float(values[0])
