"""What a column of a record adds: cases that have it asked without it, cases that lack it asked
with the middle of the training cases in its place."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.record_rows import rows_of
from clinmm.explain.effects.changes import Changes, FoldCases, Part

MOST_COLUMNS = 100
LOOKED_AT = 64
"""Test cases whose slopes choose the columns of a wider record."""


def columns_asked(fold: FoldCases, cohort: Cohort, name: str) -> list[str]:
    """The columns of a record that are looked at: all, or of more than 100 those with the largest
    mean |slope x (value - reference)| over 64 test cases and all classes."""
    record = cohort.record(name)
    columns = [str(column) for column in record]
    if len(columns) <= MOST_COLUMNS:
        return columns
    i = fold.encoded.names.index(name)
    cases = np.flatnonzero(fold.encoded.present[:, i].numpy())[:LOOKED_AT]
    rows, encoder = rows_of(record.iloc[fold.at[cases]]), fold.encoder(name)
    each = [encoder.attributable(row) for row in rows]
    values = torch.cat([case.values for case in each]).requires_grad_(True)
    index = torch.as_tensor(cases)
    changed = name, encoder.trunk(values, each[0].fixed if each else {})
    size = dict.fromkeys(columns, 0.0)
    for logits in fold.encoded.logits(index, fold.encoded.present[index], changed).unbind(1):
        (slope,) = torch.autograd.grad(logits.sum(), values, retain_graph=True)
        moved = slope * (values.detach() - torch.cat([case.reference for case in each]))
        for row, attribution in zip(rows, moved.numpy(), strict=True):
            located = encoder.located(attribution, row)
            for column, score in zip(located["column"], located["score"], strict=True):
                size[str(column)] += abs(float(score))
    chosen = set(sorted(columns, key=lambda column: (-size[column], column))[:MOST_COLUMNS])
    return [column for column in columns if column in chosen]


def column_changes(
    changes: Changes, fold: FoldCases, cohort: Cohort, name: str, columns: Sequence[str]
) -> None:
    """Adds `recorded` and `not_recorded` of each column, over the cases that have the record."""
    record = cohort.record(name)
    has = fold.encoded.present[:, fold.encoded.names.index(name)].numpy()
    training = record.iloc[fold.training]
    for column in columns:
        here = record[column].notna().to_numpy()[fold.at]
        middle = _middle(training[column])
        _ask(changes, Part("recorded", name, column), fold, record, has & here, None)
        if middle is not None:
            _ask(changes, Part("not_recorded", name, column), fold, record, has & ~here, middle)


def _ask(
    changes: Changes,
    part: Part,
    fold: FoldCases,
    record: pd.DataFrame,
    which: NDArray[np.bool_],
    value: float | str | None,
) -> None:
    cases = np.flatnonzero(which)
    if not len(cases):
        changes.add(part, cases, fold.base[cases])
        return
    rows = record.iloc[fold.at[cases]].copy()
    rows[part.name] = pd.Series(
        [value] * len(rows), index=rows.index, dtype=record[part.name].dtype
    )
    asked = torch.ones(len(cases), len(fold.encoded.names), dtype=torch.bool)
    asked[:, fold.encoded.names.index(part.input)] = torch.from_numpy(
        rows.notna().any(axis=1).to_numpy(bool, copy=True)
    )
    prepared = fold.encoder(part.input).prepare(rows_of(rows))
    without = fold.encoded.answers(cases, asked, (part.input, prepared))
    changes.add(part, fold.at[cases], fold.base[cases] - without)


def _middle(cells: pd.Series) -> float | str | None:
    """The median of numbers, the commonest of words, the first in the alphabet of several."""
    known = cells.dropna()
    if known.empty:
        return None
    return float(known.median()) if known.dtype.kind == "f" else str(known.mode().iloc[0])
