"""The gap between a group and everybody else under many groupings at once, in standard errors.

What a permutation test asks a thousand times is answered here by a few sums: each metric offered is
a share, `won / asked`, to which every unit (the cases that one patient has in one group) adds its
part. Of the AUROC, won and asked count pairs of a positive and a negative case of one repeat and
fold; both follow from one running count of members along the sorted scores. Values, influences and
standard errors are those of `clinmm.intervals` and `clinmm.comparisons.difference`.

Reference:
    Obuchowski. Biometrics 53:567 (1997): the variance of the AUROC, clustered by patient.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm.errors import InputError
from clinmm.intervals import Sample
from clinmm.intervals.limits import END, limits, normal_quantile
from clinmm.metrics.weighted import Array

SHARES = {"sensitivity": (1, 1), "fnr": (1, 0), "specificity": (0, 0), "fpr": (0, 1)}
"""Metric -> the outcome that it conditions on, and the call that it counts."""
OFFERED = ("auroc", *SHARES)
"""Metrics that condition on the outcome, so that permuting within outcome leaves them alone."""

Terms = Callable[[Array], list[tuple[Array, Array]]]
"""Membership (units, B) in {0, 1} -> of each repeat, won and asked of each unit, (units, B) or
(units, 1): against the members, whether or not the unit is a member itself."""


@dataclass(frozen=True, eq=False)
class Side:
    """A group, or everybody else, in one class.

    terms, order: of `terms_of`. df: of its estimate.
    """

    terms: Terms
    order: int
    df: float

    @property
    def unseen(self) -> float:
        """Variance at 0 or 1, where influences show none; as in `intervals.estimate`."""
        low, high, _ = limits("logit", 0.0, 0.0, self.df, share=True)
        return ((high - low) / (2 * normal_quantile())) ** 2


class _Mean(NamedTuple):
    """Mean over the classes: value, df and unseen variance (B,), influence (patients, B)."""

    value: Array
    influence: Array
    df: Array
    unseen: Array


def terms_of(
    metric: str, sample: Sample, column: str, unit: NDArray[np.int64], n_units: int
) -> tuple[Terms, int]:
    """The terms of a metric of one class, and how many cases are behind one of them.

    Args:
        metric: one of OFFERED.
        sample, column: the cases and what is scored.
        unit: (n,) number of each case's unit, below n_units.

    Raises:
        InputError: a metric that is not offered.
    """
    if metric == "auroc":
        return _pairs(sample, column, unit, n_units), 2
    if metric not in SHARES:
        raise InputError(
            f"'{metric}' cannot be tested by permuting groups within outcome; give one of "
            f"{', '.join(OFFERED)}."
        )
    outcome, call = SHARES[metric]
    found = []
    for rows in sample.blocks(by_fold=False):
        asked = sample.y_true[rows] == outcome
        won = asked & (sample.columns[column][rows] == call)
        found.append((_per_unit(won, unit[rows], n_units), _per_unit(asked, unit[rows], n_units)))
    return lambda member: found, 1


def _per_unit(cases: NDArray[np.bool_], unit: NDArray[np.int64], n_units: int) -> Array:
    return np.bincount(unit[cases], minlength=n_units)[:, None].astype(np.float64)


def _pairs(sample: Sample, column: str, unit: NDArray[np.int64], n_units: int) -> Terms:
    """Pairs in which a case is ranked rightly (a tie is one half), and all of its pairs.

    Of each repeat the cases stand in a row, by fold, outcome and score. A sparse matrix reads how
    many members stand between two places of that row off the running count of members.
    """
    repeats = [
        _rivals(sample, column, unit, n_units, repeat) for repeat in sample.blocks(by_fold=False)
    ]

    def terms(member: Array) -> list[tuple[Array, Array]]:
        found = []
        for in_a_row, won, asked in repeats:
            running = np.zeros((in_a_row.size + 1, member.shape[1]))
            np.cumsum(member[in_a_row], axis=0, out=running[1:])
            found.append((won @ running, asked @ running))
        return found

    return terms


def _rivals(
    sample: Sample, column: str, unit: NDArray[np.int64], n_units: int, repeat: slice
) -> tuple[NDArray[np.int64], Any, Any]:
    """Units in a row, and the matrices (units, n + 1) of won and asked, for one repeat."""
    from scipy.sparse import csr_array

    in_a_row: list[NDArray[np.int64]] = []
    won: list[tuple[NDArray[np.int64], NDArray[np.int64], float]] = []
    asked: list[tuple[NDArray[np.int64], NDArray[np.int64], float]] = []
    start = 0
    for fold in sample.blocks(by_fold=True):
        if not repeat.start <= fold.start < repeat.stop:
            continue
        y, score, units = sample.y_true[fold], sample.columns[column][fold], unit[fold]
        # a positive wins against the negatives below it, a negative against the positives above
        for of, along in ((1, score), (0, -score)):
            rivals = np.flatnonzero(y != of)
            rivals = rivals[np.argsort(along[rivals], kind="stable")]
            own = y == of
            first, last = np.full(own.sum(), start), np.full(own.sum(), start + rivals.size)
            below, up_to = (
                start + np.searchsorted(along[rivals], along[own], side=side)
                for side in ("left", "right")
            )
            who = units[own]
            won += [(who, below, 0.5), (who, up_to, 0.5), (who, first, -1.0)]
            asked += [(who, last, 1.0), (who, first, -1.0)]
            in_a_row.append(units[rivals])
            start += rivals.size

    def matrix(entries: list[tuple[NDArray[np.int64], NDArray[np.int64], float]]) -> Any:
        rows, columns = (np.concatenate([entry[i] for entry in entries]) for i in (0, 1))
        values = np.concatenate([np.full(entry[0].size, entry[2]) for entry in entries])
        return csr_array((values, (rows, columns)), shape=(n_units, start + 1))

    return np.concatenate(in_a_row), matrix(won), matrix(asked)


def studentised(
    inside: Sequence[Side],
    outside: Sequence[Side],
    member: Array,
    rest: Array,
    first_unit: NDArray[np.int64],
) -> tuple[Array, Array]:
    """Group minus everybody else, and its standard error, under each grouping.

    Args:
        inside, outside: the two sides, class by class in one order; several classes are averaged.
        member, rest: (units, B) in {0, 1}, who is in the group and with whom it is compared.
        first_unit: (patients,) where the units of each patient begin.

    Returns:
        Two (B,); NaN where a grouping leaves a side without any case that the metric asks.
    """
    mine, theirs = _mean(inside, member, first_unit), _mean(outside, rest, first_unit)
    df = np.minimum(mine.df, theirs.df)
    gaps = mine.influence - theirs.influence
    variance = _squares(gaps) * (df + 1) / df + mine.unseen + theirs.unseen
    return mine.value - theirs.value, np.sqrt(variance)


def _mean(sides: Sequence[Side], member: Array, first_unit: NDArray[np.int64]) -> _Mean:
    """One side over its classes, with Satterthwaite's degrees of freedom as `intervals.macro`."""
    k = len(sides)
    width = member.shape[1]
    value, unseen, top, bottom = (np.zeros(width) for _ in range(4))
    influence = np.zeros((first_unit.size, width))
    for side in sides:
        own, by_unit = _share(side, member)
        by_patient = by_unit
        if first_unit.size < by_unit.shape[0]:
            by_patient = np.add.reduceat(by_unit, first_unit, axis=0)
        with np.errstate(invalid="ignore"):
            hidden = np.where(np.minimum(own, 1 - own) <= END, side.unseen, 0.0)
        variance = _squares(by_patient) * (side.df + 1) / side.df + hidden
        value += own / k
        influence += by_patient / k
        unseen += hidden / k**2
        top += variance
        bottom += variance**2 / side.df
    fewest = min(side.df for side in sides)
    df = np.divide(top**2, bottom, out=np.full(width, float(fewest)), where=bottom > 0)
    return _Mean(value, influence, df, unseen)


def _share(side: Side, member: Array) -> tuple[Array, Array]:
    """Value (B,), mean over repeats, and the influence (units, B) of each unit."""
    repeats = side.terms(member)
    value = np.zeros(member.shape[1])
    influence = np.zeros(member.shape)
    for won_by_all, asked_of_all in repeats:
        won, asked = won_by_all * member, asked_of_all * member
        total = asked.sum(axis=0)
        total[total == 0] = np.nan
        of_repeat = won.sum(axis=0) / total
        value += of_repeat / len(repeats)
        won -= of_repeat * asked
        won *= side.order / total / len(repeats)
        influence += won
    return value, influence


def _squares(values: Array) -> Array:
    sums: Array = np.einsum("ij,ij->j", values, values)
    return sums
