"""Perceptron over record columns, aware of what was not measured.

Numeric columns are standardised with the training cases' mean and deviation; each column, numeric
or categorical, carries a measured-or-not mark of its own.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field, PositiveInt
from torch import Tensor, nn

from clinmm.cases import Prepared
from clinmm.encoders.interface import Attributable, Located, Progress

FURTHEST = 5.0
"""z-scores beyond this are held: a typing error must not decide a case by itself."""


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
        self.numeric: dict[str, list[float]] = facts["numeric"]
        self.categorical: dict[str, list[str]] = facts["categorical"]
        n_values = len(self.numeric) + sum(len(values) for values in self.categorical.values())
        n_columns = len(self.numeric) + len(self.categorical)
        self.hidden = nn.Sequential(
            nn.Linear(n_values + n_columns, config.hidden), nn.GELU(), nn.Dropout(config.dropout)
        )
        self.out = nn.Linear(n_values + n_columns + config.hidden, config.out_dim)

    @staticmethod
    def learn(config: Config, raw: Sequence[dict[str, Any] | None], spec: Any) -> dict[str, Any]:
        """Mean and standard deviation of each numeric column, values of each categorical one."""
        rows = pd.DataFrame([row for row in raw if row is not None])
        numeric = {}
        for column in spec.numeric:
            values = pd.to_numeric(rows.get(column, pd.Series(dtype=float))).dropna()
            deviation = float(values.std(ddof=0)) if len(values) > 1 else 0.0
            mean = float(values.mean()) if len(values) else 0.0
            numeric[column] = [mean, deviation if deviation > 1e-9 else 1.0]
        categorical = {
            column: sorted(rows.get(column, pd.Series(dtype=str)).dropna().unique().tolist())
            for column in spec.categorical
        }
        return {"numeric": numeric, "categorical": categorical}

    def prepare(
        self, raw: Sequence[dict[str, Any] | None], progress: Progress | None = None
    ) -> Prepared:
        """values: (N, V) z-scores, then 0/1 per category; measured: (N, columns) 0/1.

        A category that training never saw has no mark of its own but counts as measured.
        """
        values = np.zeros(
            (len(raw), len(self.numeric) + sum(map(len, self.categorical.values()))), np.float32
        )
        measured = np.zeros((len(raw), len(self.numeric) + len(self.categorical)), np.float32)
        for i, row in enumerate(raw):
            if row is None:
                continue
            for j, (column, (mean, deviation)) in enumerate(self.numeric.items()):
                if pd.notna(row[column]):
                    z = (float(row[column]) - mean) / deviation
                    values[i, j] = np.clip(z, -FURTHEST, FURTHEST)
                    measured[i, j] = 1
            at = len(self.numeric)
            for j, (column, known) in enumerate(self.categorical.items(), len(self.numeric)):
                if isinstance(row[column], str):
                    measured[i, j] = 1
                    if row[column] in known:
                        values[i, at + known.index(row[column])] = 1
                at += len(known)
        return {"values": torch.from_numpy(values), "measured": torch.from_numpy(measured)}

    def start_from(self, prepared: Prepared) -> None:
        pass

    def forward(self, values: Tensor, measured: Tensor) -> Tensor:
        """values: (B, V), 0 where not measured; measured: (B, columns). Returns (B, out_dim)."""
        known = torch.cat([values, measured], dim=1)
        encoded: Tensor = self.out(torch.cat([known, self.hidden(known)], dim=1))
        return encoded

    def attributable(self, raw: dict[str, Any]) -> Attributable:
        """Values and marks side by side; the reference is a record in which nothing is measured."""
        known = torch.cat(list(self.prepare([raw]).values()), dim=1)
        return Attributable(known, torch.zeros_like(known))

    def trunk(self, values: Tensor, fixed: dict[str, Tensor]) -> Prepared:
        n_columns = len(self.numeric) + len(self.categorical)
        return {"values": values[:, :-n_columns], "measured": values[:, -n_columns:]}

    def located(self, attributions: NDArray[np.float32], raw: dict[str, Any]) -> Located:
        """A column's score is that of its value and of its having been measured."""
        columns = [*self.numeric, *self.categorical]
        sizes = [1] * len(self.numeric) + [len(v) for v in self.categorical.values()]
        owner = np.repeat(np.arange(len(columns)), sizes)
        score = attributions[-len(columns) :].astype(np.float64)
        np.add.at(score, owner, attributions[: len(owner)])
        return {"column": np.array(columns, dtype=str), "score": score.astype(np.float32)}
