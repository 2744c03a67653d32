"""Rows of a record that share one table, so that thousands of columns are read in one go."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class _Shared:
    """numbers: (n, numeric columns) float64, NaN where not recorded. words: (n, others) object."""

    def __init__(self, table: pd.DataFrame) -> None:
        numeric = [dtype.kind == "f" for dtype in table.dtypes]
        self.columns = [str(column) for column in table]
        self.numbers = table.loc[:, numeric].to_numpy(np.float64)
        cells = table.loc[:, [not one for one in numeric]].to_numpy(object, copy=True)
        cells[pd.isna(cells)] = None
        self.words = cells
        self.at_number = _places(c for c, is_one in zip(table, numeric, strict=True) if is_one)
        self.at_word = _places(c for c, is_one in zip(table, numeric, strict=True) if not is_one)


class RecordRow(Mapping[str, Any]):
    """One case: column -> number (NaN where not recorded) or text (None)."""

    __slots__ = ("at", "shared")

    def __init__(self, shared: _Shared, at: int) -> None:
        self.shared, self.at = shared, at

    def __getitem__(self, column: str) -> Any:
        place = self.shared.at_number.get(column)
        if place is not None:
            return float(self.shared.numbers[self.at, place])
        return self.shared.words[self.at, self.shared.at_word[column]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shared.columns)

    def __len__(self) -> int:
        return len(self.shared.columns)


def rows_of(record: pd.DataFrame) -> list[RecordRow]:
    """The rows of `Cohort.record`."""
    shared = _Shared(record)
    return [RecordRow(shared, at) for at in range(len(record))]


def numbers(
    rows: Sequence[Mapping[str, Any] | None], columns: Sequence[str]
) -> NDArray[np.float64]:
    """(n, columns) numbers, NaN where not recorded or the row is None.

    >>> numbers([{"age": 60.0, "sex": "F"}, None], ["age"]).tolist()
    [[60.0], [nan]]
    """
    out = np.full((len(rows), len(columns)), np.nan)
    here = [i for i, row in enumerate(rows) if row is not None]
    if (shared := _shared(rows, here)) is not None:
        places = np.array([shared.at_number[column] for column in columns], dtype=np.intp)
        at = np.array([getattr(rows[i], "at") for i in here], dtype=np.intp)  # noqa: B009
        out[here] = shared.numbers[at[:, None], places]
        return out
    for i in here:
        out[i] = [_number(rows[i][column]) for column in columns]  # type: ignore[index]
    return out


def words(rows: Sequence[Mapping[str, Any] | None], columns: Sequence[str]) -> NDArray[np.object_]:
    """(n, columns) text, None where not recorded or the row is None."""
    out = np.full((len(rows), len(columns)), None, dtype=object)
    for i, row in enumerate(rows):
        if row is not None:
            cells = [row[column] for column in columns]
            out[i] = [cell if isinstance(cell, str) else None for cell in cells]
    return out


def _shared(rows: Sequence[Mapping[str, Any] | None], here: list[int]) -> _Shared | None:
    """The table that all the rows come from; None where they do not share one."""
    first = rows[here[0]] if here else None
    if not isinstance(first, RecordRow):
        return None
    same = (isinstance(row := rows[i], RecordRow) and row.shared is first.shared for i in here)
    return first.shared if all(same) else None


def _number(cell: Any) -> float:
    return np.nan if cell is None else float(cell)


def _places(columns: Any) -> dict[str, int]:
    return {str(column): place for place, column in enumerate(columns)}
