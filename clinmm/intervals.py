"""Any metric with a 95 % interval by a seeded patient bootstrap.

Patients are drawn with replacement, with all their cases, in every repeat and fold at once. The
draws are made once and shared by everything that is estimated, so that differences between arms,
calibrations or groups are paired. Estimates are case-weighted and clustered by patient.

Folds: a ranking metric compares only cases of one repeat and fold; folds are pooled with the
metric's `pooling_weight`. Every other metric pools the cases of all folds of a repeat. The value is
the mean over repeats. The interval is that of the patients: the models are taken as they are.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from clinmm import registry
from clinmm.errors import InputError
from clinmm.metrics.weighted import Array, total

MIN_PATIENTS = 10
MIN_PATIENTS_PER_CLASS = 5
LEVEL = 0.95
CHUNK = 500_000
"""Case weights held at once, so that a large test set does not fill the memory."""


@dataclass(frozen=True, eq=False)
class Draws:
    """How often each patient was drawn.

    patients: sorted ids.
    counts: uint8 (patients, 1 + n_bootstrap). Column 0 is all ones: the sample as it is, so the
        first replicate of any metric is its estimate.
    """

    patients: NDArray[np.object_]
    counts: NDArray[np.uint8]

    @classmethod
    def make(cls, patient_ids: Sequence[str], n_bootstrap: int, seed: int) -> "Draws":
        """Draws of as many patients as there are, with replacement, n_bootstrap times."""
        if n_bootstrap < 0:
            raise InputError(f"n_bootstrap must be at least 0, got {n_bootstrap}.")
        patients = np.array(sorted(set(patient_ids)), dtype=object)
        counts = np.ones((n_bootstrap + 1, patients.size), dtype=np.uint8)
        rng = np.random.default_rng(seed)
        for row in counts[1:]:
            row[:] = np.bincount(
                rng.integers(0, patients.size, patients.size), minlength=patients.size
            )
        return cls(patients, np.ascontiguousarray(counts.T))

    @property
    def n_bootstrap(self) -> int:
        return int(self.counts.shape[1]) - 1

    def index(self, patient_ids: Sequence[str]) -> NDArray[np.int64]:
        """Row of each patient id in `counts`."""
        row = {patient: i for i, patient in enumerate(self.patients)}
        return np.array([row[patient] for patient in patient_ids], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Sample:
    """The cases of one arm, one class and one subset, in order of (repeat, fold).

    y_true: (n,) 0 or 1. columns: name -> (n,) probabilities or 0/1 calls (NaN: no call possible).
    patient: (n,) row in Draws. case: (n,) number of the case. repeat, fold: (n,).
    """

    y_true: Array
    columns: dict[str, Array]
    patient: NDArray[np.int64]
    case: NDArray[np.int64]
    repeat: NDArray[np.int64]
    fold: NDArray[np.int64]

    def __post_init__(self) -> None:
        in_order = np.lexsort((self.fold, self.repeat))
        if not np.array_equal(in_order, np.arange(self.y_true.size)):
            raise InputError("Sample needs its cases in order of (repeat, fold). Sort them first.")

    def take(self, keep: NDArray[np.bool_]) -> "Sample":
        """The cases where keep (n,) is true."""
        return Sample(
            self.y_true[keep],
            {name: column[keep] for name, column in self.columns.items()},
            self.patient[keep],
            self.case[keep],
            self.repeat[keep],
            self.fold[keep],
        )

    def blocks(self, by_fold: bool) -> list[slice]:
        """Slices of one repeat each, or of one repeat and fold each."""
        change = np.diff(self.repeat) != 0
        if by_fold:
            change |= np.diff(self.fold) != 0
        edges = [0, *(np.flatnonzero(change) + 1).tolist(), self.y_true.size]
        return [slice(a, b) for a, b in pairwise(edges) if b > a]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A metric of a sample with its bootstrap replicates.

    replicates: (1 + n_bootstrap,), the first is the estimate; NaN where undefined. All NaN unless
        status is "ok". per_repeat: repeat -> the metric on that repeat alone.
    """

    metric: str
    replicates: Array
    n_cases: int
    n_patients: int
    n_positive: int
    status: str = "ok"
    reason: str | None = None
    per_repeat: dict[int, float] = field(default_factory=dict)

    @property
    def value(self) -> float:
        return float(self.replicates[0])

    @property
    def method(self) -> str:
        """Name of the interval's method, for the `interval` column."""
        n = self.replicates.size - 1
        if self.status != "ok" or n == 0:
            return "none"
        return f"patient bootstrap ({n})" + (", centred" if _recentre(self.metric) else "")

    def interval(self) -> tuple[float, float]:
        """2.5 % and 97.5 % quantiles of the replicates; NaN where there are none."""
        return _quantiles(self.replicates, centred=_recentre(self.metric))


