"""Area under the precision-recall curve, as average precision."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked, require
from clinmm.metrics.weighted import Array, in_levels, over

NEEDS = "ranking"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = True
SCALE = "logit"


def auprc(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Average precision: the precision at each distinct score, weighted by the recall it adds.

    No interpolation. Chance is the prevalence, so values of groups with different prevalence
    are not comparable.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1], all of one model.

    Returns:
        Between 0 and 1.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, one class only.

    Reference:
        Davis, Goadrich. ICML 2006 (why the curve is not joined by straight lines).

    >>> round(auprc([0, 1, 0, 1], [.1, .35, .4, .8]), 4)  # 1/2 * 1 + 1/2 * 2/3
    0.8333
    """
    y, p = checked(y_true, y_prob)
    require(y.sum(), "positive", "auprc")
    require((1 - y).sum(), "negative", "auprc")
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,).

    A case moves the precision at its own score and at every score below; a positive case also
    adds its own precision to the mean. NaN where a class is missing.
    """
    level, positive, negative = in_levels(y_true, y_prob)
    n_positive = positive.sum()
    if n_positive == 0 or negative.sum() == 0:
        return float("nan"), np.full(y_true.size, np.nan)
    above, called = np.cumsum(positive), np.cumsum(positive + negative)
    precision = above / called
    value = float(positive @ precision / n_positive)
    # d precision / d weight is (1 - precision) / called for a positive, -precision / called else
    gain = positive * (1 - precision) / called
    loss = positive * precision / called
    of_positive = precision - value + np.cumsum(gain[::-1])[::-1]
    of_negative = -np.cumsum(loss[::-1])[::-1]
    return value, np.where(y_true == 1, of_positive[level], of_negative[level]) / n_positive


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where a class has no weight."""
    positive = y_true == 1
    # recall moves at the scores of positives only, so precision is needed there only
    levels, at = np.unique(-y_prob[positive], return_inverse=True)  # highest score first
    steps = np.zeros((levels.size, weights.shape[1]))
    np.add.at(steps, at, weights[positive])
    tp = np.cumsum(steps, axis=0)
    negative = -y_prob[~positive]
    order = np.argsort(negative, kind="stable")
    sums = np.zeros((negative.size + 1, weights.shape[1]))
    np.cumsum(weights[~positive][order], axis=0, out=sums[1:])
    called = tp + sums[np.searchsorted(negative[order], levels, side="right")]
    precision = np.divide(tp, called, out=np.zeros_like(tp), where=called > 0)
    area = np.einsum("ij,ij->j", steps, precision)
    return np.where(sums[-1] > 0, over(area, steps.sum(axis=0)), np.nan)


def pooling_weight(n_positive: Array, n_negative: Array) -> Array:
    """A fold weighs as many positives as it holds."""
    return n_positive
