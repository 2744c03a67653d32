"""Inputs hidden from cases at random, so that one model answers for every pattern."""

import torch
from torch import Tensor


def hidden_at_random(present: Tensor, chance: float | Tensor) -> Tensor:
    """(B, M) bool, the inputs that are left: each is hidden with its chance, but never the last
    one that a case has.

    present: (B, M) bool. chance: one for all, or (B, M).
    """
    if present.shape[1] < 2 or (isinstance(chance, float) and not chance):
        return present
    left = present & (torch.rand(present.shape, device=present.device) >= chance)
    return torch.where(left.any(1, keepdim=True), left, present)
