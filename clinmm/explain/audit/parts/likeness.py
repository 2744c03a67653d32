"""How like two attributions of the same parts are."""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
FEWEST = 3
"""Parts of which there must be as many to be ranked."""


def likeness(one: Scores, other: Scores) -> float | None:
    """Spearman's correlation over the parts of which at least one says something.

    A word that no model of the recipe knows has no score in either; counting it would make any
    two attributions alike.

    Returns:
        -1 to 1; 0 where one of them is the same everywhere; None of fewer than FEWEST parts, or
        where both are the same everywhere.

    >>> likeness(np.array([0, 3.0, 2, 1]), np.array([0, 30.0, 20, 10]))
    1.0
    >>> likeness(np.array([3.0, 2, 1]), np.zeros(3))
    0.0
    """
    from scipy.stats import rankdata

    said = (one != 0) | (other != 0)
    if said.sum() < FEWEST:
        return None
    varies = [bool(np.ptp(scores[said])) for scores in (one, other)]
    if not all(varies):
        return 0.0 if any(varies) else None
    ranks = [rankdata(scores[said]) for scores in (one, other)]
    centred = [rank - rank.mean() for rank in ranks]
    size = np.sqrt(np.prod([(rank**2).sum() for rank in centred]))
    return float(np.clip((centred[0] * centred[1]).sum() / size, -1, 1))
