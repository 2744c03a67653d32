"""Late: the mean of what each input says alone, with equal, learned or per-case weights.

Weights of the inputs present sum to 1, so the logit is the weighted mean of their logits, the
logarithmic opinion pool. Assumes that the inputs say the same thing twice rather than two things:
where each adds evidence of its own, the mean is too cautious, which calibration may undo. Where
models are trained on few cases it is hard to beat. All weights start equal.

Parameters: `equal` 0; `learned` M; `per_case` (sum of d_i + M + 1) * M.
Multiply-adds: `per_case` (sum of d_i + M) * M; else 0.

Source: Genest, Zidek, Combining probability distributions, Statistical Science 1:114 (1986);
per-case weights as the gate of Jacobs et al., Adaptive mixtures of local experts, Neural
Computation 3:79 (1991).
"""

from typing import Literal

import torch
from pydantic import BaseModel
from torch import Tensor, nn

from clinmm.fusion.cost import Cost, linear
from clinmm.fusion.slots import side_by_side, softmax_over


class Config(BaseModel, frozen=True, extra="forbid"):
    """weights: `equal`; `learned`, one for each input; or `per_case`, from what the inputs say."""

    weights: Literal["equal", "learned", "per_case"] = "equal"


def cost(config: Config, dims: list[int]) -> Cost:
    m = len(dims)
    if config.weights == "per_case":
        return linear(sum(dims) + m, m)
    return Cost(m if config.weights == "learned" else 0, 0)


class Fusion(nn.Module):
    weighs_answers = True

    def __init__(self, config: Config, dims: list[int]) -> None:
        super().__init__()
        self.out_dim = len(dims)
        self.preference: nn.Parameter | None = None
        self.gate: nn.Linear | None = None
        if config.weights == "learned":
            self.preference = nn.Parameter(torch.zeros(len(dims)))
        if config.weights == "per_case":
            self.gate = nn.Linear(sum(dims) + len(dims), len(dims))
            nn.init.zeros_(self.gate.weight)
            nn.init.zeros_(self.gate.bias)

    def forward(self, vectors: list[Tensor], present: Tensor) -> Tensor:
        """vectors: M tensors (B, d_i); present: (B, M) bool. Returns (B, M) weights."""
        preference = torch.zeros_like(present, dtype=vectors[0].dtype)
        if self.preference is not None:
            preference = preference + self.preference
        if self.gate is not None:
            preference = self.gate(side_by_side(vectors, present))
        return softmax_over(preference, present)
