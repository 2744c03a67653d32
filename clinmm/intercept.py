"""Puts a model's mean risk where the observed rate is.

A model that is stopped early has spread its logits but not yet settled its intercept, so that
rare outcomes are overestimated on average (calibration in the large: Steyerberg, Clinical
Prediction Models, 2019, chapter 15).
"""

import torch
from torch import Tensor

FURTHEST = 3.0
"""Largest shift in logits; more would hide a model that has failed."""
ROUNDS = 60


def intercept_shift(logits: Tensor, target: Tensor, known: Tensor, task: str) -> Tensor:
    """(K,) to add to the logits, so that the mean probability of each class is its rate.

    Args:
        logits: (N, K). target: (N, K) of 0 to 1. known: (N, K) bool.
        task: binary, multilabel, multiclass; or continuous, whose logits and targets are values.

    Returns:
        0 for a class with one outcome only; never beyond FURTHEST, but for values.

    >>> logits, known = torch.zeros(4, 1), torch.ones(4, 1, dtype=torch.bool)
    >>> shift = intercept_shift(logits, torch.tensor([[1.0], [0], [0], [0]]), known, "binary")
    >>> round(float(torch.sigmoid(shift)), 4)
    0.25
    """
    seen = known.to(torch.float64)
    rate = (target * seen).sum(0) / seen.sum(0).clamp_min(1.0)
    if task == "continuous":
        mean = (logits * seen).sum(0) / seen.sum(0).clamp_min(1.0)
        return (rate - mean).to(logits.dtype)
    both = (rate > 0) & (rate < 1)
    shift = torch.zeros(logits.shape[1], dtype=torch.float64, device=logits.device)
    for _ in range(ROUNDS):
        shifted = logits.to(torch.float64) + shift
        risk = torch.softmax(shifted, 1) if task == "multiclass" else torch.sigmoid(shifted)
        mean = (risk * seen).sum(0) / seen.sum(0).clamp_min(1.0)
        step = torch.logit(rate, 1e-6) - torch.logit(mean, 1e-6)
        shift = torch.where(both, shift + step, shift).clamp(-FURTHEST, FURTHEST)
    return shift.to(logits.dtype)
