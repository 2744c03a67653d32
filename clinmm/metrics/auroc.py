"""Area under the ROC curve: how often a positive case is ranked above a negative one."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked, require
from clinmm.metrics.weighted import Array, in_levels, over

NEEDS = "ranking"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = True
SCALE = "logit"


def auroc(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Share of (positive, negative) pairs in which the positive has the higher probability.

    A tie counts one half.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1], all of one model: scores of different models are
            never ranked together.

    Returns:
        Between 0 and 1; .5 is chance.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, one class only.

    Reference:
        Hanley, McNeil. Radiology 143:29 (1982); `influence`: Obuchowski. Biometrics 53:567 (1997),
        for clustered cases, after DeLong, DeLong, Clarke-Pearson. Biometrics 44:837 (1988).

    >>> auroc([0, 0, 1, 1], [.1, .4, .4, .8])  # 3 pairs won, 1 tied of 4
    0.875
    """
    y, p = checked(y_true, y_prob)
    require(y.sum(), "positive", "auroc")
    require((1 - y).sum(), "negative", "auroc")
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def influence(y_true: Array, y_prob: Array) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,).

    Of a positive case: the share of negatives it beats, less the AUROC, over the positives; of a
    negative one likewise. NaN where a class is missing.
    """
    level, positive, negative = in_levels(y_true, y_prob)
    n_positive, n_negative = positive.sum(), negative.sum()
    if n_positive == 0 or n_negative == 0:
        return float("nan"), np.full(y_true.size, np.nan)
    beaten = 1 - (np.cumsum(negative) - negative / 2) / n_negative  # by a positive of the level
    beaten_by = (np.cumsum(positive) - positive / 2) / n_positive  # a negative of the level
    value = float(positive @ beaten / n_positive)
    of_positive, of_negative = (beaten - value) / n_positive, (beaten_by - value) / n_negative
    return value, np.where(y_true == 1, of_positive[level], of_negative[level])


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R); NaN where a class has no weight."""
    positive = y_true == 1
    n_positive, n_negative = (weights[side].sum(axis=0) for side in (positive, ~positive))
    # only the larger class is summed up along its scores: half the work, the same number
    if positive.sum() <= y_true.size / 2:
        won = _beaten(y_prob[positive], weights[positive], y_prob[~positive], weights[~positive])
    else:
        lost = _beaten(y_prob[~positive], weights[~positive], y_prob[positive], weights[positive])
        won = n_positive * n_negative - lost
    return over(won, n_positive * n_negative)


def _beaten(score: Array, weight: Array, rival: Array, rival_weight: Array) -> Array:
    """(R,) weight of the pairs in which score is above rival, a tie being one half."""
    order = np.argsort(rival, kind="stable")
    sums = np.zeros((rival.size + 1, weight.shape[1]))
    np.cumsum(rival_weight[order], axis=0, out=sums[1:])
    below = np.searchsorted(rival[order], score, side="left")
    up_to = np.searchsorted(rival[order], score, side="right")
    pairs: Array = np.einsum("ij,ij->j", weight, sums[below])
    if np.array_equal(below, up_to):
        return pairs
    pairs += np.einsum("ij,ij->j", weight, sums[up_to])
    return pairs / 2


def pooling_weight(n_positive: Array, n_negative: Array) -> Array:
    """A fold weighs as many pairs as it holds."""
    return n_positive * n_negative
