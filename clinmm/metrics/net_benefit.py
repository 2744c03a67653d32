"""Net benefit of calling at a threshold: true calls less false ones, weighed by its odds."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.metrics.inputs import checked
from clinmm.metrics.weighted import Array, mean_influence, ratio

NEEDS = "threshold"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = True
SCALE = "identity"


def net_benefit(y_true: ArrayLike, y_prob: ArrayLike, *, threshold: float) -> float:
    """TP / n - FP / n * t / (1 - t), of calling each case whose probability is t or more.

    A threshold of t says that one missed case weighs as much as (1 - t) / t false calls. Calling
    nobody has a net benefit of 0; `treat_all` gives that of calling everybody. A model is worth
    using at t where it exceeds both.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) calibrated probabilities in [0, 1].
        threshold: t, the probability at which one would act; between 0 and 1.

    Returns:
        True calls per case, net of false ones; at most the prevalence.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ, a threshold that is
            not between 0 and 1.

    Reference:
        Vickers, Elkin. Med Decis Making 26:565 (2006).

    >>> net_benefit([1, 1, 0, 0], [.9, .1, .4, .2], threshold=.2)  # 1/4 - 2/4 x 1/4
    0.125
    """
    if not 0 < threshold < 1:
        raise InputError(
            f"threshold must lie between 0 and 1, got {threshold:g}: it is a probability, and its "
            "odds weigh the false calls."
        )
    y, p = checked(y_true, y_prob)
    return float(_per_case(y, p, threshold).mean())


def treat_all(y_true: ArrayLike, *, threshold: float) -> float:
    """Net benefit of calling everybody: q - (1 - q) t / (1 - t), with q the prevalence.

    >>> treat_all([1, 1, 0, 0], threshold=.2)  # 2/4 - 2/4 x 1/4
    0.375
    """
    return net_benefit(y_true, np.ones(np.shape(y_true)), threshold=threshold)


def influence(y_true: Array, y_prob: Array, *, threshold: float) -> tuple[float, Array]:
    """The metric and its derivative with respect to the weight of each case (n,)."""
    return mean_influence(_per_case(y_true, y_prob, threshold))


def replicates(y_true: Array, y_prob: Array, weights: Array, *, threshold: float) -> Array:
    """The metric under each column of weights (n, R)."""
    return ratio(_per_case(y_true, y_prob, threshold), np.ones_like(y_true), weights)


def _per_case(y_true: Array, y_prob: Array, threshold: float) -> Array:
    called = y_prob >= threshold
    return called * (y_true - (1 - y_true) * threshold / (1 - threshold))
