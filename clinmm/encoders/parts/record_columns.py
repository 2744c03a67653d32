"""Columns of a record as tensors: z-scores, categories and what was measured. Shared by record
encoders."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm.cases import Prepared
from clinmm.cohort.record_rows import numbers, words
from clinmm.encoders.interface import Attributable, Located

FURTHEST = 5.0
"""z-scores beyond this are held: a typing error must not decide a case by itself."""

Row = Mapping[str, Any]


class RecordColumns:
    """The columns that training cases taught.

    facts: `numeric`, column -> (mean, standard deviation); `categorical`, column -> its values.
    """

    def __init__(self, facts: dict[str, Any]) -> None:
        self.numeric: dict[str, list[float]] = facts["numeric"]
        self.categorical: dict[str, list[str]] = facts["categorical"]
        self.names = [*self.numeric, *self.categorical]
        self.sizes = [1] * len(self.numeric) + [len(v) for v in self.categorical.values()]

    @property
    def n_values(self) -> int:
        return sum(self.sizes)

    def prepare(self, raw: Sequence[Row | None]) -> Prepared:
        """values: (N, V) z-scores, then 0/1 per category; measured: (N, columns) 0/1.

        A category that training never saw has no mark of its own but counts as measured.
        """
        values = np.zeros((len(raw), self.n_values), np.float32)
        measured = np.zeros((len(raw), len(self.names)), np.float32)
        k = len(self.numeric)
        if k:
            mean, deviation = np.array(list(self.numeric.values())).T
            z = (numbers(raw, list(self.numeric)) - mean) / deviation
            known = ~np.isnan(z)
            measured[:, :k] = known
            values[:, :k] = np.where(known, np.clip(z, -FURTHEST, FURTHEST), 0)
        cells, at = words(raw, list(self.categorical)), k
        for j, categories in enumerate(self.categorical.values()):
            place = {category: i for i, category in enumerate(categories)}
            measured[:, k + j] = [cell is not None for cell in cells[:, j]]
            for row, cell in enumerate(cells[:, j]):
                if cell in place:
                    values[row, at + place[cell]] = 1
            at += len(categories)
        return {"values": torch.from_numpy(values), "measured": torch.from_numpy(measured)}

    def attributable(self, raw: Row) -> Attributable:
        """Values and marks of one record side by side; in the reference nothing is measured."""
        known = torch.cat(list(self.prepare([raw]).values()), dim=1)
        return Attributable(known, torch.zeros_like(known))

    def apart(self, known: Tensor) -> Prepared:
        """Values and marks side by side -> what `prepare` gives."""
        n_columns = len(self.names)
        return {"values": known[:, :-n_columns], "measured": known[:, -n_columns:]}

    def located(self, attributions: NDArray[np.float32]) -> Located:
        """(V + columns,) attributions of values and marks -> `score`, all that falls on a column,
        and `mark`, the part of it that is due to its having been measured or not."""
        owner = np.repeat(np.arange(len(self.names)), self.sizes)
        of_values, of_marks = attributions[: len(owner)], attributions[len(owner) :]
        score = of_marks.astype(np.float64)
        np.add.at(score, owner, of_values)
        return {
            "column": np.array(self.names, dtype=str),
            "score": score.astype(np.float32),
            "mark": of_marks.astype(np.float32),
        }


def learn(raw: Sequence[Row | None], spec: Any) -> dict[str, Any]:
    """Mean and standard deviation of each numeric column, values of each categorical one, from the
    rows of training cases (None = absent)."""
    rows = [row for row in raw if row is not None]
    numeric = {}
    table = numbers(rows, list(spec.numeric))
    for column, cells in zip(spec.numeric, table.T, strict=True):
        known = cells[~np.isnan(cells)]
        deviation = float(known.std()) if len(known) > 1 else 0.0
        mean = float(known.mean()) if len(known) else 0.0
        numeric[column] = [mean, deviation if deviation > 1e-9 else 1.0]
    cells = words(rows, list(spec.categorical))
    categorical = {
        column: sorted({cell for cell in cells[:, j] if cell is not None})
        for j, column in enumerate(spec.categorical)
    }
    return {"numeric": numeric, "categorical": categorical}
