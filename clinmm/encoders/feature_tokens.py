"""FT-Transformer: every column of the record is a token, and attention lets them interact.

A numeric column's token is its z-score times a learned vector plus a learned bias; a category's is
a learned vector of its own plus the column's bias. A column that was not measured has a learned
token too, so that not to measure can mean something. A leading token gathers the rest. Each layer
is a pre-normalised transformer layer with ReGLU; cost grows with the square of the columns, so
take `wide` for thousands of them.

Reference:
    Gorishniy, Rubachev, Khrulkov, Babenko. Revisiting deep learning models for tabular data.
    NeurIPS 2021, section 3.3.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.parts import record_columns
from clinmm.encoders.parts.looked_at import rolled_out
from clinmm.encoders.parts.record_columns import RecordColumns, Row
from clinmm.errors import InputError

MOST_COLUMNS = 1000
"""Attention among more columns costs more than it tells."""


class Config(BaseModel, frozen=True, extra="forbid"):
    """width: of a token. heads: of the attention; divides the width. layers: of the transformer."""

    width: PositiveInt = 32
    heads: PositiveInt = 4
    layers: PositiveInt = 2
    dropout: float = Field(default=0.1, ge=0, lt=1)
    out_dim: PositiveInt = 32

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"heads: {self.heads} heads do not divide a width of {self.width}.")
        return self


class Encoder(nn.Module):
    kind: ClassVar[str] = "record"
    owner: Tensor

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.token_dim = config.width
        self.columns = RecordColumns(facts)
        n, width = len(self.columns.names), config.width
        self.direction = nn.Parameter(_small(self.columns.n_values, width))
        self.bias = nn.Parameter(_small(n, width))
        self.not_measured = nn.Parameter(_small(n, width))
        self.gathers = nn.Parameter(_small(1, width))
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.out_dim))
        owner = torch.repeat_interleave(torch.arange(n), torch.tensor(self.columns.sizes))
        self.register_buffer("owner", owner, persistent=False)

    @staticmethod
    def check(config: Config, spec: Any) -> None:
        """Raises InputError where there are more columns than attention is for."""
        if (n := len(spec.numeric) + len(spec.categorical)) > MOST_COLUMNS:
            raise InputError(
                f"feature_tokens: {n} columns, at most {MOST_COLUMNS} make tokens. Use wide."
            )

    @staticmethod
    def learn(config: Config, raw: Sequence[Row | None], spec: Any) -> dict[str, Any]:
        """Mean and standard deviation of each numeric column, values of each categorical one."""
        Encoder.check(config, spec)
        return record_columns.learn(raw, spec)

    def prepare(self, raw: Sequence[Row | None], progress: Progress | None = None) -> Prepared:
        """See `RecordColumns.prepare`."""
        return self.columns.prepare(raw)

    def start_from(self, prepared: Prepared) -> None:
        pass

    def with_tokens(self, values: Tensor, measured: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, out_dim), the columns' tokens (B, columns, width), all of them real: also of the
        record in which nothing is measured, from which the path of an explanation starts."""
        tokens = torch.cat(
            [self.gathers.expand(len(values), 1, -1), self._columns(values, measured)], dim=1
        )
        for layer in self.layers:
            tokens = layer(tokens)
        of_columns = tokens[:, 1:]
        real = torch.ones(of_columns.shape[:2], dtype=torch.bool, device=values.device)
        return self.out(tokens[:, 0]), of_columns, real

    def _columns(self, values: Tensor, measured: Tensor) -> Tensor:
        """(B, columns, width). On the path of an explanation a mark lies between 0 and 1, and the
        token between the learned one of its absence and its own."""
        own = self.bias.expand(len(values), -1, -1)
        own = own.index_add(1, self.owner, values[..., None] * self.direction)
        mark = measured[..., None].to(own.dtype)
        tokens: Tensor = mark * own + (1 - mark) * self.not_measured
        return tokens

    def forward(self, values: Tensor, measured: Tensor) -> Tensor:
        """values: (B, V), 0 where not measured; measured: (B, columns). Returns (B, out_dim)."""
        return self.with_tokens(values, measured)[0]

    def attention(self, values: Tensor, fixed: dict[str, Tensor]) -> Tensor:
        """(1, V + columns), on the columns' marks what the leading token takes from each, through
        all layers."""
        tokens = torch.cat([self.gathers[None], self._columns(**self.columns.apart(values))], dim=1)
        layers = []
        for layer in self.layers:
            layers.append(layer.looks_at(tokens))  # type: ignore[operator]
            tokens = layer(tokens)
        from_columns = rolled_out(layers)[:, 0, 1:]
        share = from_columns / from_columns.sum(1, keepdim=True)
        return torch.cat([values.new_zeros(1, self.columns.n_values), share], dim=1)

    def attributable(self, raw: Row) -> Attributable:
        """Values and marks side by side; the reference is a record in which nothing is measured."""
        return self.columns.attributable(raw)

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return self.columns.apart(values)

    def located(self, attributions: NDArray[np.float32], raw: Row) -> Located:
        """A column's score is that of its value and of its having been measured."""
        return self.columns.located(attributions)


class _Layer(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        width, hidden = config.width, max(1, config.width * 4 // 3)
        self.before = nn.LayerNorm(width)
        self.attend = nn.MultiheadAttention(
            width, config.heads, dropout=config.dropout, batch_first=True
        )
        self.between = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, 2 * hidden), nn.Linear(hidden, width)
        self.drop = nn.Dropout(config.dropout)

    def looks_at(self, tokens: Tensor) -> Tensor:
        """(B, heads, T, T) attention of each token to each."""
        x = self.before(tokens)
        weights: Tensor = self.attend(x, x, x, average_attn_weights=False)[1]
        return weights

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.before(tokens)
        tokens = tokens + self.drop(self.attend(x, x, x, need_weights=False)[0])
        value, gate = self.widen(self.between(tokens)).chunk(2, dim=-1)
        whole: Tensor = tokens + self.drop(self.narrow(value * functional.relu(gate)))
        return whole


def _small(n: int, width: int) -> Tensor:
    """As the paper's tokenizer starts: uniform within 1 / sqrt(width)."""
    drawn: Tensor = (torch.rand(n, width) * 2 - 1) / width**0.5
    return drawn
