"""Logistic regression on a few columns, without a penalty, and what each case does to it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from clinmm.metrics.log_loss import SMALLEST
from clinmm.metrics.weighted import Array

MAX_STEPS = 30
PRECISION = 1e-9


class Fit(NamedTuple):
    """coefficients: (k,). influence: (n, k) their derivative with respect to each case's weight."""

    coefficients: Array
    influence: Array


def logit(y_prob: Array) -> Array:
    """(n,) log-odds of probabilities, which are clipped as the log loss clips them."""
    p = np.clip(y_prob, SMALLEST, 1 - SMALLEST)
    return np.asarray(np.log(p) - np.log1p(-p))


def expit(eta: Array) -> Array:
    """Probabilities of log-odds of any shape."""
    from scipy.special import expit

    return np.asarray(expit(eta))


def fit_logistic(
    design: Array, y_true: Array, weights: Array | None = None, offset: Array | float = 0.0
) -> Fit | None:
    """Maximum likelihood by Newton's method with halved steps.

    Args:
        design: (n, k) columns, the intercept among them.
        y_true: (n,) 0 or 1.
        weights: (n,) case weights; None for 1 each.
        offset: (n,) log-odds to start from, whose coefficient is 1.

    Returns:
        None where no finite maximum exists: one class only, columns that depend on each other, or
        outcomes that the columns separate. The influence is that of an M-estimator, so that its
        clustered sum of squares is the sandwich variance.

    Reference:
        Huber. Proc 5th Berkeley Symposium 1:221 (1967).
    """
    w = np.ones(y_true.size) if weights is None else weights
    sign = np.where(y_true == 1, -1.0, 1.0)

    def loss(at: Array) -> float:
        return float(w @ np.logaddexp(0.0, sign * at))

    coefficients = np.zeros(design.shape[1])
    eta = np.broadcast_to(offset, y_true.shape).astype(np.float64)
    before = loss(eta)
    for _ in range(MAX_STEPS):
        p = expit(eta)
        information = (design * (w * p * (1 - p))[:, None]).T @ design
        score = design * (y_true - p)[:, None]
        try:
            step = np.linalg.solve(information, w @ score)
        except np.linalg.LinAlgError:
            return None
        move = design @ step
        if np.abs(move).max() < PRECISION:
            return Fit(coefficients, score @ np.linalg.inv(information))
        length = 1.0
        while (after := loss(eta + length * move)) > before * (1 + 1e-12) and length > 1e-6:
            length /= 2
        coefficients, eta, before = coefficients + length * step, eta + length * move, after
    return None


def each_column(weights: Array, value: Callable[[Array], float]) -> Array:
    """(R,) of a metric that is fitted under one weighting at a time."""
    return np.array([value(column) for column in weights.T])
