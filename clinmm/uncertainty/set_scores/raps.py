"""Regularised adaptive sets: as aps, and each class after the second costs extra: no long tails."""

import numpy as np
from numpy.typing import NDArray

from clinmm.uncertainty.set_scores import aps

KINDS = ("binary", "multiclass")
FREE = 2
"""Classes that cost nothing extra (k_reg in the paper)."""
COST = 0.1
"""Added for each class beyond (lambda in the paper)."""


def score(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """The score of `aps`, plus COST for each place that the class ranks behind the FREE first.

    Any FREE and COST keep the promise, they only shape the sets; here they are fixed, so that no
    patient is spent on tuning them.

    Args:
        probability: (n, C) of exclusive classes.

    Returns:
        (n, C), at least 0.

    Reference:
        Angelopoulos, Bates, Malik, Jordan. ICLR 2021, algorithm 2, without randomisation.

    >>> score(np.array([[0.5, 0.25, 0.125, 0.125]])).round(3)
    array([[0.   , 0.5  , 0.85 , 1.075]])
    """
    order = np.argsort(-probability, axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable") + 1
    return aps.score(probability) + COST * np.maximum(rank - FREE, 0)