def estimate(
    sample: Sample,
    wanted: Sequence[tuple[str, str]],
    draws: Draws,
    *,
    suppress: bool = True,
) -> dict[tuple[str, str], Estimate]:
    """Several metrics of one sample.

    Args:
        sample: the cases.
        wanted: (metric, column of the sample) pairs.
        draws: made for (at least) the patients of the sample.
        suppress: False only for choices between settings, where a poor number beats none and
            nothing is published.

    Returns:
        An estimate for each pair: suppressed with too few patients (fewer than 10, or fewer than
        5 in a class that the metric conditions on), withheld where a column holds NaN.
    """
    modules = {metric: module_of(metric) for metric, _ in wanted}
    empty = np.full(draws.counts.shape[1], np.nan)
    found = {}
    for metric, column in wanted:
        status, reason = "ok", None
        if suppress or sample.y_true.size == 0:
            status, reason = _standing(modules[metric], sample, column)
        found[metric, column] = Estimate(
            metric,
            empty,
            n_cases=np.unique(sample.case).size,
            n_patients=np.unique(sample.patient).size,
            n_positive=np.unique(sample.case[sample.y_true == 1]).size,
            status=status,
            reason=reason,
        )
    ok = [key for key, one in found.items() if one.status == "ok"]
    if not ok:
        return found
    values = {key: [] for key in ok}  # type: dict[tuple[str, str], list[Array]]
    repeats = sample.blocks(by_fold=False)
    for rows in repeats:
        part = _rows(sample, rows)
        for key, row in _one_repeat(part, ok, modules, draws).items():
            values[key].append(row)
    for key in ok:
        by_repeat = np.stack(values[key])  # (repeats, 1 + n_bootstrap)
        numbers = [int(sample.repeat[rows.start]) for rows in repeats]
        found[key] = replace(
            found[key],
            replicates=by_repeat.mean(axis=0),
            per_repeat=dict(zip(numbers, by_repeat[:, 0].tolist(), strict=True)),
        )
    return found


def macro(parts: dict[str, Estimate]) -> Estimate:
    """Mean over classes, with the same draws. Suppressed when any class is: a mean over fewer
    classes is another number. n_positive counts (case, class) pairs.

    Args:
        parts: class name -> its estimate of one metric.
    """
    each = list(parts.values())
    lacking = [name for name, one in parts.items() if one.status != "ok"]
    replicates = np.stack([one.replicates for one in each]).mean(axis=0)
    repeats = set.intersection(*(set(one.per_repeat) for one in each))
    return Estimate(
        each[0].metric,
        replicates,
        n_cases=max(one.n_cases for one in each),
        n_patients=max(one.n_patients for one in each),
        n_positive=sum(one.n_positive for one in each),
        status=parts[lacking[0]].status if lacking else "ok",
        reason=f"a mean needs every class; without: {', '.join(lacking)}" if lacking else None,
        per_repeat={r: float(np.mean([one.per_repeat[r] for one in each])) for r in repeats},
    )


