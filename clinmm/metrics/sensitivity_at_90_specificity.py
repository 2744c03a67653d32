"""Sensitivity at the threshold that gives specificity .9 in the same cases."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinmm.errors import InputError
from clinmm.metrics.inputs import checked, require
from clinmm.metrics.weighted import Array, counts_above, in_levels, over

NEEDS = "ranking"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = True
SCALE = "logit"

LEVEL = 0.9


def sensitivity_at_90_specificity(
    y_true: ArrayLike, y_prob: ArrayLike, *, level: float = LEVEL
) -> float:
    """Highest sensitivity of any threshold with specificity of at least `level`.

    The threshold is chosen on the cases that it is then judged by, which is optimistic when
    negatives are few. What a rule will deliver is the sensitivity at an operating point, whose
    threshold comes from other patients. Calling nobody is
    allowed and gives 0.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1], all of one model.
        level: specificity wanted, between 0 and 1.

    Returns:
        Between 0 and 1; chance is 1 - level.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, one class only,
            level not between 0 and 1.

    Reference:
        Pepe. The Statistical Evaluation of Medical Tests for Classification and Prediction.
        Oxford University Press (2003), chapter 4.

    >>> y_true = [0, 0, 0, 0, 1, 1]
    >>> sensitivity_at_90_specificity(y_true, [.1, .2, .3, .6, .5, .8], level=.95)  # 1 of 2
    0.5
    """
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, got {level:g}.")
    y, p = checked(y_true, y_prob)
    require(y.sum(), "positive", "sensitivity_at_90_specificity")
    require((1 - y).sum(), "negative", "sensitivity_at_90_specificity")
    return float(replicates(y, p, np.ones((y.size, 1)), level=level)[0])


def replicates(y_true: Array, y_prob: Array, weights: Array, *, level: float = LEVEL) -> Array:
    """The metric under each column of weights (n, R); NaN where a class has no weight."""
    tp, fp = counts_above(y_true, y_prob, weights)
    return np.where(fp[-1] > 0, over(_caught(tp, fp, 1 - level), tp[-1]), np.nan)


def influence(y_true: Array, y_prob: Array, *, level: float = LEVEL) -> tuple[float, Array]:
    """The value and the (n,) influence of each case.

    A positive counts by being called or not. A negative moves the threshold, and so the
    sensitivity by the slope of the ROC curve there, which is read off between half and one and a
    half times the false positive rate: no derivative of the step curve exists.

    Reference:
        Hsieh, Turnbull. Ann Stat 24:25 (1996), theorem 2.2.
    """
    level_of, positive, negative = in_levels(y_true, y_prob)
    n_positive, n_negative = positive.sum(), negative.sum()
    if n_positive == 0 or n_negative == 0:
        return float("nan"), np.full(y_true.size, np.nan)
    tp, fp = np.cumsum(positive)[:, None], np.cumsum(negative)[:, None]
    rate, half = 1 - level, min(1 - level, level) / 2
    above, here, below = (
        float(_caught(tp, fp, at)[0] / n_positive) for at in (rate + half, rate, rate - half)
    )
    slope = (above - below) / (2 * half)
    called = (level_of < _allowed(fp, rate).sum()).astype(np.float64)
    false_alarms = (called * (1 - y_true)).sum() / n_negative
    by_positive = (called - here) / n_positive
    by_negative = -slope * (called - false_alarms) / n_negative
    return here, np.where(y_true == 1, by_positive, by_negative)


def _allowed(fp: Array, rate: float) -> NDArray[np.bool_]:
    """(distinct scores, R) whether calling from a score downwards keeps the specificity."""
    return np.asarray(fp <= rate * fp[-1] + 1e-9)


def _caught(tp: Array, fp: Array, rate: float) -> Array:
    """(R,) most true positives at a false positive rate of at most `rate`."""
    return np.asarray(np.where(_allowed(fp, rate), tp, 0.0).max(axis=0))


def pooling_weight(n_positive: Array, n_negative: Array) -> Array:
    """A fold weighs as many positives as it holds, whose rate this is."""
    return n_positive
