"""Value and influence of a metric: over folds, over repeats, then per patient."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.intervals.sample import Sample
from clinmm.metrics.weighted import Array


@dataclass(frozen=True, eq=False)
class Influence:
    """What each patient adds to the error of an estimate.

    patients: (m,) rows in Draws, sorted. values: (m,) their influence, which sums to 0.
    df: degrees of freedom of the variance. unseen: variance that influences cannot show, because
        the value lies at the end of its range.
    """

    patients: NDArray[np.int64]
    values: Array
    df: float
    unseen: float = 0.0

    @property
    def variance(self) -> float:
        """With the factor n / (n - 1) of small samples."""
        return float(self.values @ self.values) * (self.df + 1) / self.df + self.unseen


def of_sample(
    module: ModuleType, sample: Sample, column: str, given: dict[str, Any], ranks: dict[Any, Any]
) -> tuple[dict[int, float], Array]:
    """The metric of each repeat, and the (n,) influence of each case on their mean.

    Args:
        given: further arguments of the metric.
        ranks: filled with the orders found, for the next ranking metric of the same sample.
    """
    repeats = sample.blocks(by_fold=False)
    per_repeat: dict[int, float] = {}
    influence = np.empty(sample.y_true.size)
    for rows in repeats:
        if module.NEEDS == "ranking":
            value, part = _pooled(module, sample, rows, column, given, ranks)
        else:
            more = {**given, "fold": sample.fold[rows]} if module.NEEDS == "order" else given
            value, part = module.influence(
                sample.y_true[rows], sample.columns[column][rows], **more
            )
        per_repeat[int(sample.repeat[rows.start])] = value
        influence[rows] = part / len(repeats)
    return per_repeat, influence


def _pooled(
    module: ModuleType,
    sample: Sample,
    repeat: slice,
    column: str,
    given: dict[str, Any],
    ranks: dict[Any, Any],
) -> tuple[float, Array]:
    """A ranking metric within the folds of a repeat, averaged with its pooling weight.

    A case moves its fold's value and, through the number of cases of its class, its fold's
    weight. Weights are linear in either number, so one case more shows the slope.
    """
    influence = np.zeros(repeat.stop - repeat.start)
    slope = np.zeros_like(influence)  # of the weight of its fold, by each case
    within = np.zeros_like(influence)  # value of its fold, of each case
    top = mass = 0.0
    for fold in sample.blocks(by_fold=True):
        if not repeat.start <= fold.start < repeat.stop:
            continue
        y, score = sample.y_true[fold], sample.columns[column][fold]
        n_positive = float(y.sum())
        n_negative = y.size - n_positive
        weight = float(module.pooling_weight(n_positive, n_negative))
        if n_positive == 0 or n_negative == 0 or weight == 0:
            continue
        order = ranks.get((column, fold.start))
        if order is None:
            order = ranks[column, fold.start] = np.argsort(-score)
        value, part = module.influence(y[order], score[order], **given)
        here = slice(fold.start - repeat.start, fold.stop - repeat.start)
        influence[here][order] = weight * part
        within[here] = value
        slope[here] = np.where(
            y == 1,
            module.pooling_weight(n_positive + 1, n_negative) - weight,
            module.pooling_weight(n_positive, n_negative + 1) - weight,
        )
        top += weight * value
        mass += weight
    if mass == 0:
        return float("nan"), np.full_like(influence, np.nan)
    pooled = top / mass
    return pooled, (influence + slope * (within - pooled)) / mass


def per_patient(influence: Array, sample: Sample) -> tuple[NDArray[np.int64], Array]:
    """Rows of the patients there are, sorted, and the sum of the cases of each."""
    sums = np.bincount(sample.patient, weights=influence).astype(np.float64)
    return sample.patients, sums[sample.patients]


def together(parts: list[Influence]) -> tuple[NDArray[np.int64], Array]:
    """Rows of the patients of any part, sorted, and (parts, m) their influence on each."""
    first = parts[0].patients
    if all(np.array_equal(first, part.patients) for part in parts[1:]):
        return first, np.stack([part.values for part in parts])
    last = max(int(part.patients[-1]) for part in parts)
    values = np.zeros((len(parts), last + 1))
    there = np.zeros(last + 1, dtype=bool)
    for row, part in zip(values, parts, strict=True):
        row[part.patients] = part.values
        there[part.patients] = True
    return np.flatnonzero(there), values[:, there]
