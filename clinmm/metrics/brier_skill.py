"""Brier skill score: the share of the prevalence's Brier score that the model takes away."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked, require
from clinmm.metrics.weighted import Array, mean_influence, over, total

NEEDS = "probability"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = True
SCALE = "identity"


def brier_skill(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """1 - Brier score / (q (1 - q)), with q the share of positives among these cases.

    Always saying q gives q (1 - q): the score compares with the best guess without inputs. Also
    known as the scaled Brier score or the index of prediction accuracy.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1].

    Returns:
        At most 1; 0 is as good as the prevalence, below 0 worse.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, one class only.

    Reference:
        Steyerberg et al. Epidemiology 21:128 (2010).

    >>> round(brier_skill([1, 0], [.8, .4]), 3)  # 1 - .1 / .25
    0.6
    """
    y, p = checked(y_true, y_prob)
    require(y.sum(), "positive", "brier_skill")
    require((1 - y).sum(), "negative", "brier_skill")
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    loss, by_loss = mean_influence((y_prob - y_true) ** 2)
    q, by_q = mean_influence(y_true)
    variance = q * (1 - q)
    if variance == 0:
        return float("nan"), np.full(y_true.size, np.nan)
    by_variance = (1 - 2 * q) * by_q
    return 1 - loss / variance, (loss * by_variance / variance - by_loss) / variance


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where a class has no weight."""
    n, positives = weights.sum(axis=0), total(y_true, weights)
    loss = total((y_prob - y_true) ** 2, weights)
    return 1 - over(loss * n, positives * (n - positives))
