"""Linear reading of thousands of columns, such as gene expression: few cases, many numbers.

Standardised columns and measured marks are read along the principal components of the training
cases (`parts/projection.py`), which does what a ridge penalty does: directions in which the
cases hardly differ hardly count. In training values are dropped at random, which for a
linear reading is a ridge penalty on standardised columns; a column that is always or never
measured carries no mark.

Reference:
    Wager, Wang, Liang. Dropout training as adaptive regularization. NeurIPS 2013.
    Hastie, Tibshirani, Friedman. The elements of statistical learning, 3.4.1 and 18.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from clinmm.cases import Prepared
from clinmm.cohort.record_rows import numbers, words
from clinmm.encoders.interface import Attributable, Located, Progress
from clinmm.encoders.parts import record_columns
from clinmm.encoders.parts.projection import Projection
from clinmm.encoders.parts.record_columns import RecordColumns, Row


class Config(BaseModel, frozen=True, extra="forbid"):
    """out_dim: components kept. column_dropout: share of the values that a training step lacks."""

    column_dropout: float = Field(default=0.2, ge=0, lt=1)
    out_dim: PositiveInt = 64


class Encoder(nn.Module):
    kind: ClassVar[str] = "record"

    def __init__(self, config: Config, facts: dict[str, Any]) -> None:
        super().__init__()
        self.config, self.facts, self.out_dim = config, facts, config.out_dim
        self.columns = RecordColumns(facts)
        self.marked = np.asarray(facts["marked"], dtype=np.int64)
        n_known = self.columns.n_values + len(self.marked)
        self.project = Projection(n_known, config.out_dim, each_feature=False)

    @staticmethod
    def learn(config: Config, raw: Sequence[Row | None], spec: Any) -> dict[str, Any]:
        """As of `mlp`, and `marked`: the columns that some training cases have and some lack."""
        rows = [row for row in raw if row is not None]
        here = np.concatenate(
            [
                ~np.isnan(numbers(rows, list(spec.numeric))),
                words(rows, list(spec.categorical)) != None,  # noqa: E711 - cell by cell
            ],
            axis=1,
        )
        marked = np.flatnonzero(here.any(0) & ~here.all(0))
        return {**record_columns.learn(raw, spec), "marked": marked.tolist()}

    def prepare(self, raw: Sequence[Row | None], progress: Progress | None = None) -> Prepared:
        """known: (N, V + marks) z-scores, 0/1 per category, then 0/1 where measured."""
        prepared = self.columns.prepare(raw)
        marks = prepared["measured"][:, self.marked]
        return {"known": torch.cat([prepared["values"], marks], dim=1)}

    def start_from(self, prepared: Prepared) -> None:
        self.project.start_from(prepared["known"])

    def forward(self, known: Tensor) -> Tensor:
        """known: (B, V + marks). Returns (B, out_dim)."""
        dropped = functional.dropout(known, self.config.column_dropout, self.training)
        encoded: Tensor = self.project(dropped)
        return encoded

    def attributable(self, raw: Row) -> Attributable:
        """The reference is a record in which nothing is measured."""
        known = self.prepare([raw])["known"]
        return Attributable(known, torch.zeros_like(known))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        return {"known": values}

    def located(self, attributions: NDArray[np.float32], raw: Row) -> Located:
        """A column's score is that of its value and of its mark, where it has one."""
        n_values = self.columns.n_values
        both = np.zeros(n_values + len(self.columns.names), np.float32)
        both[:n_values] = attributions[:n_values]
        both[n_values + self.marked] = attributions[n_values:]
        return self.columns.located(both)
