"""Risks where the outcome is more, or less, common than where the model was made."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.calibration.logits import Array
from clinmm.errors import InputError

TOLERANCE = 1e-6
"""How far rows and shares of exclusive classes may be from a sum of 1."""


def shift(probability: ArrayLike, seen: ArrayLike, stated: ArrayLike) -> Array:
    """Calibrated probabilities recalibrated to a stated prevalence, by the ratio of prior odds.

    Exact where only the shares of the classes differ between the two places, and patients of one
    class look alike in both (label shift). It does not mend anything else.

    Args:
        probability: (n,) of one class against the rest, or (n, C) of exclusive classes with rows
            that sum to 1; calibrated where the prevalence was `seen`.
        seen: prevalence there; a number, or (C,) shares that sum to 1. Strictly inside (0, 1).
        stated: prevalence where the probabilities will be used; likewise.

    Returns:
        Probabilities of the same shape.

    Raises:
        InputError: wrong shapes, NaN, values outside their range, shares that do not sum to 1.

    Reference:
        Elkan. IJCAI 2001, theorem 2; Saerens, Latinne, Decaestecker. Neural Computation 14:21
        (2002), equation 2.4.

    >>> shift([0.5, 0.2], seen=0.5, stated=0.1).round(4).tolist()  # odds 1 and 1/4, times 1/9
    [0.1, 0.027]
    """
    p = np.asarray(probability, dtype=np.float64)
    before, after = (np.asarray(x, dtype=np.float64) for x in (seen, stated))
    problems = []
    if p.ndim not in (1, 2) or (p.ndim == 2 and p.shape[1] < 2):
        raise InputError(f"probability has shape {p.shape}, wanted (n,) or (n, C).")
    if n_wrong := int((~((p >= 0) & (p <= 1))).sum()):
        problems.append(f"probability must lie in [0, 1]; {n_wrong} of {p.size} values do not.")
    elif p.ndim == 2 and (np.abs(p.sum(axis=1) - 1) > TOLERANCE).any():
        problems.append(
            "rows of probability must sum to 1. Classes that are not exclusive? "
            "Shift each of them by itself."
        )
    for name, share in (("seen", before), ("stated", after)):
        if share.shape != p.shape[1:]:
            wanted = "one number" if p.ndim == 1 else f"{p.shape[1]} shares"
            problems.append(f"{name} has shape {share.shape}, wanted {wanted}.")
        elif not ((share > 0) & (share < 1)).all():
            problems.append(f"{name} must lie strictly between 0 and 1, got {share.tolist()}.")
        elif share.ndim and abs(share.sum() - 1) > TOLERANCE:
            problems.append(f"{name} must sum to 1, got {share.sum():.6g}.")
    if problems:
        raise InputError(problems)
    ratio = after / before
    if p.ndim == 1:
        against = (1 - p) * (1 - after) / (1 - before)
        moved: Array = p * ratio / (p * ratio + against)
    else:
        moved = p * ratio / (p * ratio).sum(axis=1, keepdims=True)
    return moved
