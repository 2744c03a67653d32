"""Training losses: unknown labels are masked, and both outcomes of a class may weigh the same."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


def start_of_training(target: NDArray[np.float64], task: str) -> list[float]:
    """Per class, the log-odds (multiclass: log share) among training cases, half a case added to
    each outcome so that no class starts at infinity. Of a continuous target, its mean and standard
    deviation.

    target: (N, K) of 0 to 1 (continuous: values), NaN for not recorded.
    """
    if task == "continuous":
        deviation = float(np.nanstd(target))
        return [float(np.nanmean(target)), deviation if deviation > 0 else 1.0]
    positive = np.nansum(target, axis=0) + 0.5
    known = (~np.isnan(target)).sum(axis=0) + 1.0
    if task == "multiclass":
        return [math.log(p / positive.sum()) for p in positive]
    return [math.log(p / (n - p)) for p, n in zip(positive, known, strict=True)]


def masked_loss(
    logits: Tensor, target: Tensor, known: Tensor, log_odds: Tensor, *, task: str, balanced: bool
) -> Tensor:
    """Mean loss over the known targets of B cases.

    Args:
        logits: (B, K), at the prevalence of the training cases.
        target: (B, K) of 0 and 1.
        known: (B, K) bool.
        log_odds: (K,), as from `log_odds_of_training`.
        task: binary, multilabel or multiclass.
        balanced: weigh both outcomes of a class (or every class) the same. The loss is then that
            of a model of balanced data, whose logits are these less `log_odds`: so the logits
            themselves stay those of the prevalence seen (Elkan, IJCAI 2001).

    Returns:
        A scalar in nats; 0 where nothing is known.
    """
    shown = logits - log_odds if balanced else logits
    if task == "multiclass":
        each = functional.cross_entropy(shown, target.argmax(1), reduction="none")[:, None]
        rarity = torch.exp(-log_odds) / len(log_odds)
        weight = (target * rarity).sum(1, keepdim=True) if balanced else torch.ones_like(each)
        weight = weight * known.any(1, keepdim=True)
    else:
        each = functional.binary_cross_entropy_with_logits(shown, target, reduction="none")
        share = torch.sigmoid(log_odds)
        outcome = torch.where(target > 0.5, 0.5 / share, 0.5 / (1 - share))
        weight = (outcome if balanced else torch.ones_like(each)) * known
    return (each * weight).sum() / weight.sum().clamp_min(1e-12)
