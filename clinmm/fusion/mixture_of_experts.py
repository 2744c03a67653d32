"""Several small networks read all inputs present; a router says, case by case, whom to believe.

Router and experts see the inputs side by side, absent slots zero, with a mark for each input
present, so that experts can share out the patterns of presence as well as the kinds of case.
Assumes that cases fall into kinds that are to be read differently, with enough cases of each.

The router starts equal. There is no loss to balance the load: without `top_k` every expert is
trained by every case, so none can starve. With it, only the best `top_k` answer, but the router
learns from what each of the others would have said (its gradient is that of the whole mixture,
passed straight through), so one that is never asked can win cases back. All experts are computed
either way: they are small.

Parameters, of n experts: (sum of d_i + M + 1) * n * (width + 1).
Multiply-adds: (sum of d_i + M) * n * (width + 1).

Source: Jacobs et al., Adaptive mixtures of local experts, Neural Computation 3:79 (1991); top_k as
in Shazeer et al., Outrageously large neural networks, ICLR 2017; for absent inputs, Han et al.,
FuseMoE, NeurIPS 2024.
"""

import torch
from pydantic import BaseModel, Field, PositiveInt, model_validator
from torch import Tensor, nn

from clinmm.fusion.cost import Cost, linear, total
from clinmm.fusion.slots import side_by_side


class Config(BaseModel, frozen=True, extra="forbid"):
    """experts: how many; top_k: of these, how many answer a case, 0 for all."""

    experts: PositiveInt = 4
    top_k: int = Field(default=0, ge=0)
    width: PositiveInt = 32
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _no_more_than_there_are(self) -> "Config":
        if self.top_k > self.experts:
            raise ValueError(f"top_k is {self.top_k}, but there are only {self.experts} experts")
        return self


def cost(config: Config, dims: list[int]) -> Cost:
    seen = sum(dims) + len(dims)
    return total(linear(seen, config.experts * config.width), linear(seen, config.experts))


class Fusion(nn.Module):
    def __init__(self, config: Config, dims: list[int]) -> None:
        super().__init__()
        self.out_dim, self.n_experts, self.top_k = config.width, config.experts, config.top_k
        seen = sum(dims) + len(dims)
        self.experts = nn.Sequential(
            nn.Linear(seen, config.experts * config.width), nn.GELU(), nn.Dropout(config.dropout)
        )
        self.router = nn.Linear(seen, config.experts)
        nn.init.zeros_(self.router.weight)
        nn.init.zeros_(self.router.bias)

    def forward(self, vectors: list[Tensor], present: Tensor) -> Tensor:
        """vectors: M tensors (B, d_i); present: (B, M) bool. Returns (B, width)."""
        known = side_by_side(vectors, present)
        answers = self.experts(known).reshape(len(known), self.n_experts, self.out_dim)
        fused: Tensor = (self.trust(known)[..., None] * answers).sum(1)
        return fused

    def trust(self, known: Tensor) -> Tensor:
        """(B, experts), how much each is believed; sums to 1."""
        of_all = torch.softmax(self.router(known), dim=1)
        if not self.top_k:
            return of_all
        best, which = of_all.detach().topk(self.top_k, dim=1)
        of_best = torch.zeros_like(of_all).scatter(1, which, best / best.sum(1, keepdim=True))
        return of_best + (of_all - of_all.detach())
