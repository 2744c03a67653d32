"""Integrated calibration index: mean distance from the smooth calibration curve."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.calibration_gaps import summarised, summary_parts
from clinmm.metrics.inputs import checked
from clinmm.metrics.parts import Parts
from clinmm.metrics.weighted import Array

NEEDS = "probability"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = False
SCALE = "logit"
RECENTRE = True


def ici(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Mean over the cases of |y_prob - observed rate|, the rate by a smooth curve.

    The curve is a logistic regression on a restricted cubic spline of the log-odds
    (`calibration_curve`), so there are no bins to choose. Chance makes it and its
    interval larger than 0: whether the risks are off is for the slope and the intercept to say.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1].

    Returns:
        Distance in probability units; 0 is perfect.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, one class only,
            probabilities that separate the classes without overlap.

    Reference:
        Austin, Steyerberg. Stat Med 38:4051 (2019).

    >>> round(ici([0, 0, 0, 1], [.5, .5, .5, .5]), 4)  # the rate is 1/4
    0.25
    """
    y, p = checked(y_true, y_prob)
    return summarised("ici", _summary, y, p)


def parts(y_true: Array, y_prob: Array) -> Parts:
    """The coefficients of the curve."""
    return summary_parts(_summary, y_true, y_prob)


def _summary(gaps: Array) -> Array:
    return np.asarray(gaps.mean(axis=0))
