"""The gap between each of many slices and everybody else, in standard errors, all at once.

What `intervals.estimate` does for one subset is done here for thousands by products of matrices.
A slice in which every case is missed would have no variance, so to either side's is added what four
more patients served as all are would bring. Scores of different folds or repeats are never ranked
together.

Reference:
    Obuchowski. Biometrics 53:567 (1997): influences on the AUROC, clustered by patient.
    Agresti, Coull. Am Stat 52:119 (1998): four cases more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinmm.intervals import MIN_PATIENTS, MIN_PATIENTS_PER_CLASS, Sample
from clinmm.metrics.weighted import Array

AT_ONCE = 256
AUROC = "auroc"
RATES = {"fnr": (1.0, 0.0), "fpr": (0.0, 1.0)}
"""Rate -> (the outcome that it conditions on, the call that counts)."""

MORE = 4
"""Patients served as all are, that are added to either side."""

TWICE = 2
"""Patients are needed in so many times the number that an estimate needs, so that the other half of
the patients will have enough of them; the smallest slices of all are the likeliest to look bad by
chance, too."""

EXPECTED_GAP = 0.2
"""Standard deviation of gaps as they are expected before any is seen."""

Masks = NDArray[np.bool_]
Index = NDArray[np.int_]
AgainstAll = Callable[[Masks], tuple[Array, Array]]
"""(S, n) rows of subsets -> (S,) the metric of each less that of all cases, and (S, n) the
influence of each row on it."""


@dataclass(frozen=True, eq=False)
class Gaps:
    """gap: (S,) slice minus the others. se: (S,); NaN where one side has too few patients."""

    gap: Array
    se: Array

    def promise(self, higher_is_better: bool) -> Array:
        """(S,) how many standard errors worse a slice can be expected to be in as many new cases.

        The gap, drawn towards 0 by what its standard error leaves to chance, over that standard
        error: a small slice with a wide gap gives way to a larger one. -inf: cannot be judged.
        """
        worse = -self.gap if higher_is_better else self.gap
        with np.errstate(invalid="ignore", divide="ignore"):
            promise = worse / self.se * EXPECTED_GAP**2 / (EXPECTED_GAP**2 + self.se**2)
        return np.where(np.isfinite(promise), promise, -np.inf)


def gaps(sample: Sample, metric: str, column: str, keep: Masks, rest: Masks) -> Gaps:
    """The gap in one metric of S slices.

    Args:
        sample: n rows of one arm and class.
        metric: auroc, fnr or fpr.
        column: of the sample: probabilities for auroc, else 0/1 calls without NaN.
        keep, rest: (S, n) rows of each slice, and rows that it is compared with.
    """
    order = np.argsort(sample.patient, kind="stable")
    starts = np.flatnonzero(np.diff(sample.patient[order], prepend=-1))
    against_all = _auroc(sample, column) if metric == AUROC else _rate(sample, metric, column)
    parts = [(np.empty(0), np.empty(0))]
    for first in range(0, len(keep), AT_ONCE):
        sides = [side[first : first + AT_ONCE] for side in (keep, rest)]
        (value, influence), (other, influence_of_other) = map(against_all, sides)
        of_patient = np.add.reduceat((influence - influence_of_other)[:, order], starts, axis=1)
        behind = np.min([_n_behind(sample, metric, side, order, starts) for side in sides], axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = (of_patient**2).sum(axis=1) * behind / (behind - 1)
        unseen = MORE * (value**2 + other**2) / (behind + MORE) ** 2
        se = np.sqrt(variance + unseen)
        parts.append((value - other, np.where(behind > 0, se, np.nan)))
    gap, se = map(np.concatenate, zip(*parts, strict=True))
    return Gaps(gap, se)


def _n_behind(sample: Sample, metric: str, rows: Masks, order: Index, starts: Index) -> Index:
    """(S,) patients of the smaller class that the metric conditions on; 0: too few.

    order, starts: rows by patient, and where each patient's begin.
    """

    def patients(meets: Masks) -> Index:
        there = np.logical_or.reduceat((rows & meets)[:, order], starts, axis=1)
        return np.asarray(there.sum(axis=1))

    outcomes = (0.0, 1.0) if metric == AUROC else RATES[metric][:1]
    fewest = np.min([patients(sample.y_true == outcome) for outcome in outcomes], axis=0)
    every = patients(np.ones(sample.y_true.size, dtype=bool))
    enough = (every >= TWICE * MIN_PATIENTS) & (fewest >= TWICE * MIN_PATIENTS_PER_CLASS)
    return np.where(enough, fewest, 0)


def _rate(sample: Sample, metric: str, column: str) -> AgainstAll:
    outcome, call = RATES[metric]
    meets = sample.y_true == outcome
    errs = (sample.columns[column] == call).astype(np.float64)
    excess = np.where(meets, errs - errs[meets].mean() if meets.any() else np.nan, 0.0)

    def against_all(rows: Masks) -> tuple[Array, Array]:
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (rows & meets) / (rows & meets).sum(axis=1, keepdims=True)
        value = share @ excess
        return value, share * (excess - value[:, None])

    return against_all


def _auroc(sample: Sample, column: str) -> AgainstAll:
    blocks = list(_pairs(sample, column))
    n_all = sum(won.size for _, _, won in blocks)
    overall = sum(won.sum(dtype=np.float64) for _, _, won in blocks) / max(n_all, 1)
    excesses = [(ill, well, won - np.float32(overall)) for ill, well, won in blocks]

    def against_all(rows: Masks) -> tuple[Array, Array]:
        won = np.zeros(rows.shape)  # by each row, in excess of what all cases win
        n_rivals = np.zeros(rows.shape)
        for positive, negative, excess in excesses:
            ill, well = (rows[:, side].astype(np.float32) for side in (positive, negative))
            won[:, positive], won[:, negative] = ill * (well @ excess.T), well * (ill @ excess)
            n_rivals[:, positive] = ill * well.sum(axis=1, keepdims=True)
            n_rivals[:, negative] = well * ill.sum(axis=1, keepdims=True)
        n_pairs = n_rivals.sum(axis=1) / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            value = won.sum(axis=1) / 2 / n_pairs
            return value, (won - value[:, None] * n_rivals) / n_pairs[:, None]

    return against_all


def _pairs(sample: Sample, column: str) -> Iterator[tuple[Index, Index, NDArray[np.float32]]]:
    """Of each repeat and fold: rows of positives, rows of negatives, (p, n) 1 where the positive is
    ranked above the negative, one half where they tie."""
    score = sample.columns[column]
    for block in sample.blocks(by_fold=True):
        here = np.arange(block.start, block.stop)
        positive, negative = (here[sample.y_true[block] == outcome] for outcome in (1, 0))
        apart = np.sign(score[positive][:, None] - score[negative])
        yield positive, negative, ((apart + 1) / 2).astype(np.float32)
