"""Between probabilities and logits, and the log loss of logits."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SMALLEST = 1e-7
"""Probabilities are moved into [SMALLEST, 1 - SMALLEST] before the logarithm."""


def from_probabilities(probability: Array) -> Array:
    """Logits: (n,) log odds, or (n, C) log probabilities of exclusive classes."""
    p = np.clip(probability, SMALLEST, 1 - SMALLEST)
    logits: Array = np.log(p) - np.log1p(-p) if p.ndim == 1 else np.log(p)
    return logits


def to_probabilities(logits: Array) -> Array:
    """Sigmoid of (n,), softmax over the last axis of (n, C)."""
    if logits.ndim == 1:
        one: Array = np.exp(-np.logaddexp(0.0, -logits))
        return one
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    several: Array = shifted / shifted.sum(axis=1, keepdims=True)
    return several


def log_losses(logits: Array, target: Array) -> Array:
    """(n,) nats of each case: -log of the probability given to what happened."""
    if logits.ndim == 1:
        losses: Array = np.logaddexp(0.0, np.where(target == 1, -logits, logits))
        return losses
    peak = logits.max(axis=1)
    log_total = peak + np.log(np.exp(logits - peak[:, None]).sum(axis=1))
    picked: Array = log_total - logits[np.arange(target.size), target.astype(np.int64)]
    return picked
