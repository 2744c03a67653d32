"""Mahalanobis distance in many dimensions from few cases.

The covariance is that of probabilistic principal components: the leading directions with their own
variance, all others with the mean of what is left. It exists for any number of cases, and takes
R + 1 vectors on disk where the full matrix takes F.

Reference:
    Tipping, Bishop. J R Stat Soc B 61:611 (1999), section 3.2.
    Lee, Lee, Lee, Shin. A simple unified framework for detecting out-of-distribution samples.
    NeurIPS 2018 (the distance in a network's features as a score).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError

RANK = 32
CASES_PER_DIRECTION = 3
LEAST = 0.01
"""Variance of a direction in which training hardly moved, as a share of the mean variance."""

LEARNED_FROM = 4000
"""Most cases that are looked at, evenly spread: 32 directions need no more."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gaussian:
    """mean: (F,). directions: (R, F), orthonormal. deviation: (R,). rest: of every other direction.

    All are numbers of single precision, so that what is stored is what was fitted.
    """

    mean: Matrix
    directions: Matrix
    deviation: Matrix
    rest: float

    def distance(self, x: Matrix) -> Matrix:
        """(n, F) -> (n,), the root of the mean squared deviation a dimension: about 1 is usual.

        A value that is NaN stands at its mean, so what is absent makes no case odd; a row of them
        gives NaN.
        """
        centred = np.where(np.isnan(x), 0.0, x - self.mean)
        along = centred @ self.directions.T
        beside = np.maximum((centred**2).sum(1) - (along**2).sum(1), 0.0)
        squared = ((along / self.deviation) ** 2).sum(1) + beside / self.rest**2
        root: Matrix = np.where(np.isnan(x).all(1), np.nan, np.sqrt(squared / len(self.mean)))
        return root

    def as_facts(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "mean": self.mean.tolist(),
            "directions": self.directions.tolist(),
            "deviation": self.deviation.tolist(),
            "rest": self.rest,
        }

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> "Gaussian":
        mean, directions, deviation = (
            np.array(facts[name], dtype=float) for name in ("mean", "directions", "deviation")
        )
        return cls(mean, directions, deviation, float(facts["rest"]))


def fit_gaussian(x: Matrix, rank: int = RANK) -> Gaussian:
    """The training cases' distribution.

    Args:
        x: (n, F) embeddings of training cases; NaN as in `Gaussian.distance`.
        rank: most directions with a variance of their own; a third of the cases at most.

    Raises:
        InputError: fewer than two cases, or an infinite value.
    """
    x = x[~np.isnan(x).all(1)]
    if len(x) < 2 or np.isinf(x).any():
        raise InputError(
            f"an outlier detector needs 2 or more cases and finite numbers; got {len(x)} cases, "
            f"{int(np.isinf(x).any(1).sum())} of them with infinite values. "
            "Leave the input out, or train with a smaller learning rate."
        )
    x = x[np.linspace(0, len(x) - 1, min(len(x), LEARNED_FROM)).astype(int)]
    known = ~np.isnan(x)
    mean = np.where(known, x, 0.0).sum(0) / np.maximum(known.sum(0), 1)
    _, size, directions = np.linalg.svd(np.where(known, x - mean, 0.0), full_matrices=False)
    variance = size**2 / len(x)
    kept = max(1, min(rank, len(x) // CASES_PER_DIRECTION, x.shape[1] - 1))
    # A direction in which training never moved must not make every new case infinitely far.
    least = max(LEAST * float(variance.sum()) / x.shape[1], 1e-12)
    left = float(variance[kept:].sum()) / max(1, x.shape[1] - kept)
    return Gaussian(
        _single(mean),
        _single(directions[:kept]),
        _single(np.sqrt(np.maximum(variance[:kept], least))),
        float(np.float32(np.sqrt(max(left, least)))),
    )


def _single(x: Matrix) -> Matrix:
    return x.astype(np.float32).astype(np.float64)
