"""A mean of a group beside that of everybody else, clustered by patient."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinmm.intervals import MIN_PATIENTS
from clinmm.intervals.limits import limits

Values = NDArray[np.float64]


class Contrast(NamedTuple):
    """Mean of the group less that of the others, with its 95 % limits; NaN where one side has fewer
    than 10 patients. n_cases, n_patients: of the group."""

    value: float
    low: float
    high: float
    n_cases: int
    n_patients: int

    def numbers(self) -> dict[str, Any]:
        """As `row.source_row` takes them."""
        return self._asdict()


def mean_difference(
    values: Values, inside: NDArray[np.bool_], outside: NDArray[np.bool_], patients: NDArray[Any]
) -> Contrast:
    """By Student's t, the patients of the smaller side less one being the degrees of freedom.

    Args:
        values: (n,) of each case; NaN is left out.
        inside, outside: (n,) the group, and whom it is compared with.
        patients: (n,) whose case it is; a patient may have cases on both sides.

    >>> patients, inside = np.arange(20), np.arange(20) < 10
    >>> mean_difference(np.where(inside, 3.0, 1.0), inside, ~inside, patients)[:3]
    (2.0, 2.0, 2.0)
    """
    known = ~np.isnan(values)
    sides = [inside & known, outside & known]
    each = [np.unique(patients[side]).size for side in sides]
    n_cases = int(sides[0].sum())
    if min(each) < MIN_PATIENTS:
        nan = float("nan")
        return Contrast(nan, nan, nan, n_cases, each[0])
    means = [float(values[side].mean()) for side in sides]
    _, who = np.unique(patients, return_inverse=True)
    influence = np.zeros(int(who.max()) + 1)
    for sign, side, mean in zip((1.0, -1.0), sides, means, strict=True):
        part = sign * (values[side] - mean) / side.sum()
        influence += np.bincount(who[side], weights=part, minlength=influence.size)
    df = min(each) - 1
    variance = float(influence @ influence) * (df + 1) / df
    low, high, _ = limits("identity", means[0] - means[1], variance, df, share=False)
    return Contrast(means[0] - means[1], low, high, n_cases, each[0])


def standardised_difference(
    values: Values, inside: NDArray[np.bool_], outside: NDArray[np.bool_], patients: NDArray[Any]
) -> Contrast:
    """`mean_difference` in standard deviations of the cases of both sides together, which are taken
    as known. 0 where all values are equal.

    Reference:
        Austin. Stat Med 28:3083 (2009): .1 and below is taken for balance.
    """
    both = values[inside | outside]
    spread = float(np.nanstd(both)) if (~np.isnan(both)).any() else float("nan")
    return mean_difference(values / (spread if spread > 0 else 1.0), inside, outside, patients)
