"""The cases that are scored together."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.metrics.weighted import Array


@dataclass(frozen=True, eq=False)
class Sample:
    """The cases of one arm, one class and one subset, in order of (repeat, fold).

    y_true: (n,) 0 or 1. columns: name -> (n,) probabilities or 0/1 calls (NaN: no call possible).
    patient: (n,) row in Draws. case: (n,) number of the case. repeat, fold: (n,).
    """

    y_true: Array
    columns: dict[str, Array]
    patient: NDArray[np.int64]
    case: NDArray[np.int64]
    repeat: NDArray[np.int64]
    fold: NDArray[np.int64]

    def __post_init__(self) -> None:
        later = np.diff(self.repeat)
        if np.any(later < 0) or np.any((later == 0) & (np.diff(self.fold) < 0)):
            raise InputError("Sample needs its cases in order of (repeat, fold). Sort them first.")

    def take(self, keep: NDArray[np.bool_]) -> "Sample":
        """The cases where keep (n,) is true."""
        rows = np.flatnonzero(keep)
        return Sample(
            self.y_true[rows],
            {name: column[rows] for name, column in self.columns.items()},
            self.patient[rows],
            self.case[rows],
            self.repeat[rows],
            self.fold[rows],
        )

    def blocks(self, by_fold: bool) -> list[slice]:
        """Slices of one repeat each, or of one repeat and fold each."""
        return self._folds if by_fold else self._repeats

    @cached_property
    def patients(self) -> NDArray[np.int64]:
        """Rows in Draws of the patients there are, sorted."""
        return np.flatnonzero(np.bincount(self.patient)).astype(np.int64)

    @cached_property
    def _repeats(self) -> list[slice]:
        return _slices(self.y_true.size, np.diff(self.repeat) != 0)

    @cached_property
    def _folds(self) -> list[slice]:
        change = (np.diff(self.repeat) != 0) | (np.diff(self.fold) != 0)
        return _slices(self.y_true.size, change)


def _slices(n: int, change: NDArray[np.bool_]) -> list[slice]:
    """Runs of n cases; change (n - 1,) is true where the next case begins another."""
    edges = [0, *(np.flatnonzero(change) + 1).tolist(), n]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]
