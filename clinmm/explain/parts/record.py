"""A record in columns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cases import Prepared
from clinmm.cohort.record_rows import rows_of
from clinmm.encoders.interface import Located
from clinmm.explain.joint import Joint

MOST_COLUMNS = 500
"""Of a wider record the parts are the columns that lie furthest from the reference."""


class RecordParts:
    """The columns that the encoder reads and the case has. labels: their names."""

    smooth = False

    def __init__(self, joint: Joint, name: str) -> None:
        self.joint, self.name = joint, name
        row: Mapping[str, Any] = dict(joint.raw[name])
        words = [column for column, cell in row.items() if isinstance(cell, str)]
        numbers = [column for column in row if column not in set(words)]
        self.columns = [*numbers, *words]
        self.numbers = np.array([_number(row[c]) for c in numbers], dtype=np.float64)
        self.words = np.array([row[c] for c in words], dtype=object)
        recorded = {*words, *np.array(numbers, dtype=object)[~np.isnan(self.numbers)]}
        far = self._far_from_reference()
        read = [column for column in row if column in recorded and column in far]
        kept = set(sorted(read, key=lambda column: -far[column])[:MOST_COLUMNS])
        self.labels = [column for column in read if column in kept]
        self.n = len(self.labels)
        self.grid: tuple[int, ...] = (self.n,)
        place = {column: i for i, column in enumerate(self.columns)}
        self.places = np.array([place[column] for column in self.labels], dtype=np.intp)

    def _far_from_reference(self) -> dict[str, float]:
        """Each column that the encoder reads -> how far the case is from the reference in it."""
        reference = self.joint.references[self.joint.names.index(self.name)]
        apart = (self.joint.cases[self.name].values - reference).abs().mean(0).numpy()
        encoder = self.joint.encoder(self.name)
        return _by_column(encoder.located(apart, self.joint.raw[self.name]))

    def without(self, removed: NDArray[np.bool_]) -> Prepared:
        gone = np.zeros((len(removed), len(self.columns)), dtype=bool)
        gone[:, self.places] = removed
        n = len(self.numbers)
        numbers = np.where(gone[:, :n], np.nan, self.numbers)
        words = np.repeat(self.words[None], len(removed), axis=0)
        words[gone[:, n:]] = None
        table = pd.concat([pd.DataFrame(numbers), pd.DataFrame(words, dtype=object)], axis=1)
        return self.joint.prepared(self.name, list(rows_of(table.set_axis(self.columns, axis=1))))

    def scores(self, located: Located) -> NDArray[np.float64]:
        """A column of which the method says nothing gets 0."""
        said = _by_column(located)
        return np.array([said.get(column, 0.0) for column in self.labels], dtype=np.float64)

    def located(self, scores: NDArray[np.float64]) -> Located:
        return {"column": np.array(self.labels, dtype=str), "score": scores.astype(np.float32)}


def _number(cell: Any) -> float:
    return np.nan if cell is None else float(cell)


def _by_column(located: Located) -> dict[str, float]:
    """Column -> the sum of its scores."""
    said: dict[str, float] = {}
    for column, score in zip(located["column"].tolist(), located["score"].tolist(), strict=True):
        said[column] = said.get(column, 0.0) + score
    return said
