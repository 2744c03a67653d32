"""A linear map of log probabilities, then softmax: what vector and dirichlet fit."""

import numpy as np
from numpy.typing import NDArray

from clinmm.calibration.logits import Array, log_losses, to_probabilities
from clinmm.calibration.newton import minimise

SCALE_SD = 1.0
OTHERS_SD = 0.5
BIAS_SD = 2.0
"""Deviations of the prior: of a class's own scale about 1, of what other classes add about 0, and
of the bias about 0, in logits. A prior is worth a fixed number of patients, so it decides where
there are few and fades where there are many; no strength has to be chosen."""


def fit(logits: Array, number: Array, free: NDArray[np.bool_]) -> tuple[Array, Array]:
    """(C, C) map and (C,) bias with the least log loss and prior.

    Minimises summed log loss + sum((w - identity)^2 / sd^2) / 2 + sum(bias^2 / BIAS_SD^2) / 2 over
    the free entries of the map (C, C); the others stay 0. number: (n,) class of each case.
    """
    n, n_classes = logits.shape
    columns = np.column_stack([log_probabilities(logits), np.ones(n)])  # (n, C + 1)
    happened = np.arange(n_classes) == number[:, None]
    identity = np.eye(n_classes, n_classes + 1)
    sd = np.where(identity == 1, SCALE_SD, OTHERS_SD)
    sd[:, -1] = BIAS_SD
    chosen = np.column_stack([free, np.ones(n_classes, dtype=bool)])
    centre, precision = identity[chosen], 1 / sd[chosen] ** 2

    def mapped(theta: Array) -> Array:
        whole = np.zeros_like(identity)
        whole[chosen] = theta
        return columns @ whole.T

    def objective(theta: Array) -> float:
        prior = (precision * (theta - centre) ** 2).sum() / 2
        return float(log_losses(mapped(theta), number).sum() + prior)

    def derivatives(theta: Array) -> tuple[Array, Array]:
        p = to_probabilities(mapped(theta))
        slope = ((p - happened).T @ columns)[chosen] + precision * (theta - centre)
        blocks = np.empty((n_classes, n_classes + 1, n_classes, n_classes + 1))
        for i in range(n_classes):
            for k in range(i, n_classes):
                weight = p[:, i] * ((i == k) - p[:, k])
                blocks[i, :, k, :] = blocks[k, :, i, :] = columns.T @ (columns * weight[:, None])
        square = blocks.reshape(identity.size, identity.size)
        keep = chosen.ravel()
        return slope, square[np.ix_(keep, keep)] + np.diag(precision)

    whole = np.zeros_like(identity)
    whole[chosen] = minimise(objective, derivatives, centre).coefficients
    return whole[:, :-1], whole[:, -1]


def apply(logits: Array, linear: Array, bias: Array) -> Array:
    """(n, C) probabilities of (n, C) logits."""
    return to_probabilities(log_probabilities(logits) @ linear.T + bias)


def log_probabilities(logits: Array) -> Array:
    """(n, C) logarithm of the softmax."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_p
