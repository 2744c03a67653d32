"""Krippendorff's alpha: any number of readers, missing answers, and scales on which answers can be
near each other."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.weighted import Array, over
from clinmm.review.agreement.answers import checked, counts, only, scale_of

Scale = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(answers: ArrayLike, *, scale: Scale = "nominal") -> float:
    """1 - observed / expected disagreement of two answers on a case.

    Args:
        answers: (n, readers) categories or values as numbers, NaN where a reader gave none. Cases
            with one answer tell nothing of agreement and are left out.
        scale: how far two answers are apart: `nominal` equal or not, `ordinal` by how many answers
            lie between them, `interval` the square of their difference.

    Returns:
        At most 1; 0 is chance.

    Raises:
        InputError: no case with two answers, or one and the same answer throughout, where alpha is
            1 - 0 / 0.

    Reference:
        Krippendorff. Computing Krippendorff's Alpha-Reliability. University of Pennsylvania (2011).

    >>> krippendorff_alpha([[1, 1], [2, 2], [1, 2]])  # 1 - 5 (2 pairs apart) / (2 * 3 * 3)
    0.4444444444444444
    """
    table = checked(answers)
    value = replicates(table, np.ones((table.shape[0], 1)), scale=scale)
    return only(
        value, "krippendorff_alpha", "it needs cases with two answers, and not all the same."
    )


def replicates(table: Array, case_weights: Array, *, scale: Scale = "nominal") -> Array:
    """(R,) alpha under each column of case_weights (n, R); NaN where it is undefined."""
    paired = (~np.isnan(table)).sum(axis=1) > 1
    table, case_weights = table[paired], case_weights[paired]
    values = scale_of(table, None)
    if scale == "interval":
        return _interval(table, case_weights)
    given = counts(table, values)
    each = given.sum(axis=1)
    frequency = given.T @ case_weights  # (q, R): answers of each category
    n = frequency.sum(axis=0)
    found = np.full(case_weights.shape[1], np.nan)
    for r in range(found.size):
        pairs = (given * (case_weights[:, r] / (each - 1))[:, None]).T @ given
        apart = _apart(scale, frequency[:, r])
        observed = (pairs * apart).sum()  # equal answers are no distance apart
        expected = frequency[:, r] @ apart @ frequency[:, r]
        if expected > 0:
            found[r] = 1 - (n[r] - 1) * observed / expected
    return found


def _apart(scale: Scale, frequency: Array) -> Array:
    """(q, q) squared distance of two categories."""
    if scale == "nominal":
        return 1 - np.eye(frequency.size)
    middle = np.cumsum(frequency) - frequency / 2
    return np.asarray((middle[:, None] - middle) ** 2)


def _interval(table: Array, case_weights: Array) -> Array:
    """By sums of squares, since values may all differ."""
    if table.size:
        table = table - np.nanmean(table)  # changes no difference, and keeps the digits of squares
    each = (~np.isnan(table)).sum(axis=1).astype(np.float64)
    total = np.nansum(table, axis=1)
    squares = np.nansum(table**2, axis=1)
    within = 2 * (each * squares - total**2) / (each - 1)  # over ordered pairs of a case
    n, all_squares, all_total = (part @ case_weights for part in (each, squares, total))
    between = 2 * (n * all_squares - all_total**2)
    spread = np.where(between > 1e-12 * n * all_squares, between, 0.0)
    return 1 - over((n - 1) * (within @ case_weights), spread)
