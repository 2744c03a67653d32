"""Each input is weighed case by case: a gate sees all inputs and decides how much each counts.

Gates of the inputs present sum to 1, so the size of the result does not depend on how many there
are. Gates start equal, which is the mean of the inputs. Assumes that the inputs speak about the
same thing, so that their vectors can be averaged. Cost: (sum of d_i) * (width + M) parameters and
multiply-adds a case.

Source: Arevalo et al., Gated multimodal units, ICLR workshop 2017, with a softmax over the inputs
present.
"""

import torch
from pydantic import BaseModel, PositiveInt
from torch import Tensor, nn


class Config(BaseModel, frozen=True, extra="forbid"):
    """width: size of the common space."""

    width: PositiveInt = 64


class Fusion(nn.Module):
    def __init__(self, config: Config, dims: list[int]) -> None:
        super().__init__()
        self.out_dim = config.width
        self.to_common = nn.ModuleList(nn.Linear(d, config.width) for d in dims)
        self.gate = nn.Linear(sum(dims) + len(dims), len(dims))
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, encoded: list[Tensor], present: Tensor) -> Tensor:
        """encoded: M tensors (B, d_i); present: (B, M) bool. Returns (B, width)."""
        slots = [
            torch.where(present[:, i : i + 1], z, torch.zeros_like(z))
            for i, z in enumerate(encoded)
        ]
        gate = self.gate(torch.cat([*slots, present.to(slots[0].dtype)], dim=1))
        # A case without any input would be 0/0; its output is set to zero below.
        open_to = gate.masked_fill(~present, torch.finfo(gate.dtype).min)
        weight = torch.softmax(open_to, dim=1) * present
        common = torch.stack([f(z) for f, z in zip(self.to_common, slots, strict=True)], dim=1)
        fused: Tensor = (weight[..., None] * common).sum(1)
        return fused
