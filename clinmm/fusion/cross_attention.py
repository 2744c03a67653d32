"""The parts of each input (words, columns, regions) look at the parts of the others.

An input's tokens attend to those of all other inputs present and to one learned token that stands
for nothing, so that a case with a single input, or none, needs no rule of its own. Then the mean
over an input's tokens is its slot of the result; slots of absent inputs are zero. One layer serves
all inputs: the map of each into the common space tells them apart, which keeps the number of
parameters fit for small cohorts. Assumes that it matters which part of one input meets which part
of another. An input without parts is one token; with such inputs alone, `concat` says as much.

With t_i the width of the tokens of an input, T_i their number, T their sum, w the width:
Parameters: (sum of t_i + M) * w + w + layers * (8 w^2 + 8 w).
Multiply-adds: sum of T_i t_i w + layers * sum over i of (6 T_i w^2 + 2 K_i w^2 + 2 T_i K_i w),
where K_i = T - T_i + 1.

Source: Tsai et al., Multimodal transformer for unaligned multimodal language sequences, ACL 2019,
with layers shared by all pairs of inputs.
"""

import torch
from pydantic import BaseModel, Field, PositiveInt, model_validator
from torch import Tensor, nn

from clinmm.fusion.attention import (
    Attention,
    ToWidth,
    attention_multiply_adds,
    attention_parameters,
    to_width_cost,
)
from clinmm.fusion.cost import Cost, total
from clinmm.fusion.slots import present_only
from clinmm.model import Tokens


class Config(BaseModel, frozen=True, extra="forbid"):
    """width: of the common space, a multiple of heads."""

    width: PositiveInt = 32
    heads: PositiveInt = 4
    layers: PositiveInt = 1
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _width_in_heads(self) -> "Config":
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        return self


def cost(config: Config, dims: list[int], token_dims: list[int], lengths: list[int]) -> Cost:
    """lengths: tokens of each input."""
    w, whole = config.width, sum(lengths)
    layer = Cost(
        attention_parameters(w),
        sum(attention_multiply_adds(w, t, whole - t + 1) for t in lengths),
    )
    return total(to_width_cost(token_dims, w, lengths), Cost(w, 0), *[layer] * config.layers)


class Fusion(nn.Module):
    reads_tokens = True

    def __init__(self, config: Config, dims: list[int], token_dims: list[int]) -> None:
        super().__init__()
        self.out_dim = len(dims) * config.width
        self.to_width = ToWidth(token_dims, config.width)
        self.nothing = nn.Parameter(torch.randn(config.width) / config.width**0.5)
        self.layers = nn.ModuleList(
            Attention(config.width, config.heads, config.dropout) for _ in range(config.layers)
        )

    def forward(self, vectors: list[Tensor], present: Tensor, tokens: list[Tokens]) -> Tensor:
        """vectors: not read; present: (B, M) bool; tokens: of each input. Returns (B, out_dim)."""
        parts = self.to_width(tokens, present)
        for layer in self.layers:
            parts = [
                Tokens(layer(own.values, *self._others(parts, i)), own.real)
                for i, own in enumerate(parts)
            ]
        return torch.cat(present_only([_mean(own) for own in parts], present), dim=1)

    def _others(self, parts: list[Tokens], i: int) -> Tokens:
        """The tokens of every other input, behind the one that stands for nothing."""
        n = len(parts[i].real)
        nothing = Tokens(
            self.nothing.expand(n, 1, -1),
            torch.ones(n, 1, dtype=torch.bool, device=parts[i].real.device),
        )
        others = [nothing, *parts[:i], *parts[i + 1 :]]
        return Tokens(
            torch.cat([part.values for part in others], dim=1),
            torch.cat([part.real for part in others], dim=1),
        )


def _mean(tokens: Tokens) -> Tensor:
    """(B, width) over the real ones; zero where there is none."""
    kept = torch.where(tokens.real[..., None], tokens.values, 0.0).sum(1)
    mean: Tensor = kept / tokens.real.sum(1, keepdim=True).clamp_min(1)
    return mean
