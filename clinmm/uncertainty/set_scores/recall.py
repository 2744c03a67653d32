"""Labels that are not exclusive: every label that is likely enough, for a promised recall."""

import numpy as np
from numpy.typing import NDArray

KINDS = ("multilabel",)


def score(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """One minus the probability of the label. The limit is where the mean share of a case's true
    labels outside its set, its false negative rate, is small enough.

    Args:
        probability: (n, C), each label's own.

    Returns:
        (n, C) in [0, 1].

    Reference:
        Angelopoulos, Bates, Fisch, Lei, Schuster. Conformal risk control. ICLR 2024, section 3.1.

    >>> score(np.array([[0.75, 0.5]]))
    array([[0.25, 0.5 ]])
    """
    return 1 - probability
