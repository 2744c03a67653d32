"""The patient bootstrap: for metrics without influence or parts, and as their oracle in tests.

Patients are drawn with replacement, with all their cases, in every repeat and fold at once.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.intervals.draws import Draws
from clinmm.intervals.sample import Sample
from clinmm.metrics.weighted import Array, total

CHUNK = 500_000
"""Case weights held at once, so that a large test set does not fill the memory."""

Weighted = Callable[[Array, Array, Array], Array]


def replicates(
    module: ModuleType,
    metric: str,
    sample: Sample,
    column: str,
    draws: Draws,
    given: dict[str, Any] | None = None,
) -> Array:
    """(repeats, 1 + n_bootstrap) of the metric; column 0 is the sample as it is."""
    compute = replicates_of(module, metric, given)
    folds = sample.blocks(by_fold=True)
    repeats = sample.blocks(by_fold=False)
    values = np.empty((len(repeats), draws.n_bootstrap + 1))
    for row, rows in zip(values, repeats, strict=True):
        inside = [fold for fold in folds if rows.start <= fold.start < rows.stop]
        blocks = inside if module.NEEDS == "ranking" else [rows]
        width = max(1, CHUNK // (rows.stop - rows.start))
        for start in range(0, row.size, width):
            chunk = slice(start, min(start + width, row.size))
            row[chunk] = _pooled(module, compute, sample, column, blocks, draws.counts[:, chunk])
    return values


def _pooled(
    module: ModuleType,
    compute: Weighted,
    sample: Sample,
    column: str,
    blocks: list[slice],
    counts: NDArray[np.uint8],
) -> Array:
    """The metric within blocks, averaged with its pooling weight; NaN without any weight."""
    top, mass = np.zeros((2, counts.shape[1]))
    for block in blocks:
        y, score = sample.y_true[block], sample.columns[column][block]
        weights = counts[sample.patient[block]].astype(np.float64)
        value = compute(y, score, weights)
        if len(blocks) == 1:
            return value
        positive = total(y, weights)
        weight = module.pooling_weight(positive, weights.sum(axis=0) - positive)
        usable = (weight > 0) & ~np.isnan(value)
        top += np.where(usable, weight * np.nan_to_num(value), 0.0)
        mass += np.where(usable, weight, 0.0)
    pooled: Array = np.divide(top, mass, out=np.full_like(top, np.nan), where=mass > 0)
    return pooled


def replicates_of(module: ModuleType, metric: str, given: dict[str, Any] | None = None) -> Weighted:
    """The metric's own `replicates`, or one that repeats cases and calls the plain function."""
    given = given or {}
    own: Callable[..., Array] | None = getattr(module, "replicates", None)
    if own is not None:
        return lambda y_true, y_prob, weights: own(y_true, y_prob, weights, **given)
    plain: Callable[..., float] = getattr(module, metric)

    def repeat_cases(y_true: Array, y_prob: Array, weights: Array) -> Array:
        values = np.full(weights.shape[1], np.nan)
        for r, weight in enumerate(weights.T.astype(np.int64)):
            try:
                values[r] = plain(np.repeat(y_true, weight), np.repeat(y_prob, weight), **given)
            except InputError:
                continue  # undefined for this draw, such as one class only
        return values

    return repeat_cases
