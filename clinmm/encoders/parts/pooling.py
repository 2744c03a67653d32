"""From parts of an input to one vector: their mean, or an attention that starts as the mean."""

from typing import Literal

import torch
from torch import Tensor, nn

Pool = Literal["mean", "attention"]


def mean_of(values: Tensor, real: Tensor) -> Tensor:
    """values: (B, T, d); real: (B, T) bool. Returns (B, d), zero where a case has no part."""
    weight = real[..., None].to(values.dtype)
    return (values * weight).sum(1) / weight.sum(1).clamp_min(1)


class AttentionPool(nn.Module):
    """Weighted mean of the parts, the weights a softmax of a linear score of each.

    The score starts at zero, so that training starts from the mean.

    Source: Yang et al., Hierarchical Attention Networks, NAACL 2016, without the hidden layer.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        # A constant added to every score changes no softmax, so there is no bias.
        self.score = nn.Linear(dim, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    def weights(self, values: Tensor, real: Tensor) -> Tensor:
        """values: (B, T, d); real: (B, T) bool. Returns (B, T), summing to 1 where there is a
        part."""
        score = self.score(values)[..., 0]
        score = score.masked_fill(~real, torch.finfo(score.dtype).min)
        weight: Tensor = torch.softmax(score, dim=1) * real
        return weight

    def forward(self, values: Tensor, real: Tensor) -> Tensor:
        """values: (B, T, d); real: (B, T) bool. Returns (B, d), zero where a case has no part."""
        pooled: Tensor = (self.weights(values, real)[..., None] * values).sum(1)
        return pooled
