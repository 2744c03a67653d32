"""Products of all inputs present, through factors of low rank: what one input says scales another.

    fused = sum over r of (product over present i of (1 + tanh(W_ir z_i + b_ir)) - 1)

Multiplied out, this holds every input on its own, every pair, up to the product of all. An absent
input is the neutral factor 1, and so is one that says nothing; a case without any input gives 0.
The tanh keeps each factor between 0 and 2, so that no product can run away. Assumes that what
matters are joint effects (this finding counts only with that value), of which `rank` kinds are
enough for each number of the result.

Parameters: (sum of d_i + M) * rank * width. Multiply-adds: (sum of d_i) * rank * width.

Source: Liu et al., Efficient low-rank multimodal fusion with modality-specific factors, ACL 2018,
where every input is present and W z has a 1 appended to z; the tanh as in Kim et al., Hadamard
product for low-rank bilinear pooling, ICLR 2017.
"""

import torch
from pydantic import BaseModel, PositiveInt
from torch import Tensor, nn

from clinmm.fusion.cost import Cost, linear, total
from clinmm.fusion.slots import present_only


class Config(BaseModel, frozen=True, extra="forbid"):
    """width: of the result; rank: products that are added up for each number of it."""

    width: PositiveInt = 32
    rank: PositiveInt = 4


def cost(config: Config, dims: list[int]) -> Cost:
    return total(*(linear(d, config.rank * config.width) for d in dims))


class Fusion(nn.Module):
    def __init__(self, config: Config, dims: list[int]) -> None:
        super().__init__()
        self.out_dim, self.rank = config.width, config.rank
        self.factors = nn.ModuleList(nn.Linear(d, config.rank * config.width) for d in dims)

    def forward(self, vectors: list[Tensor], present: Tensor) -> Tensor:
        """vectors: M tensors (B, d_i); present: (B, M) bool. Returns (B, width)."""
        product = torch.ones((), dtype=vectors[0].dtype, device=present.device)
        for i, z in enumerate(present_only(vectors, present)):
            said = torch.tanh(self.factors[i](z))
            product = product * (1 + torch.where(present[:, i : i + 1], said, 0.0))
        fused: Tensor = (product - 1).reshape(len(present), self.rank, self.out_dim).sum(1)
        return fused
