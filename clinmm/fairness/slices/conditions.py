"""What a column can say of a case: it has a value, lies in a range, or is not recorded."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.subgroups import NOT_RECORDED

COLUMN, COLUMNS = "column", "columns"
NOTE_TOPIC, EMBEDDING_CLUSTER = "note_topic", "embedding_cluster"
MIN_CASES = 10
"""Cases of the finding half that a condition needs; fewer cannot be judged."""

FEW_VALUES = 5
"""A numeric column with no more values than this is taken value by value."""

Mask = NDArray[np.bool_]
At = NDArray[np.int_] | slice


@dataclass(frozen=True, eq=False)
class Condition:
    """Something that is true of some cases.

    about: the column (topics, clusters) it says something of. words: how a reader is told.
    keep: (N,) where it is true. recorded: (N,) where it is known.
    """

    kind: str
    about: str
    words: str
    keep: Mask
    recorded: Mask


@dataclass(frozen=True, eq=False)
class Slice:
    """Cases of which every part is true."""

    parts: tuple[Condition, ...]

    @property
    def kind(self) -> str:
        return self.parts[0].kind if len(self.parts) == 1 else COLUMNS

    @property
    def words(self) -> str:
        return " and ".join(part.words for part in self.parts)

    @property
    def keep(self) -> Mask:
        """(N,) the cases of the slice."""
        return self.keep_of(slice(None))

    @property
    def known(self) -> Mask:
        """(N,) the cases of whom every part is known."""
        return self.known_of(slice(None))

    def keep_of(self, at: At) -> Mask:
        """`keep` of the cases at some places."""
        return reduce(np.logical_and, [part.keep[at] for part in self.parts])

    def known_of(self, at: At) -> Mask:
        """`known` of the cases at some places."""
        return reduce(np.logical_and, [part.recorded[at] for part in self.parts])


def of_columns(about: pd.DataFrame, learn: Mask) -> list[Condition]:
    """Every condition of every column.

    A number is cut at its quartiles among the cases that propose, rounded to three digits, into
    quarters and halves; text, and a number with five values or fewer, is taken value by value.

    Args:
        about: (N, columns), one row per case; numbers, or text.
        learn: (N,) the cases that propose. Values and ranges that fewer than 10 of them have are
            left out.
    """
    found: list[Condition] = []
    for column in about.columns:
        cells = about[column]
        cells = cells.where(cells.notna() & (cells.astype(object) != ""))
        recorded = cells.notna().to_numpy(dtype=bool)
        numeric = pd.api.types.is_numeric_dtype(cells) and not pd.api.types.is_bool_dtype(cells)
        if numeric and cells[learn].nunique() > FEW_VALUES:
            parts = _ranges(str(column), cells.to_numpy(dtype=np.float64, na_value=np.nan), learn)
        else:
            parts = _values(str(column), cells, numeric)
        found += [Condition(COLUMN, str(column), words, keep, recorded) for words, keep in parts]
        words = f"{column} is {NOT_RECORDED}"
        everyone = np.ones(len(about), dtype=bool)
        found.append(Condition(COLUMN, str(column), words, ~recorded, everyone))
    return [one for one in found if one.keep[learn].sum() >= MIN_CASES]


def _values(column: str, cells: pd.Series, numeric: bool) -> Iterator[tuple[str, Mask]]:
    text = cells.map(lambda cell: f"{cell:g}" if numeric else str(cell), na_action="ignore")
    for value in sorted(set(text.dropna())):
        yield f"{column} is {value}", (text == value).fillna(False).to_numpy(dtype=bool)


def _ranges(column: str, values: NDArray[np.float64], learn: Mask) -> Iterator[tuple[str, Mask]]:
    """Quarters, and the halves either side of the median."""
    quartiles = [float(f"{q:.3g}") for q in np.nanquantile(values[learn], [0.25, 0.5, 0.75])]
    edges = [-np.inf, *sorted(set(quartiles)), np.inf]
    halves = [(-np.inf, quartiles[1]), (quartiles[1], np.inf)]
    for low, high in dict.fromkeys([*pairwise(edges), *halves]):
        yield _range_words(column, low, high), (values >= low) & (values < high)


def _range_words(column: str, low: float, high: float) -> str:
    if low == -np.inf:
        return f"{column} is below {high:g}"
    if high == np.inf:
        return f"{column} is {low:g} or more"
    return f"{column} is {low:g} to below {high:g}"
