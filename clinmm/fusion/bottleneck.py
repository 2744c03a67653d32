"""Inputs hear of each other through a few shared latents only.

In each layer the tokens of an input and the latents attend to one another; the latents that come
out are averaged over the inputs present and go into the next layer, where every input reads them.
What one input tells another has to pass through so few vectors that only what matters does, and the
cost does not grow with the product of two inputs' lengths. The last latents are the result. With
the first layer the latents gather, with the second the inputs hear: so there are at least two.
Layers serve all inputs, as in `cross_attention`. Assumes that inputs are long and that little of
each concerns the others.

With t_i the width of the tokens of an input, T_i their number, w the width, L the latents:
Parameters: (sum of t_i + M + L) * w + layers * (8 w^2 + 8 w).
Multiply-adds: sum of T_i t_i w + sum over i of ((layers - 1) * a(T_i + L) + a(L)), where
a(Q) = 6 Q w^2 + 2 (T_i + L) w^2 + 2 Q (T_i + L) w.

Source: Nagrani et al., Attention bottlenecks for multimodal fusion, NeurIPS 2021, with layers
shared by the inputs and the latents read out in place of a class token.
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
    """width: of the common space, a multiple of heads; latents: how many are shared."""

    width: PositiveInt = 32
    latents: PositiveInt = 4
    heads: PositiveInt = 4
    layers: int = Field(default=2, ge=2)
    dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _width_in_heads(self) -> "Config":
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is no multiple of heads {self.heads}")
        return self


def cost(config: Config, dims: list[int], token_dims: list[int], lengths: list[int]) -> Cost:
    """lengths: tokens of each input."""
    w, latents = config.width, config.latents
    attending = sum(
        (config.layers - 1) * attention_multiply_adds(w, t + latents, t + latents)
        + attention_multiply_adds(w, latents, t + latents)
        for t in lengths
    )
    layers = Cost(config.layers * attention_parameters(w), attending)
    return total(to_width_cost(token_dims, w, lengths), Cost(latents * w, 0), layers)


class Fusion(nn.Module):
    reads_tokens = True

    def __init__(self, config: Config, dims: list[int], token_dims: list[int]) -> None:
        super().__init__()
        self.out_dim = config.latents * config.width
        self.to_width = ToWidth(token_dims, config.width)
        self.latents = nn.Parameter(torch.randn(config.latents, config.width) / config.width**0.5)
        self.layers = nn.ModuleList(
            Attention(config.width, config.heads, config.dropout) for _ in range(config.layers)
        )

    def forward(self, vectors: list[Tensor], present: Tensor, tokens: list[Tokens]) -> Tensor:
        """vectors: not read; present: (B, M) bool; tokens: of each input. Returns (B, out_dim)."""
        parts = self.to_width(tokens, present)
        latents = self.latents.expand(len(present), -1, -1)
        for number, layer in enumerate(self.layers, start=1):
            heard = []
            for i, own in enumerate(parts):
                keys, real = _with_latents(own, latents)
                # of the last layer only the latents are read
                queries = latents if number == len(self.layers) else keys
                out = layer(queries, keys, real)
                heard.append(out[:, : latents.shape[1]])
                parts[i] = Tokens(out[:, latents.shape[1] :], own.real)
            latents = _mean(heard, present, latents)
        return latents.flatten(1)


def _with_latents(own: Tokens, latents: Tensor) -> Tokens:
    """The latents, always real, before an input's tokens."""
    always = torch.ones(latents.shape[:2], dtype=torch.bool, device=latents.device)
    return Tokens(torch.cat([latents, own.values], 1), torch.cat([always, own.real], 1))


def _mean(heard: list[Tensor], present: Tensor, before: Tensor) -> Tensor:
    """(B, L, width) over the inputs present; as before where there is none."""
    kept = present_only([h.flatten(1) for h in heard], present)
    mean = torch.stack(kept).sum(0) / present.sum(1, keepdim=True).clamp_min(1)
    some = present.any(1)[:, None, None]
    return torch.where(some, mean.view_as(before), before)
