"""Readings as plain columns: what every estimate is made of."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.metrics.weighted import Array

WHO = ("reader", "case_id", "patient_id", "arm")
"""Columns of text, kept as numbers in the order of the names."""


@dataclass(frozen=True, eq=False)
class Readings:
    """Readings, one row each.

    who: name of WHO -> (n,) number. names: name of WHO -> the names that are numbered.
    values: other columns, (n,) each, NaN where nothing is known.
    """

    who: dict[str, NDArray[np.integer[Any]]]
    names: dict[str, list[str]]
    values: dict[str, Array]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Readings":
        """From a table with the columns WHO and others of numbers."""
        who: dict[str, NDArray[np.integer[Any]]] = {}
        names: dict[str, list[str]] = {}
        for name in WHO:
            who[name], found = pd.factorize(frame[name], sort=True)
            names[name] = [str(one) for one in found]
        others = [str(name) for name in frame.columns if name not in WHO]
        values = {name: frame[name].to_numpy(dtype=np.float64) for name in others}
        return cls(who, names, values)

    def __len__(self) -> int:
        return self.who["reader"].size

    def __getitem__(self, name: str) -> Array:
        return self.values[name]

    def take(self, keep: NDArray[Any]) -> "Readings":
        """The rows where keep is true, or of the numbers in keep."""
        return Readings(
            {name: column[keep] for name, column in self.who.items()},
            self.names,
            {name: column[keep] for name, column in self.values.items()},
        )

    def by(self, name: str) -> dict[str, "Readings"]:
        """The readings of each reader or arm, by name in alphabetical order."""
        numbers = np.unique(self.who[name])
        return {self.names[name][i]: self.take(self.who[name] == i) for i in numbers}

    @cached_property
    def n_patients(self) -> int:
        return self.patients_where(np.ones(len(self), dtype=bool))

    def patients_where(self, rows: NDArray[np.bool_]) -> int:
        """How many patients have any of the rows."""
        return int(np.unique(self.who["patient_id"][rows]).size)
