"""Gwet's AC1: agreement beyond chance that does not fall apart where one answer is frequent."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.weighted import Array, over, total
from clinmm.review.agreement.answers import checked, counts, only, scale_of


def gwet_ac1(answers: ArrayLike, *, categories: Sequence[float] | None = None) -> float:
    """(observed - expected agreement) / (1 - expected), expected from answers that are guesses only
    as often as the categories are hard to tell apart: sum of p (1 - p) / (categories - 1).

    Args:
        answers: (n, readers) categories as numbers, NaN where a reader gave none. Cases with one
            answer count for how frequent the categories are.
        categories: the scale; None: the answers that were used. Name it: with one answer
            throughout, AC1 is 1 on a scale that has others.

    Returns:
        At most 1; 0 is chance.

    Raises:
        InputError: no case with two answers, or a scale of one category.

    Reference:
        Gwet. Br J Math Stat Psychol 61:29 (2008); missing answers: Gwet. Handbook of Inter-Rater
        Reliability, 4th edition (2014), chapter 2.

    >>> gwet_ac1([[1, 1], [1, 1], [1, 1]], categories=[0, 1])
    1.0
    """
    table = checked(answers)
    value = replicates(table, np.ones((table.shape[0], 1)), categories=categories)
    return only(
        value, "gwet_ac1", "it needs a case with two answers and a scale of two categories."
    )


def replicates(
    table: Array, case_weights: Array, *, categories: Sequence[float] | None = None
) -> Array:
    """(R,) AC1 under each column of case_weights (n, R); NaN where it is undefined."""
    scale = scale_of(table, categories)
    given = counts(table, scale)
    each = given.sum(axis=1)
    answered, paired = each > 0, each > 1
    if scale.size < 2 or not paired.any():
        return np.full(case_weights.shape[1], np.nan)
    agreed = ((given**2).sum(axis=1) - each)[paired] / (each * (each - 1))[paired]
    observed = over(total(agreed, case_weights[paired]), case_weights[paired].sum(axis=0))
    shares = given[answered] / each[answered, None]
    mass = case_weights[answered].sum(axis=0)
    frequency = over(
        shares.T @ case_weights[answered], np.broadcast_to(mass, (scale.size, mass.size))
    )
    expected = (frequency * (1 - frequency)).sum(axis=0) / (scale.size - 1)
    return np.asarray((observed - expected) / (1 - expected))
