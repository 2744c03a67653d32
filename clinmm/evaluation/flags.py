"""What a calibration interval excludes, in words: the flag beside a row of the metrics table."""

import math

CLAIMED = {"calibration_intercept": 0.0, "observed_expected": 1.0, "calibration_slope": 1.0}
"""Metric -> its value where the probabilities mean what they say."""

_BELOW = {"calibration_slope": "risks too extreme"}
_ABOVE = {"calibration_slope": "risks too cautious"}


def flag_of(metric: str, low: float, high: float) -> str | None:
    """The flag of one estimate; None where its interval holds what is claimed, or there is none.

    Args:
        metric: a name; only the keys of CLAIMED are ever flagged.
        low, high: limits of its 95 % interval, NaN where there is none.

    Reference:
        Van Calster, McLernon, van Smeden, Wynants, Steyerberg. BMC Medicine 17:230 (2019): the
        hierarchy of mean, weak and moderate calibration.

    >>> flag_of("observed_expected", 0.55, 0.83)
    'risks too high'
    """
    claimed = CLAIMED.get(metric)
    if claimed is None or math.isnan(low) or math.isnan(high):
        return None
    if high < claimed:
        return _BELOW.get(metric, "risks too high")
    if low > claimed:
        return _ABOVE.get(metric, "risks too low")
    return None
