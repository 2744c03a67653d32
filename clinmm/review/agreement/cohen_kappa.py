"""Cohen's kappa: two readers, agreement beyond that of two who guess as often as these."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.weighted import Array
from clinmm.review.agreement.answers import checked, only, scale_of

Weights = Literal["none", "linear", "quadratic"]


def cohen_kappa(
    answers: ArrayLike,
    *,
    weights: Weights = "none",
    categories: Sequence[float] | None = None,
) -> float:
    """1 - observed disagreement / that of independent readers with the same margins.

    Args:
        answers: (n, 2) categories as numbers; cases with a NaN are left out.
        weights: what a disagreement costs: `none` all the same, `linear` its distance on the scale
            in steps, `quadratic` the square of it.
        categories: the scale; None: the answers that were used.

    Returns:
        At most 1; 0 is chance.

    Raises:
        InputError: not two readers, no case that both answered, or both gave one and the same
            answer throughout, where kappa is 0 / 0.

    Reference:
        Cohen. Educ Psychol Meas 20:37 (1960); weighted: Cohen. Psychol Bull 70:213 (1968).

    >>> cohen_kappa([[1, 1], [1, 0], [0, 0], [0, 0]])  # (3/4 - 1/2) / (1 - 1/2)
    0.5
    """
    table = checked(answers)
    everyone = np.ones((table.shape[0], 1))
    return only(
        replicates(table, everyone, weights=weights, categories=categories),
        "cohen_kappa",
        "it needs two readers, cases that both answered and more than one answer.",
    )


def replicates(
    table: Array,
    case_weights: Array,
    *,
    weights: Weights = "none",
    categories: Sequence[float] | None = None,
) -> Array:
    """(R,) kappa under each column of case_weights (n, R); NaN where it is undefined."""
    if table.shape[1] != 2:
        return np.full(case_weights.shape[1], np.nan)
    scale = scale_of(table, categories)
    both = ~np.isnan(table).any(axis=1)
    first, second = (np.searchsorted(scale, table[both, reader]) for reader in (0, 1))
    q = scale.size
    cells = np.zeros((q * q, int(both.sum())))
    cells[first * q + second, np.arange(cells.shape[1])] = 1
    seen = (cells @ case_weights[both]).reshape(q, q, -1)
    step = np.abs(np.arange(q)[:, None] - np.arange(q)).astype(np.float64)
    cost = {"none": (step > 0).astype(np.float64), "linear": step, "quadratic": step**2}[weights]
    observed = np.einsum("kl,klr->r", cost, seen) * seen.sum(axis=(0, 1))
    by_chance = np.einsum("kl,kr,lr->r", cost, seen.sum(axis=1), seen.sum(axis=0))
    ratio = np.divide(observed, by_chance, out=np.full(observed.shape, np.nan), where=by_chance > 0)
    return np.asarray(1 - ratio)
