"""Area under the ROC curve where few negatives are called, on the scale of the whole area."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.inputs import checked, require
from clinmm.metrics.weighted import Array, counts_above, in_levels, over

NEEDS = "ranking"
CONDITIONS_ON = ("positive", "negative")
HIGHER_IS_BETTER = True
SCALE = "logit"

MAX_FPR = 0.1


def partial_auroc(y_true: ArrayLike, y_prob: ArrayLike, *, max_fpr: float = MAX_FPR) -> float:
    """Area under the ROC curve over false positive rates in [0, max_fpr], standardised.

    The area A is rescaled so that chance is .5 and perfect ranking 1, as the whole area is:
    (1 + (A - max_fpr^2 / 2) / (max_fpr - max_fpr^2 / 2)) / 2.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1], all of one model.
        max_fpr: where the area ends, in (0, 1]; 1 gives the AUROC.

    Returns:
        At most 1; .5 is chance; a little below .5 where the ranking is worse than chance.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, one class only,
            max_fpr outside (0, 1].

    Reference:
        McClish. Med Decis Making 9:190 (1989).

    >>> round(partial_auroc([0, 0, 1, 1], [.1, .6, .4, .8], max_fpr=.5), 4)  # A = .5 x .5
    0.6667
    """
    if not 0 < max_fpr <= 1:
        raise InputError(f"max_fpr must lie in (0, 1], got {max_fpr:g}.")
    y, p = checked(y_true, y_prob)
    require(y.sum(), "positive", "partial_auroc")
    require((1 - y).sum(), "negative", "partial_auroc")
    return float(replicates(y, p, np.ones((y.size, 1)), max_fpr=max_fpr)[0])


def replicates(y_true: Array, y_prob: Array, weights: Array, *, max_fpr: float = MAX_FPR) -> Array:
    """The metric under each column of weights (n, R); NaN where a class has no weight."""
    tp, fp = counts_above(y_true, y_prob, weights)
    origin = np.zeros((1, weights.shape[1]))
    x = np.vstack([origin, over(fp, np.broadcast_to(fp[-1], fp.shape))])
    y = np.vstack([origin, over(tp, np.broadcast_to(tp[-1], tp.shape))])
    inside, share = _counted(x, max_fpr)
    area = (inside * (y[:-1] + share * np.diff(y, axis=0) / 2)).sum(axis=0)
    return _standardised(area, max_fpr)


def influence(y_true: Array, y_prob: Array, *, max_fpr: float = MAX_FPR) -> tuple[float, Array]:
    """The value and its derivative with respect to the weight of each case (n,).

    The area is a function of the corners of the curve. A case moves all corners from its own
    score downwards, and every one through the total weight of its class. Where a corner lies at
    max_fpr exactly it is one of the two one-sided derivatives.
    """
    level, positive, negative = in_levels(y_true, y_prob)
    n_positive, n_negative = positive.sum(), negative.sum()
    if n_positive == 0 or n_negative == 0:
        return float("nan"), np.full(y_true.size, np.nan)
    x = np.append(0.0, np.cumsum(negative) / n_negative)
    y = np.append(0.0, np.cumsum(positive) / n_positive)
    rise = np.diff(y)
    inside, share = _counted(x, max_fpr)
    area = inside @ (y[:-1] + share * rise / 2)
    # each step's area by its left and right corner; where the step is cut, the right one tilts it
    begun, ended = x[:-1] <= max_fpr, x[1:] <= max_fpr
    by_x, by_y = np.zeros_like(x), np.zeros_like(y)
    by_x[:-1] += begun * (share * (share / 2 - 1) * rise - y[:-1])
    by_x[1:] += ended * y[1:] - begun * share**2 * rise / 2
    by_y[:-1] += inside * (1 - share / 2)
    by_y[1:] += inside * share / 2
    scale = 1 / (2 * max_fpr - max_fpr**2)  # of the standardised area
    of_negative = scale * _moved(by_x, x) / n_negative
    of_positive = scale * _moved(by_y, y) / n_positive
    value = float(_standardised(area, max_fpr))
    return value, np.where(y_true == 1, of_positive[level], of_negative[level])


def _counted(x: Array, max_fpr: float) -> tuple[Array, Array]:
    """The width of each step of the curve up to max_fpr, and the share of the step that it is."""
    width = np.diff(x, axis=0)
    inside = np.clip(max_fpr - x[:-1], 0.0, width)
    share = np.divide(inside, width, out=np.ones_like(width), where=width > 0)
    return inside, share


def _moved(slope: Array, at: Array) -> Array:
    """(distinct scores,) change of the area when a share of a class is put at each score."""
    downwards = np.cumsum(slope[::-1])[::-1]
    return (downwards - slope @ at)[1:]


def _standardised(area: Array, max_fpr: float) -> Array:
    by_chance = max_fpr**2 / 2
    return (1 + (area - by_chance) / (max_fpr - by_chance)) / 2


def pooling_weight(n_positive: Array, n_negative: Array) -> Array:
    """A fold weighs as many pairs as it holds."""
    return n_positive * n_negative
