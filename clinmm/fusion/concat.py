"""Side by side, with a hidden layer for interactions beside the plain evidence.

Assumes that absent inputs carry no evidence: their slot is zero, and a mark says so. The linear
path adds up what each input says; the hidden layer lets one input change the meaning of another.

Parameters: (sum of d_i + M + 1) * hidden. Multiply-adds: (sum of d_i + M) * hidden.

Source: early fusion as in Baltrusaitis et al., Multimodal machine learning, TPAMI 2019.
"""

import torch
from pydantic import BaseModel, Field
from torch import Tensor, nn

from clinmm.fusion.cost import Cost, linear
from clinmm.fusion.slots import side_by_side


class Config(BaseModel, frozen=True, extra="forbid"):
    """hidden: width of the interaction layer; 0 leaves it out."""

    hidden: int = Field(default=32, ge=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)


def cost(config: Config, dims: list[int]) -> Cost:
    return linear(sum(dims) + len(dims), config.hidden)


class Fusion(nn.Module):
    def __init__(self, config: Config, dims: list[int]) -> None:
        super().__init__()
        width = sum(dims) + len(dims)
        self.interact = (
            nn.Sequential(nn.Linear(width, config.hidden), nn.GELU(), nn.Dropout(config.dropout))
            if config.hidden
            else None
        )
        self.out_dim = width + config.hidden

    def forward(self, vectors: list[Tensor], present: Tensor) -> Tensor:
        """vectors: M tensors (B, d_i); present: (B, M) bool. Returns (B, out_dim)."""
        known = side_by_side(vectors, present)
        return known if self.interact is None else torch.cat([known, self.interact(known)], dim=1)
