"""Least ambiguous sets: every class whose probability is high enough. The smallest on average."""

import numpy as np
from numpy.typing import NDArray

KINDS = ("binary", "multiclass")


def score(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """One minus the probability of the class. Where no class is likely enough the set is empty.

    Args:
        probability: (n, C) of exclusive classes.

    Returns:
        (n, C) in [0, 1].

    Reference:
        Sadinle, Lei, Wasserman. J Am Stat Assoc 114:223 (2019).

    >>> score(np.array([[0.75, 0.25]]))
    array([[0.25, 0.75]])
    """
    return 1 - probability
