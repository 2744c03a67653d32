"""What is predicted: target columns of the table -> an array with NaN where not recorded."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.spec import BinaryTarget, MulticlassTarget, MultilabelTarget

LABEL_VALUES = {"0": 0.0, "0.0": 0.0, "false": 0.0, "1": 1.0, "1.0": 1.0, "true": 1.0}
"""Cells of a multilabel column, any case."""

MOST_QUOTED, COMMON = 8, 5

AnyTarget = BinaryTarget | MulticlassTarget | MultilabelTarget


def _meanings(target: AnyTarget) -> dict[str, list[float]]:
    """Cell -> its row of the target array (one column's worth for multilabel)."""
    if isinstance(target, BinaryTarget):
        values = {value: [1.0] for value in target.positive}
        return values | {value: [0.0] for value in target.negative}
    if isinstance(target, MulticlassTarget):
        one_hot = np.eye(len(target.classes))
        return {value: list(row) for value, row in zip(target.classes, one_hot, strict=True)}
    return {value: [number] for value, number in LABEL_VALUES.items()}


def _key(target: AnyTarget, cells: pd.Series) -> pd.Series:
    return cells.str.lower() if isinstance(target, MultilabelTarget) else cells


def target_array(table: pd.DataFrame, target: AnyTarget) -> NDArray[np.float64]:
    """(N, K) float64 of 0, 1 or NaN: K is 1 for binary, else the classes or columns in order."""
    meanings = _meanings(target)
    width = len(target.class_names) if isinstance(target, MulticlassTarget) else 1
    unknown = [np.nan] * width
    parts = []
    for column in target.columns:
        cells = table[column]
        keys = _key(target, cells.astype(object).where(cells.notna(), None).astype("string"))
        rows = [meanings.get(key, unknown) if isinstance(key, str) else unknown for key in keys]
        parts.append(np.array(rows, dtype=np.float64).reshape(len(table), width))
    return np.concatenate(parts, axis=1)


def unknown_values(table: pd.DataFrame, target: AnyTarget) -> list[str]:
    """One problem per target column that holds a value which means neither class nor missing."""
    meanings = _meanings(target)
    problems = []
    for column in target.columns:
        if column not in table:
            continue
        cells = table[column].dropna().astype("string")
        odd = cells[~_key(target, cells).isin(list(meanings))].value_counts()
        if len(odd):
            # A column of many rare values may hold names: these are counted, not quoted.
            told = odd if len(odd) <= MOST_QUOTED else odd[odd >= COMMON][:MOST_QUOTED]
            quoted = [f"'{_short(value)}' ({n} rows)" for value, n in told.items()]
            rest = [f"{len(odd) - len(told)} more values"] if len(told) < len(odd) else []
            listed = ", ".join([*quoted, *rest])
            problems.append(
                f"column '{column}' holds values that the target does not name: {listed}. "
                f"Known: {', '.join(meanings)}. Name them there, or under missing or keep."
            )
    return problems


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
