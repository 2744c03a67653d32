"""Perceptron over record columns, aware of what was not measured.

Numeric columns are standardised with the training cases' mean and deviation; each column, numeric
or categorical, carries a measured-or-not mark of its own.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt
from torch import Tensor, nn

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.parts import record_columns
from clinmm.encoders.parts.record_columns import RecordColumns, Row


class Config(BaseModel, frozen=True, extra="forbid"):
    """hidden: width of the hidden layer; a linear path runs beside it."""

    hidden: PositiveInt = 32
    dropout: float = Field(default=0.1, ge=0, lt=1)
    out_dim: PositiveInt = 32


class Encoder(nn.Module):
    kind: ClassVar[str] = "record"

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.columns = RecordColumns(facts)
        n_known = self.columns.n_values + len(self.columns.names)
        self.hidden = nn.Sequential(
            nn.Linear(n_known, config.hidden), nn.GELU(), nn.Dropout(config.dropout)
        )
        self.out = nn.Linear(n_known + config.hidden, config.out_dim)

    @staticmethod
    def learn(config: Config, raw: Sequence[Row | None], spec: Any) -> dict[str, Any]:
        """Mean and standard deviation of each numeric column, values of each categorical one."""
        return record_columns.learn(raw, spec)

    def prepare(self, raw: Sequence[Row | None], progress: Progress | None = None) -> Prepared:
        """See `RecordColumns.prepare`."""
        return self.columns.prepare(raw)

    def start_from(self, prepared: Prepared) -> None:
        pass

    def forward(self, values: Tensor, measured: Tensor) -> Tensor:
        """values: (B, V), 0 where not measured; measured: (B, columns). Returns (B, out_dim)."""
        known = torch.cat([values, measured], dim=1)
        encoded: Tensor = self.out(torch.cat([known, self.hidden(known)], dim=1))
        return encoded

    def attributable(self, raw: Row) -> Attributable:
        """Values and marks side by side; the reference is a record in which nothing is measured."""
        return self.columns.attributable(raw)

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return self.columns.apart(values)

    def located(self, attributions: NDArray[np.float32], raw: Row) -> Located:
        """A column's score is that of its value and of its having been measured."""
        return self.columns.located(attributions)
