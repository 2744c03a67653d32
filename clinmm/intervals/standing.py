"""Whether an estimate is given, and how many patients stand behind it."""

from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm import registry
from clinmm.intervals.sample import Sample

MIN_PATIENTS = 10
MIN_PATIENTS_PER_CLASS = 5
WITHOUT_TWO_SIDES = ("classes", "value", "order")
"""What a metric NEEDS whose cases are not positive or negative."""


class Standing(NamedTuple):
    """status: ok, suppressed or withheld. reason: None where ok.

    n_behind: distinct patients of the smallest class that the metric conditions on; of the rarer
        outcome, where it conditions on none. At least 5 where status is ok, except that the rarer
        outcome may have fewer and then counts as 5.
    """

    status: str
    reason: str | None
    n_behind: int


class Counted:
    """Patients of a sample by what they meet, each counted once."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.n_cases = n_distinct(sample.case)
        self.n_patients = n_distinct(sample.patient)
        self.n_positive = n_distinct(sample.case[sample.y_true == 1])
        self._known: dict[tuple[str, str | None, bool], int] = {}

    def meeting(self, condition: str, column: str, ranking: bool) -> int:
        """Distinct patients that meet a condition, in the repeat with the fewest."""
        of_calls = condition.startswith("predicted")
        key = condition, column if of_calls else None, ranking
        if key not in self._known:
            values = self.sample.columns[column] if of_calls else self.sample.y_true
            meets = values == float(condition in ("positive", "predicted_positive"))
            self._known[key] = min(_per_repeat(self.sample, meets, ranking))
        return self._known[key]


def standing(module: ModuleType, counted: Counted, column: str) -> Standing:
    """What the rules say about one metric of one sample, before anything is computed."""
    n_patients = counted.n_patients
    if n_patients < MIN_PATIENTS:
        return Standing("suppressed", f"{n_patients} patients, needs {MIN_PATIENTS}", n_patients)
    if np.isnan(counted.sample.columns[column]).any():
        return Standing("withheld", "no threshold could be chosen in every fold", n_patients)
    n_behind = n_patients
    for condition in module.CONDITIONS_ON:
        n = counted.meeting(condition, column, module.NEEDS == "ranking")
        if n < MIN_PATIENTS_PER_CLASS:
            words = condition.replace("_", " ")
            reason = f"{n} {words} patients, needs {MIN_PATIENTS_PER_CLASS}"
            return Standing("suppressed", reason, n)
        n_behind = min(n_behind, n)
    if not module.CONDITIONS_ON and module.NEEDS not in WITHOUT_TWO_SIDES:
        rarer = min(counted.meeting(c, column, False) for c in ("positive", "negative"))
        n_behind = max(rarer, MIN_PATIENTS_PER_CLASS)
    return Standing("ok", None, n_behind)


def n_distinct(numbers: NDArray[np.int64]) -> int:
    """How many different numbers there are, none below 0."""
    return int(np.count_nonzero(np.bincount(numbers)))


def _per_repeat(sample: Sample, meets: NDArray[np.bool_], ranking: bool) -> Iterator[int]:
    """Distinct patients that meet a condition, of each repeat. A ranking metric draws nothing
    from a fold with one class only, so its patients do not count."""
    if ranking:
        for fold in sample.blocks(by_fold=True):
            y = sample.y_true[fold]
            meets[fold] &= bool(y.min() < y.max())
    for rows in sample.blocks(by_fold=False):
        yield n_distinct(sample.patient[rows][meets[rows]])


@cache
def module_of(metric: str) -> ModuleType:
    """The metric's file; raises InputError when there is none of that name."""
    return registry.load("metrics", metric)
