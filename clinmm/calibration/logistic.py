"""Logistic regression on a few columns with a Gaussian prior: what platt, beta and hierarchical
solve."""

import numpy as np

from clinmm.calibration.logits import Array, to_probabilities
from clinmm.calibration.newton import Solution, minimise


def smoothed(target: Array) -> Array:
    """Platt's targets: (n1 + 1) / (n1 + 2) for 1, 1 / (n0 + 2) for 0.

    What Laplace's rule expects of the next case, so that no fit is driven to 0 or 1.

    Reference:
        Platt. Advances in Large Margin Classifiers (1999), section 2.2.

    >>> smoothed(np.array([0.0, 1.0, 1.0]))
    array([0.33333333, 0.75      , 0.75      ])
    """
    n_positive = target.sum()
    n_negative = target.size - n_positive
    moved: Array = np.where(target == 1, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    return moved


def solve(
    columns: Array,
    target: Array,
    *,
    centre: Array,
    precision: Array,
    offset: Array | float = 0.0,
    weight: float = 1.0,
) -> Solution:
    """Coefficients with the least penalised log loss.

    Minimises weight * (summed log loss of offset + columns @ c) + sum(precision (c - centre)^2)/2.

    Args:
        columns: (n, k).
        target: (n,) in [0, 1]; fractions are allowed.
        centre, precision: (k,) mean and 1 / variance of the prior; every precision above 0.
        offset: (n,) log odds that are taken as they are.
        weight: how much one case counts.
    """

    def objective(c: Array) -> float:
        eta = offset + columns @ c
        loss = weight * float((np.logaddexp(0.0, eta) - target * eta).sum())
        return loss + float((precision * (c - centre) ** 2).sum()) / 2

    def derivatives(c: Array) -> tuple[Array, Array]:
        p = to_probabilities(offset + columns @ c)
        slope = weight * (columns.T @ (p - target)) + precision * (c - centre)
        curvature = columns.T @ (columns * (p * (1 - p))[:, None])
        return slope, weight * curvature + np.diag(precision)

    return minimise(objective, derivatives, centre)
