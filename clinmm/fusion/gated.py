"""Each input is weighed case by case: a gate sees all inputs and decides how much each counts.

Gates of the inputs present sum to 1, so the size of the result does not depend on how many there
are. Gates start equal, which is the mean of the inputs. Assumes that the inputs speak about the
same thing, so that their vectors can be averaged.

Parameters: (sum of d_i + M) * width + (sum of d_i + M + 1) * M.
Multiply-adds: (sum of d_i) * width + (sum of d_i + M) * M.

Source: Arevalo et al., Gated multimodal units, ICLR workshop 2017, with a softmax over the inputs
present.
"""

import torch
from pydantic import BaseModel, PositiveInt
from torch import Tensor, nn

from clinmm.fusion.cost import Cost, linear, total
from clinmm.fusion.slots import present_only, side_by_side, softmax_over


class Config(BaseModel, frozen=True, extra="forbid"):
    """width: size of the common space."""

    width: PositiveInt = 64


def cost(config: Config, dims: list[int]) -> Cost:
    to_common = [linear(d, config.width) for d in dims]
    return total(*to_common, linear(sum(dims) + len(dims), len(dims)))


class Fusion(nn.Module):
    def __init__(self, config: Config, dims: list[int]) -> None:
        super().__init__()
        self.out_dim = config.width
        self.to_common = nn.ModuleList(nn.Linear(d, config.width) for d in dims)
        self.gate = nn.Linear(sum(dims) + len(dims), len(dims))
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, vectors: list[Tensor], present: Tensor) -> Tensor:
        """vectors: M tensors (B, d_i); present: (B, M) bool. Returns (B, width)."""
        slots = present_only(vectors, present)
        weight = softmax_over(self.gate(side_by_side(vectors, present)), present)
        common = torch.stack([f(z) for f, z in zip(self.to_common, slots, strict=True)], dim=1)
        fused: Tensor = (weight[..., None] * common).sum(1)
        return fused
