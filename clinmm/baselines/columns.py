"""Columns of a record as numbers, for every baseline that reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clinmm.baselines.interface import Index, Values
from clinmm.cohort.record_rows import numbers, words

Row = Mapping[str, Any]

FURTHEST = 5.0
"""z-scores beyond this are held: a typing error must not decide a case by itself."""


def columns_of(raw: Sequence[Row | None], learned: Index, source: Any) -> Values:
    """(N, F) numeric columns, then 0/1 for each category that `learned` cases have; NaN where not
    measured. source: the cohort file's entry for the record."""
    parts = [numbers(raw, list(source.numeric))]
    cells = words(raw, list(source.categorical))
    for column in cells.T:
        known = sorted({cell for cell in column[learned] if cell is not None})
        marks = np.array([[cell == value for value in known] for cell in column], np.float64)
        marks = marks.reshape(len(raw), len(known))
        marks[[cell is None for cell in column]] = np.nan
        parts.append(marks)
    return np.hstack(parts)


def standardised(x: Values, learned: Index) -> Values:
    """z-scores by the mean and deviation of the learned rows; what is missing is 0, the mean. A
    column that does not vary is 0."""
    known = ~np.isnan(x)
    rows, seen = np.where(known[learned], x[learned], 0.0), known[learned]
    n = np.maximum(seen.sum(0), 1)
    mean = rows.sum(0) / n
    deviation = np.sqrt((np.where(seen, rows - mean, 0.0) ** 2).sum(0) / n)
    varies = deviation > 1e-9 * np.maximum(1.0, np.abs(mean))
    z = (x - mean) / np.where(varies, deviation, 1.0)
    return np.where(known & varies, np.clip(z, -FURTHEST, FURTHEST), 0.0)


def with_marks(x: Values, learned: Index) -> Values:
    """(N, F + marks) z-scores, and for columns that some learned case lacks whether they were
    measured."""
    lacking = np.isnan(x[learned]).any(0)
    marks = (~np.isnan(x[:, lacking])).astype(np.float64)
    return standardised(np.hstack([x, marks]), learned)


def principal(z: Values, learned: Index, most: int | None = None) -> Values:
    """(N, r) coordinates along the principal axes of the learned rows, largest first.

    With all axes a ridge fit on learned rows is the one on `z`, only faster where there are more
    columns than cases (Hastie & Tibshirani, Biostatistics 5:329, 2004).
    """
    _, size, axes = np.linalg.svd(z[learned], full_matrices=False)
    kept = size > 1e-9 * max(float(size.max(initial=0.0)), 1e-300)
    rotated: Values = z @ axes[kept][:most].T
    return rotated
