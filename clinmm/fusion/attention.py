"""One layer of attention in which padding and absent inputs are never read."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from clinmm.fusion.cost import Cost
from clinmm.model import Tokens


class Attention(nn.Module):
    """Queries read keys, then think: both steps are added to the queries, each after a norm.

    Without biases on queries and keys, of which a softmax would cancel the keys'.

    Source: Vaswani et al., Attention is all you need, NeurIPS 2017; norms first as in Xiong et
    al., On layer normalization in the transformer architecture, ICML 2020.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width)
        self.think = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, queries: Tensor, keys: Tensor, real: Tensor) -> Tensor:
        """queries: (B, Q, width); keys: (B, T, width); real: (B, T) bool, at least one in a case.

        Returns (B, Q, width).
        """
        seen = self.norm(keys)
        key, value = (self._by_head(part) for part in self.key_value(seen).chunk(2, dim=-1))
        read = functional.scaled_dot_product_attention(
            self._by_head(self.query(self.norm(queries))), key, value, real[:, None, None]
        )
        queries = queries + self.drop(self.out(read.transpose(1, 2).flatten(2)))
        thought: Tensor = queries + self.drop(self.think(queries))
        return thought

    def _by_head(self, tokens: Tensor) -> Tensor:
        """(B, T, width) -> (B, heads, T, width / heads)."""
        b, t, width = tokens.shape
        return tokens.reshape(b, t, self.heads, width // self.heads).transpose(1, 2)


def attention_parameters(width: int) -> int:
    """
    >>> attention_parameters(4) == sum(p.numel() for p in Attention(4, 2, 0.0).parameters())
    True
    """
    return 8 * width**2 + 8 * width


def attention_multiply_adds(width: int, queries: int, keys: int) -> int:
    return 6 * queries * width**2 + 2 * keys * width**2 + 2 * queries * keys * width


class ToWidth(nn.Module):
    """Tokens of every input in one space: a linear map each, whose bias also says which input."""

    def __init__(self, token_dims: list[int], width: int) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(d, width) for d in token_dims)

    def forward(self, tokens: list[Tokens], present: Tensor) -> list[Tokens]:
        """tokens: M of (B, T_i, d_i); present: (B, M) bool. What is padding or of an absent input
        is zeroed before the map and marked as not real."""
        mapped = []
        for i, (values, real) in enumerate(tokens):
            seen = real & present[:, i : i + 1]
            kept = torch.where(seen[..., None], values, torch.zeros_like(values))
            mapped.append(Tokens(self.maps[i](kept), seen))
        return mapped


def to_width_cost(token_dims: list[int], width: int, lengths: list[int]) -> Cost:
    """lengths: tokens of each input."""
    return Cost(
        sum((d + 1) * width for d in token_dims),
        sum(t * d * width for t, d in zip(lengths, token_dims, strict=True)),
    )
