"""Fleiss' kappa: any number of readers, as many answers on each case."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.weighted import Array, over, total
from clinmm.review.agreement.answers import checked, counts, only, scale_of


def fleiss_kappa(answers: ArrayLike, *, categories: Sequence[float] | None = None) -> float:
    """(observed - expected agreement of two answers on a case) / (1 - expected), expected from how
    often each category was given by anybody. The readers may differ from case to case.

    Args:
        answers: (n, readers) categories as numbers, NaN where a reader gave none.
        categories: the scale; None: the answers that were used.

    Returns:
        At most 1; 0 is chance.

    Raises:
        InputError: cases with different numbers of answers, fewer than two answers a case, or one
            and the same answer throughout, where kappa is 0 / 0.

    Reference:
        Fleiss. Psychol Bull 76:378 (1971).

    >>> fleiss_kappa([[1, 1], [1, 0], [0, 0], [1, 1], [0, 0], [1, 0]])  # (2/3 - 1/2) / (1 - 1/2)
    0.33333333333333326
    """
    table = checked(answers)
    each = np.unique((~np.isnan(table)).sum(axis=1))
    if each.size > 1 or each[0] < 2:
        raise InputError(
            f"fleiss_kappa needs the same number of answers on each case, two or more; got "
            f"{each.min()} to {each.max()}. Use gwet_ac1 or krippendorff_alpha."
        )
    value = replicates(table, np.ones((table.shape[0], 1)), categories=categories)
    return only(value, "fleiss_kappa", "every answer is the same.")


def replicates(
    table: Array, case_weights: Array, *, categories: Sequence[float] | None = None
) -> Array:
    """(R,) kappa under each column of case_weights (n, R); NaN where it is undefined."""
    given = counts(table, scale_of(table, categories))
    each = given.sum(axis=1)
    agreed = ((given**2).sum(axis=1) - each) / (each * (each - 1))
    mass = case_weights.sum(axis=0)
    observed = over(total(agreed, case_weights), mass)
    frequency = over(
        (given / each[:, None]).T @ case_weights, np.broadcast_to(mass, (given.shape[1], mass.size))
    )
    expected = (frequency**2).sum(axis=0)
    return 1 - over(1 - observed, np.where(expected < 1 - 1e-12, 1 - expected, 0.0))
