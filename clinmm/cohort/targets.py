"""What is predicted: target columns of the table -> an array with NaN where not recorded."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.target_spec import (
    AnyTarget,
    BinaryTarget,
    ContinuousTarget,
    MulticlassTarget,
    MultilabelTarget,
)

LABEL_VALUES = {"0": 0.0, "0.0": 0.0, "false": 0.0, "1": 1.0, "1.0": 1.0, "true": 1.0}
"""Cells of a multilabel column, any case."""

MOST_QUOTED, COMMON = 8, 5

Targets = NDArray[np.float64]


def target_array(table: pd.DataFrame, target: AnyTarget) -> Targets:
    """What predictions are scored against: (N, K) float64, NaN where not known.

    Classes are 0 or 1; K is 1 for binary, else the classes or columns in order. Of several readers
    the majority holds and a tie is not known; a soft label of .5 or more counts as 1. A continuous
    target has K = 1 and is the mean over readers.
    """
    mean = soft_target_array(table, target)
    if isinstance(target, ContinuousTarget):
        return mean
    if getattr(target, "soft", False):
        rounded: Targets = np.where(mean >= 0.5, 1.0, 0.0)
        return np.where(np.isnan(mean), np.nan, rounded)
    if isinstance(target, MulticlassTarget):
        highest = np.asarray(mean == mean.max(axis=1, keepdims=True))
        settled = highest.sum(axis=1, keepdims=True) == 1
        found: Targets = np.where(settled, highest.astype(np.float64), np.nan)
        return found
    majority: Targets = np.where(mean == 0.5, np.nan, np.where(mean > 0.5, 1.0, 0.0))
    return np.where(np.isnan(mean), np.nan, majority)


def soft_target_array(table: pd.DataFrame, target: AnyTarget) -> Targets:
    """What models learn from: (N, K) float64, the mean over the readers who answered; NaN where
    none did. Of classes, shares from 0 to 1."""
    readers = reader_arrays(table, target)
    if len(readers) == 1:
        only: Targets = readers[0]
        return only
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=RuntimeWarning)  # nobody answered: NaN
        mean: Targets = np.nanmean(readers, axis=0)
    return mean


def reader_arrays(table: pd.DataFrame, target: AnyTarget) -> Targets:
    """(R, N, K) what each reader said, NaN where he said nothing; R is 1 without `readers`."""
    return _readings(table, target, target.columns)


def label_arrays(table: pd.DataFrame, target: AnyTarget) -> Targets:
    """(R, N, K) every label of a case: as `reader_arrays`, with the second label if there is one.
    Models learn from none but the readers."""
    readers = reader_arrays(table, target)
    if not target.second_columns:
        return readers
    return np.concatenate([readers, _readings(table, target, target.second_columns)])


def _readings(table: pd.DataFrame, target: AnyTarget, names: Sequence[str]) -> Targets:
    """(R, N, K): of several findings one reader has all columns, else each column is a reader's."""
    columns = [_column_array(table[name], target) for name in names]
    if isinstance(target, MultilabelTarget):
        return np.concatenate(columns, axis=1)[None]
    return np.stack(columns)


def _column_array(cells: pd.Series, target: AnyTarget) -> Targets:
    """(N, width) of one column."""
    if numeric(target):
        return numbers(cells).to_numpy(dtype=np.float64)[:, None]
    meanings = _meanings(target)
    width = len(target.class_names) if isinstance(target, MulticlassTarget) else 1
    unknown = [np.nan] * width
    keys = _key(target, cells.astype(object).where(cells.notna(), None).astype("string"))
    rows = [meanings.get(key, unknown) if isinstance(key, str) else unknown for key in keys]
    return np.array(rows, dtype=np.float64).reshape(len(cells), width)


def numeric(target: AnyTarget) -> bool:
    """Whether the cells are numbers: values, or soft labels."""
    return isinstance(target, ContinuousTarget) or bool(getattr(target, "soft", False))


def numbers(cells: pd.Series) -> pd.Series:
    """float64, NaN where a cell is empty or no finite number."""
    found = pd.to_numeric(cells, errors="coerce").astype("float64")
    return found.where(np.isfinite(found))


def _meanings(target: AnyTarget) -> dict[str, list[float]]:
    """Cell -> its row of the target array (one column's worth for multilabel)."""
    if isinstance(target, BinaryTarget):
        values = {value: [1.0] for value in target.positive or ()}
        return values | {value: [0.0] for value in target.negative or ()}
    if isinstance(target, MulticlassTarget):
        one_hot = np.eye(len(target.classes))
        return {value: list(row) for value, row in zip(target.classes, one_hot, strict=True)}
    return {value: [number] for value, number in LABEL_VALUES.items()}


def _key(target: AnyTarget, cells: pd.Series) -> pd.Series:
    return cells.str.lower() if isinstance(target, MultilabelTarget) else cells


def unknown_values(table: pd.DataFrame, target: AnyTarget) -> list[str]:
    """Problems of each column of labels: cells that mean neither class nor missing; where numbers
    are wanted, cells that are none, or lie outside the range."""
    problems = []
    for column in (*target.columns, *target.second_columns):
        if column not in table:
            continue
        cells = table[column].dropna().astype("string")
        if numeric(target):
            problems += _bad_numbers(column, cells, target)
            continue
        meanings = _meanings(target)
        odd = cells[~_key(target, cells).isin(list(meanings))]
        if len(odd):
            problems.append(
                f"column '{column}' holds values that the target does not name: {_listed(odd)}. "
                f"Known: {', '.join(meanings)}. Name them there, or under missing or keep."
            )
    return problems


def _bad_numbers(column: str, cells: pd.Series, target: AnyTarget) -> list[str]:
    values = numbers(cells)
    limits = target.range if isinstance(target, ContinuousTarget) else (0.0, 1.0)
    problems = []
    if values.isna().any():
        problems.append(
            f"column '{column}' holds cells that are no numbers: {_listed(cells[values.isna()])}. "
            "Correct them, or name them under missing."
        )
    if limits:
        low, high = limits
        outside = cells[(values < low) | (values > high)]
        if len(outside):
            problems.append(
                f"column '{column}' holds values outside [{low:g}, {high:g}]: {_listed(outside)}. "
                "Correct them, name them under missing, or correct the range."
            )
    return problems


def _listed(odd: pd.Series) -> str:
    """Cells with how often they come. Of many rare ones, which may hold names, only the number."""
    counts = odd.value_counts()
    told = counts if len(counts) <= MOST_QUOTED else counts[counts >= COMMON][:MOST_QUOTED]
    quoted = [f"'{_short(value)}' ({n} rows)" for value, n in told.items()]
    if n_rest := len(counts) - len(told):
        rare = "more values" if quoted else "different values"
        quoted.append(f"{n_rest} {rare if n_rest > 1 else rare[:-1]}")
    return ", ".join(quoted)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
