"""Uncertainty part of the Brier score: what always saying the prevalence would score."""

import numpy as np
from numpy.typing import ArrayLike

from clinmm.metrics.inputs import checked
from clinmm.metrics.parts import Parts
from clinmm.metrics.weighted import Array, mean_influence, ratio

NEEDS = "outcome"
CONDITIONS_ON: tuple[str, ...] = ()
HIGHER_IS_BETTER = None
SCALE = "logit"


def brier_uncertainty(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """q (1 - q), with q the share of positives; y_prob is checked and otherwise unused.

    Args:
        y_true: (n,) outcomes in {0, 1}.
        y_prob: (n,) probabilities in [0, 1].

    Returns:
        Between 0 and .25; see `brier_reliability` for the whole sum.

    Raises:
        InputError: NaN, values outside [0, 1] or {0, 1}, lengths that differ.

    Reference:
        Murphy. J Appl Meteorol 12:595 (1973).

    >>> brier_uncertainty([1, 0, 0, 0], [.5, .5, .5, .5])
    0.1875
    """
    y, p = checked(y_true, y_prob)
    return float(replicates(y, p, np.ones((y.size, 1)))[0])


def parts(y_true: Array, y_prob: Array) -> Parts:
    """The prevalence: its function is flat at one half, where a derivative would say nothing."""
    q, by_q = mean_influence(y_true)
    return Parts(np.array([q]), by_q[:, None], lambda drawn: _variance(np.clip(drawn[0], 0, 1)))


def replicates(y_true: Array, y_prob: Array, weights: Array) -> Array:
    """The metric under each column of weights (n, R)."""
    return _variance(ratio(y_true, np.ones_like(y_true), weights))


def _variance(q: Array) -> Array:
    return q * (1 - q)