def _one_repeat(
    part: Sample, keys: list[tuple[str, str]], modules: dict[str, ModuleType], draws: Draws
) -> dict[tuple[str, str], Array]:
    """(1 + n_bootstrap,) of each metric on one repeat, a chunk of draws at a time."""
    n_draws = draws.counts.shape[1]
    width = max(1, CHUNK // part.y_true.size)
    values = {key: np.empty(n_draws) for key in keys}
    folds = part.blocks(by_fold=True)
    copies = _copies(part, keys, modules, folds)
    for start in range(0, n_draws, width):
        stop = min(start + width, n_draws)
        weights = draws.counts[part.patient, start:stop].astype(np.float64)
        for metric, column in keys:
            if (metric, column) in copies:
                continue
            module, score = modules[metric], part.columns[column]
            compute = replicates_of(module, metric)
            if module.NEEDS == "ranking":
                row = _pooled(module, compute, part.y_true, score, weights, folds)
            else:
                row = compute(part.y_true, score, weights)
            values[metric, column][start:stop] = row
    for key, original in copies.items():
        values[key] = values[original]
    return values


def _copies(
    part: Sample,
    keys: list[tuple[str, str]],
    modules: dict[str, ModuleType],
    folds: list[slice],
) -> dict[tuple[str, str], tuple[str, str]]:
    """Keys whose values are those of an earlier key: the same numbers, or for a ranking metric
    the same order in every fold, as a temperature leaves it."""
    copies: dict[tuple[str, str], tuple[str, str]] = {}
    first: dict[str, tuple[str, str]] = {}
    for key in keys:
        metric, column = key
        original = first.setdefault(metric, key)
        if original == key:
            continue
        a, b = part.columns[original[1]], part.columns[column]
        same = np.array_equal(a, b)
        if not same and modules[metric].NEEDS == "ranking":
            same = all(_same_order(a[fold], b[fold]) for fold in folds)
        if same:
            copies[key] = original
    return copies


def _same_order(a: Array, b: Array) -> bool:
    order = np.argsort(a, kind="stable")
    steps_a, steps_b = np.diff(a[order]), np.diff(b[order])
    return bool(np.all(steps_b >= 0) and np.array_equal(steps_a > 0, steps_b > 0))


def _pooled(
    module: ModuleType,
    compute: Callable[[Array, Array, Array], Array],
    y_true: Array,
    score: Array,
    weights: Array,
    folds: list[slice],
) -> Array:
    """A ranking metric within folds, averaged with its pooling weight; NaN without any weight."""
    top = np.zeros(weights.shape[1])
    mass = np.zeros(weights.shape[1])
    for fold in folds:
        y, w = y_true[fold], weights[fold]
        positive = total(y, w)
        weight = module.pooling_weight(positive, w.sum(axis=0) - positive)
        value = compute(y, score[fold], w)
        usable = (weight > 0) & ~np.isnan(value)
        top += np.where(usable, weight * np.nan_to_num(value), 0.0)
        mass += np.where(usable, weight, 0.0)
    pooled: Array = np.divide(top, mass, out=np.full_like(top, np.nan), where=mass > 0)
    return pooled


def replicates_of(module: ModuleType, metric: str) -> Callable[[Array, Array, Array], Array]:
    """The metric's own `replicates`, or one that repeats cases and calls the plain function."""
    own: Callable[[Array, Array, Array], Array] | None = getattr(module, "replicates", None)
    if own is not None:
        return own
    plain: Callable[[Array, Array], float] = getattr(module, metric)

    def repeat_cases(y_true: Array, y_prob: Array, weights: Array) -> Array:
        values = np.full(weights.shape[1], np.nan)
        for r, weight in enumerate(weights.T.astype(np.int64)):
            try:
                values[r] = plain(np.repeat(y_true, weight), np.repeat(y_prob, weight))
            except InputError:
                continue  # undefined for this draw, such as one class only
        return values

    return repeat_cases


def _standing(module: ModuleType, sample: Sample, column: str) -> tuple[str, str | None]:
    """(status, reason) before anything is computed."""
    values = sample.columns[column]
    n_patients = np.unique(sample.patient).size
    if n_patients < MIN_PATIENTS:
        return "suppressed", f"{n_patients} patients, needs {MIN_PATIENTS}"
    if np.isnan(values).any():
        return "withheld", "no threshold could be chosen in every fold"
    for condition in module.CONDITIONS_ON:
        n = min(_patients_per_repeat(sample, _meets(condition, sample.y_true, values), module))
        if n < MIN_PATIENTS_PER_CLASS:
            words = condition.replace("_", " ")
            return "suppressed", f"{n} {words} patients, needs {MIN_PATIENTS_PER_CLASS}"
    return "ok", None


def _meets(condition: str, y_true: Array, values: Array) -> NDArray[np.bool_]:
    if condition in ("positive", "negative"):
        return np.asarray(y_true == (condition == "positive"))
    return np.asarray(values == (condition == "predicted_positive"))


def _patients_per_repeat(
    sample: Sample, meets: NDArray[np.bool_], module: ModuleType
) -> Iterator[int]:
    """Distinct patients that meet a condition, of each repeat. A ranking metric draws nothing
    from a fold with one class only, so its patients do not count."""
    counts = meets.copy()
    if module.NEEDS == "ranking":
        for fold in sample.blocks(by_fold=True):
            counts[fold] &= np.unique(sample.y_true[fold]).size == 2
    for rows in sample.blocks(by_fold=False):
        yield int(np.unique(sample.patient[rows][counts[rows]]).size)


def _rows(sample: Sample, rows: slice) -> Sample:
    keep = np.zeros(sample.y_true.size, dtype=bool)
    keep[rows] = True
    return sample.take(keep)


@cache
def module_of(metric: str) -> ModuleType:
    """The metric's file; raises InputError when there is none of that name."""
    return registry.load("metrics", metric)


def _recentre(metric: str) -> bool:
    return bool(getattr(module_of(metric), "RECENTRE", False))


def _quantiles(replicates: Array, centred: bool = False) -> tuple[float, float]:
    """Interval from replicates whose first is the estimate.

    Args:
        replicates: (1 + n_bootstrap,).
        centred: subtract the mean excess of the replicates over the estimate, for distances that
            resampling can only lengthen; the interval does not go below 0.
    """
    value, drawn = float(replicates[0]), replicates[1:]
    drawn = drawn[~np.isnan(drawn)]
    if np.isnan(value) or drawn.size == 0:
        return float("nan"), float("nan")
    if centred:
        drawn = np.maximum(drawn - (drawn.mean() - value), 0.0)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
