"""Two estimates of one metric with the same patient draws: difference, p, Holm, verdict."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinmm.intervals import LEVEL, Estimate, module_of
from clinmm.metrics.weighted import Array

ALPHA = 1 - LEVEL
FEW = 10


@dataclass(frozen=True)
class Difference:
    """First estimate minus second. p is two-sided; NaN throughout where one was not estimable."""

    metric: str
    difference: float
    low: float
    high: float
    p: float
    n_patients: int


def difference(first: Estimate, second: Estimate) -> Difference:
    """Paired difference of two estimates made with the same Draws.

    p: share of the replicates, shifted to the mean 0 of the null hypothesis, that lie at least
    as far from 0 as what was seen, (1 + count) / (1 + n_bootstrap). Where fewer than 10 do, the
    share is too coarse for an adjustment over many tests, and the tail of a normal distribution
    with the replicates' standard deviation takes its place if it is smaller.

    Reference:
        Hall, Wilson. Biometrics 47:757 (1991): resample under the null hypothesis.
    """
    n_patients = max(first.n_patients, second.n_patients)
    gaps = first.replicates - second.replicates
    seen, drawn = float(gaps[0]), gaps[1:][~np.isnan(gaps[1:])]
    if np.isnan(seen) or drawn.size == 0:
        nan = float("nan")
        return Difference(first.metric, seen, nan, nan, nan, n_patients)
    low, high = np.quantile(drawn, [ALPHA / 2, 1 - ALPHA / 2])
    p = _shifted_p(seen, drawn)
    return Difference(first.metric, seen, float(low), float(high), p, n_patients)


def _shifted_p(seen: float, drawn: Array) -> float:
    shifted = np.abs(drawn - drawn.mean())
    # equal up to rounding counts as equally far
    count = int((shifted >= abs(seen) * (1 - 1e-12)).sum())
    share = (1 + count) / (1 + drawn.size)
    spread = float(drawn.std())
    if count >= FEW or spread == 0:
        return share
    return min(share, math.erfc(abs(seen) / spread / math.sqrt(2)))


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Holm's step-down adjustment; NaN stays NaN and does not count.

    Reference:
        Holm. Scand J Stat 6:65 (1979).

    >>> holm([.01, .04, .03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    order = [i for i in np.argsort(p, kind="stable") if not np.isnan(p[i])]
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, float(p[i]) * (len(order) - rank)))
        adjusted[i] = largest
    return adjusted


def verdict(of: Difference, p_holm: float) -> str:
    """What may be said of a difference of a declared family.

    better or worse: adjusted p below .05 and the interval without 0, in the direction that is good
    or bad for the first arm. not_shown: no such difference was seen. cannot_tell: too few
    patients to estimate it.
    """
    higher_is_better = module_of(of.metric).HIGHER_IS_BETTER
    if np.isnan(of.difference) or np.isnan(p_holm) or higher_is_better is None:
        return "cannot_tell"
    if p_holm >= ALPHA or of.low <= 0 <= of.high:
        return "not_shown"
    return "better" if (of.difference > 0) == higher_is_better else "worse"
