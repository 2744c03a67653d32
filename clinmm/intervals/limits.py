"""95 % limits from a value, its variance and the number of patients behind it.

Between 0 and 1 (SCALE "logit") the limits are those of a share of n independent cases, where n is
the effective number: as many as would give the variance seen, value (1 - value) / variance. They
stay in the range and remain wide near its ends. Two rules:

    shares of cases (calls, outcomes) with 20 patients or more in every class that the metric
    conditions on: Wilson's score interval, with the quantile of Student's t
    all else: Clopper and Pearson's, n reduced by (normal quantile / t quantile) squared, as Korn
    and Graubard do

At 0 or 1 itself no variance is seen; n is then the number of patients: as if all cases of a patient
turned out the same. Above 0 ("log") the interval is Student's t of the logarithm, elsewhere
("identity") of the value. The degrees of freedom are the patients of the smallest class that the
metric conditions on, less one; of the rarer outcome, where it conditions on none.

Reference:
    Korn, Graubard. Survey Methodology 24:193 (1998); Clopper, Pearson. Biometrika 26:404 (1934);
    Wilson. J Am Stat Assoc 22:209 (1927); on effective n: Dean, Pagano. J Surv Stat Methodol
    3:484 (2015).
"""

import math

from clinmm.metrics.weighted import Array

LEVEL = 0.95
TAIL = (1 - LEVEL) / 2
ENOUGH = 20
"""Patients from which a share is given Wilson's interval."""
END = 1e-12

Limits = tuple[float, float, str]
"""Low, high, method."""
NONE: Limits = (float("nan"), float("nan"), "none")


def limits(scale: str, value: float, variance: float, df: float, *, share: bool) -> Limits:
    """The interval of one estimate.

    Args:
        scale: logit, log or identity.
        variance: of the value.
        df: patients behind the estimate, less one.
        share: the value is a share of cases.

    Returns:
        NaN limits where there are none, as for a ratio of 0 or infinity.
    """
    if not math.isfinite(value) or not math.isfinite(variance) or df <= 0:
        return NONE
    if scale == "logit":
        return _of_range(value, variance, df, share)
    t = t_quantile(df)
    if scale == "log":
        if value <= 0:
            return NONE
        factor = math.exp(min(t * math.sqrt(variance) / value, 700.0))
        return value / factor, value * factor, "t of the logarithm"
    half = t * math.sqrt(variance)
    return value - half, value + half, "t"


def _of_range(value: float, variance: float, df: float, share: bool) -> Limits:
    if value <= END or value >= 1 - END:
        return *clopper_pearson(round(value), df + 1), "Clopper-Pearson, n patients"
    effective = value * (1 - value) / variance if variance > 0 else math.inf
    if effective > 1 / END:  # the same for every patient
        return value, value, "t"
    t = t_quantile(df)
    if share and df + 1 >= ENOUGH:
        return *wilson(value, effective, t), "Wilson, effective n"
    reduced = effective * (normal_quantile() / t) ** 2
    return *clopper_pearson(value, reduced), "Clopper-Pearson, effective n"


def wilson(value: float, n: float, quantile: float) -> tuple[float, float]:
    """Score interval of a share of n independent cases.

    >>> low, high = wilson(0.0, 10, 1.96)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.278)
    """
    z2 = quantile**2
    centre = (value + z2 / (2 * n)) / (1 + z2 / n)
    half = quantile * math.sqrt(value * (1 - value) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def clopper_pearson(value: float, n: float) -> tuple[float, float]:
    """Interval of a share of n independent cases, n not necessarily whole.

    >>> low, high = clopper_pearson(0.0, 10)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.308)
    """
    from scipy.special import betaincinv

    hits, misses = value * n, (1 - value) * n
    low = 0.0 if hits <= 0 else float(betaincinv(hits, misses + 1, TAIL))
    high = 1.0 if misses <= 0 else float(betaincinv(hits + 1, misses, 1 - TAIL))
    return low, high


def t_quantile(df: float) -> float:
    """97.5 % quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 1 - TAIL))


def normal_quantile() -> float:
    """97.5 % quantile of the normal distribution."""
    return 1.959963984540054


def quantiles(drawn: Array, value: float, *, centred: bool) -> tuple[float, float]:
    """2.5 % and 97.5 % of drawn values of a metric.

    Args:
        drawn: (R,), NaN where undefined.
        value: the estimate.
        centred: subtract the mean excess of the draws over the estimate, for distances that noise
            can only lengthen; the interval does not go below 0.
    """
    import numpy as np

    drawn = drawn[~np.isnan(drawn)]
    if math.isnan(value) or drawn.size == 0:
        return float("nan"), float("nan")
    if centred:
        drawn = np.maximum(drawn - (drawn.mean() - value), 0.0)
    low, high = np.quantile(drawn, [TAIL, 1 - TAIL])
    return float(low), float(high)
