"""Intervals of anybody's values per case, clustered by patient."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from clinmm.errors import InputError
from clinmm.intervals.limits import limits
from clinmm.metrics.weighted import Array, mean_influence


class Interval(NamedTuple):
    """A mean with its 95 % limits; NaN limits where fewer than two patients are there."""

    value: float
    low: float
    high: float
    method: str
    n_cases: int
    n_patients: int


def mean_interval(values: ArrayLike, patients: ArrayLike) -> Interval:
    """Mean over cases, by Student's t with the patients less one as degrees of freedom.

    Args:
        values: (n,) one finite number per case.
        patients: (n,) who each case belongs to, numbers or ids.

    Raises:
        InputError: lengths that differ, no case, values that are not finite.

    >>> [round(x, 3) for x in mean_interval([1, 2, 3], ["a", "b", "c"])[:3]]
    [2.0, -0.484, 4.484]
    """
    return _interval(values, patients, scale="identity")


def rate_interval(hits: ArrayLike, patients: ArrayLike) -> Interval:
    """Share of cases with a 1, by the rules for shares in `limits.py`.

    Args:
        hits: (n,) 0 or 1 per case.
        patients: (n,) who each case belongs to.

    Raises:
        InputError: lengths that differ, no case, values other than 0 and 1.

    >>> [round(x, 3) for x in rate_interval([1] * 10, range(10))[:3]]
    [1.0, 0.692, 1.0]
    """
    return _interval(hits, patients, scale="logit")


def _interval(values: ArrayLike, patients: ArrayLike, scale: str) -> Interval:
    of_case = np.asarray(values, dtype=np.float64)
    owner = np.asarray(patients)
    _refuse(of_case, owner, share=scale == "logit")
    _, number = np.unique(owner, return_inverse=True)
    n_patients = int(number.max()) + 1
    value, influence = mean_influence(of_case)
    sums = np.bincount(number, weights=influence)
    variance = float(sums @ sums) * n_patients / max(n_patients - 1, 1)
    low, high, method = limits(scale, value, variance, n_patients - 1, share=scale == "logit")
    return Interval(value, low, high, method, of_case.size, n_patients)


def _refuse(values: Array, owner: np.ndarray, *, share: bool) -> None:
    problems = []
    if values.ndim != 1 or values.shape != owner.shape:
        problems.append(
            f"values and patients need one entry each per case, (n,); got shapes {values.shape} "
            f"and {owner.shape}."
        )
    if values.size == 0:
        problems.append("values is empty: an interval needs at least one case.")
    if n_bad := int((~np.isfinite(values)).sum()):
        problems.append(f"values must be finite; {n_bad} of {values.size} are not. Leave them out.")
    elif share and (n_bad := int((~np.isin(values, (0.0, 1.0))).sum())):
        problems.append(f"hits must be 0 or 1; {n_bad} of {values.size} values are not.")
    if problems:
        raise InputError(problems)
