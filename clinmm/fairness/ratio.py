"""The ratio of two estimates: how many times as often."""

import math
from typing import NamedTuple

import numpy as np

from clinmm.comparisons import ALPHA, Difference
from clinmm.intervals import Estimate, Influence
from clinmm.intervals.limits import t_quantile


class Ratio(NamedTuple):
    """First over second with its 95 % interval; NaN where one is not above 0."""

    value: float
    low: float
    high: float


NO_RATIO = Ratio(math.nan, math.nan, math.nan)


def ratio(first: Estimate, second: Estimate, of: Difference) -> Ratio:
    """Ratio of two estimates made with the same Draws, paired by patient.

    With influences: the delta method on the logarithm and Student's t with the fewer degrees of
    freedom; how the two vary together is read from the standard error of their difference. With
    replicates: their quantiles.

    Args:
        of: the difference of the two.

    Reference:
        Katz, Baptista, Azen, Pike. Biometrics 34:469 (1978), here clustered by patient.
    """
    a, b = first.value, second.value
    if not (a > 0 and b > 0):
        return NO_RATIO
    if first.influence is not None and second.influence is not None:
        df = min(first.influence.df, second.influence.df)
        mine, theirs = (_variance(one, df) for one in (first.influence, second.influence))
        joint = (mine + theirs - of.se**2) / 2
        variance = mine / a**2 + theirs / b**2 - 2 * joint / (a * b)
        factor = math.exp(min(t_quantile(df) * math.sqrt(max(variance, 0.0)), 700.0))
        return Ratio(a / b, a / b / factor, a / b * factor)
    if first.replicates is None or second.replicates is None:
        return Ratio(a / b, math.nan, math.nan)
    above, below = first.replicates[1:], second.replicates[1:]
    defined = (above >= 0) & (below > 0)
    if defined.sum() < 2 or not defined.all():
        return Ratio(a / b, math.nan, math.nan)
    low, high = np.quantile(above / below, [ALPHA / 2, 1 - ALPHA / 2])
    return Ratio(a / b, float(low), float(high))


def _variance(of: Influence, df: float) -> float:
    """As it stands in the variance of the difference."""
    return float(of.values @ of.values) * (df + 1) / df + of.unseen
