"""Specificity at the threshold that gives sensitivity .9 in the same cases."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics import sensitivity_at_90_specificity as mirror
from clinmm.metrics.inputs import checked, require
from clinmm.metrics.sensitivity_at_90_specificity import LEVEL
from clinmm.metrics.weighted import Array

NEEDS = "ranking"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = True
SCALE = "logit"


def specificity_at_90_sensitivity(
    y_true: ArrayLike, y_prob: ArrayLike, *, level: float = LEVEL
) -> float:
    """Highest specificity of any threshold with sensitivity of at least `level`.

    The threshold is chosen on the cases that it is then judged by, which is optimistic when
    positives are few. What a rule will deliver is the specificity at an operating point, whose
    threshold comes from other patients. Calling everybody
    is allowed and gives 0.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1], all of one model.
        level: sensitivity wanted, between 0 and 1.

    Returns:
        Between 0 and 1; chance is 1 - level.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, one class only,
            level not between 0 and 1.

    Reference:
        Pepe. The Statistical Evaluation of Medical Tests for Classification and Prediction.
        Oxford University Press (2003), chapter 4.

    >>> y_true = [0, 0, 0, 0, 1, 1]
    >>> specificity_at_90_sensitivity(y_true, [.1, .2, .3, .6, .5, .8], level=.95)  # 3 of 4
    0.75
    """
    if not 0 < level < 1:
        raise InputError(f"level must lie between 0 and 1, got {level:g}.")
    y, p = checked(y_true, y_prob)
    require(y.sum(), "positive", "specificity_at_90_sensitivity")
    require((1 - y).sum(), "negative", "specificity_at_90_sensitivity")
    return float(replicates(y, p, np.ones((y.size, 1)), level=level)[0])


def replicates(y_true: Array, y_prob: Array, weights: Array, *, level: float = LEVEL) -> Array:
    """The metric under each column of weights (n, R); NaN where a class has no weight."""
    return mirror.replicates(1 - y_true, -y_prob, weights, level=level)


def influence(y_true: Array, y_prob: Array, *, level: float = LEVEL) -> tuple[float, Array]:
    """The value and the (n,) influence of each case, as for the sensitivity with both classes
    and the order of the scores exchanged."""
    return mirror.influence(1 - y_true, -y_prob, level=level)


def pooling_weight(n_positive: Array, n_negative: Array) -> Array:
    """A fold weighs as many negatives as it holds, whose rate this is."""
    return n_negative
