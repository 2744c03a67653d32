"""From frozen features to a few numbers: principal components, then trained further.

With a few hundred patients a projection that starts at the directions in which the training
cases differ, and is stopped early, does what a ridge penalty does for a logistic regression:
directions of small variance hardly move. It stands between every frozen encoder and the fusion.
"""

import torch
from torch import Tensor, nn

TOTAL_DEVIATION = 20.0
"""Features under one scale get this total standard deviation, as 400 standardised ones have: the
step size that suits features of a network then suits them too."""

FURTHEST = 4.0
"""Standardised features beyond this are held: a picture unlike any in training must not get a
logit unlike any in training."""


class Projection(nn.Module):
    """(B, in_dim) features -> (B, out_dim), of total variance 1 on the training cases.

    each_feature: divide every feature by its own standard deviation (features of a network);
        otherwise one scale serves all of them (term weights, whose size means something).
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, in_dim: int, out_dim: int, *, each_feature: bool = True) -> None:
        super().__init__()
        self.each_feature = each_feature
        self.register_buffer("mean", torch.zeros(in_dim))
        self.register_buffer("deviation", torch.ones(in_dim))
        self.linear = nn.Linear(in_dim, out_dim)

    def start_from(self, features: Tensor) -> None:
        """features: (N, in_dim) of the training cases that have the input; N at least 2."""
        self.mean.copy_(features.mean(0))
        deviation = features.std(0, unbiased=False)
        if not self.each_feature:
            deviation = (deviation.square().sum().sqrt() / TOTAL_DEVIATION).expand_as(deviation)
        # A feature that never moves in training must not explode in use.
        self.deviation.copy_(torch.where(deviation > 1e-6, deviation, torch.ones(())))
        centred = (features - self.mean) / self.deviation
        _, size, directions = torch.linalg.svd(centred, full_matrices=False)
        total = (size.square().sum() / len(features)).sqrt().clamp_min(1e-12)
        kept = min(self.linear.out_features, len(directions))
        # The sign of a singular vector is arbitrary; fix it so that every machine agrees.
        largest = directions.abs().argmax(1, keepdim=True)
        directions = directions * directions.gather(1, largest).sign()
        with torch.no_grad():
            self.linear.weight.zero_()
            self.linear.weight[:kept] = directions[:kept] / total
            self.linear.bias.zero_()

    def forward(self, features: Tensor) -> Tensor:
        """features: (B, in_dim). Returns (B, out_dim)."""
        scaled = (features - self.mean) / self.deviation
        if self.each_feature:
            scaled = scaled.clamp(-FURTHEST, FURTHEST)
        projected: Tensor = self.linear(scaled)
        return projected
