"""Two estimates of one metric: difference, p, Holm, verdict, and what could have been shown.

The standard error of a difference comes from the influence of each patient on both estimates, so
that it is paired wherever patients are shared; for two rates that is the comparison of correlated
proportions clustered by patient.

Reference:
    Obuchowski. Stat Med 17:1495 (1998): McNemar's test for clustered cases.
    Obuchowski. Biometrics 53:567 (1997): AUROCs of clustered cases.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.intervals import LEVEL, Estimate, module_of
from clinmm.intervals.influence import together
from clinmm.intervals.limits import normal_quantile, t_quantile
from clinmm.metrics.weighted import Array

ALPHA = 1 - LEVEL
FEW = 10
Z_POWER = 0.8416212335729143
"""80 % quantile of the normal distribution."""


@dataclass(frozen=True)
class Difference:
    """First estimate minus second. NaN throughout where one was not estimable.

    p: two-sided. se: standard error. n_patients: of the larger sample.
    """

    metric: str
    difference: float
    low: float
    high: float
    p: float
    n_patients: int
    se: float = float("nan")

    @property
    def detectable(self) -> float:
        """The smallest true difference that 80 % of such samples would show at two-sided 5 %."""
        return (normal_quantile() + Z_POWER) * self.se


def difference(first: Estimate, second: Estimate) -> Difference:
    """Difference of two estimates made with the same Draws, paired by patient.

    With influences: Student's t, with the fewer degrees of freedom of the two. With replicates:
    their quantiles, and as p the share of replicates, shifted to the mean 0 of the null hypothesis,
    that lie at least as far from 0 as what was seen, (1 + count) / (1 + n_bootstrap). Where fewer
    than 10 do, the share is too coarse for an adjustment over many tests, and the tail of a normal
    distribution with the replicates' standard deviation takes its place if it is smaller.

    Reference:
        Hall, Wilson. Biometrics 47:757 (1991): resample under the null hypothesis.
    """
    n_patients = max(first.n_patients, second.n_patients)
    seen = first.value - second.value
    if first.influence is not None and second.influence is not None:
        df = min(first.influence.df, second.influence.df)
        _, (mine, theirs) = together([first.influence, second.influence])
        gaps = mine - theirs
        unseen = first.influence.unseen + second.influence.unseen
        se = math.sqrt(float(gaps @ gaps) * (df + 1) / df + unseen)
        return _by_t(first.metric, seen, se, df, n_patients)
    if first.replicates is not None and second.replicates is not None:
        drawn = (first.replicates - second.replicates)[1:]
        drawn = drawn[~np.isnan(drawn)]
        if not math.isnan(seen) and drawn.size > 1:
            low, high = np.quantile(drawn, [ALPHA / 2, 1 - ALPHA / 2])
            se, p = float(drawn.std(ddof=1)), _shifted_p(seen, drawn)
            return Difference(first.metric, seen, float(low), float(high), p, n_patients, se)
    nan = float("nan")
    return Difference(first.metric, seen, nan, nan, nan, n_patients)


def unpaired_difference(
    metric: str, value1: float, se1: float, value2: float, se2: float, n_patients: int = 0
) -> Difference:
    """First minus second of two cohorts that share no patient, by the normal distribution.

    Args:
        metric: its name.
        value1, value2: the estimates. se1, se2: their standard errors.
        n_patients: of the larger cohort.
    """
    return _by_t(metric, value1 - value2, math.hypot(se1, se2), math.inf, n_patients)


def _by_t(metric: str, seen: float, se: float, df: float, n_patients: int) -> Difference:
    from scipy.special import ndtr, stdtr

    if math.isnan(seen) or math.isnan(se):
        nan = float("nan")
        return Difference(metric, seen, nan, nan, nan, n_patients)
    exact = math.isinf(df)
    half = (normal_quantile() if exact else t_quantile(df)) * se
    if se > 0:
        far = -abs(seen) / se
        p = 2 * float(ndtr(far) if exact else stdtr(df, far))
    else:  # the same for every patient
        p = float(seen == 0)
    return Difference(metric, seen, seen - half, seen + half, p, n_patients, se)


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


def non_inferior(of: Difference, margin: float) -> str:
    """Whether the first is at most `margin` worse than the second, by the 95 % interval.

    Returns:
        yes: the whole interval is. no: none of it is. cannot_tell: it holds the margin, there is
        no interval, or the metric has no better side.

    Raises:
        InputError: a margin that is not above 0.

    >>> non_inferior(Difference("auroc", -.01, -.03, .01, .3, 200), margin=.05)
    'yes'
    """
    if not margin > 0:
        raise InputError(
            f"margin must be above 0, got {margin:g}: how much worse is still as good?"
        )
    higher_is_better = module_of(of.metric).HIGHER_IS_BETTER
    if np.isnan(of.low) or np.isnan(of.high) or higher_is_better is None:
        return "cannot_tell"
    best, worst = (of.high, of.low) if higher_is_better else (-of.low, -of.high)
    if worst > -margin:
        return "yes"
    return "no" if best < -margin else "cannot_tell"
