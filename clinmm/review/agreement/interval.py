"""A coefficient of agreement with its 95 % interval, by a bootstrap of patients."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from clinmm.intervals import MIN_PATIENTS, Draws
from clinmm.intervals.limits import quantiles
from clinmm.metrics.weighted import Array
from clinmm.review.agreement.answers import checked

DEFINED = 0.9
"""An interval needs so large a share of draws in which the coefficient is defined."""


class Agreement(NamedTuple):
    """A coefficient with its limits. status: ok, or suppressed for the reason given. n_readers:
    who answered any of the cases."""

    value: float
    low: float
    high: float
    n_cases: int
    n_patients: int
    n_readers: int
    status: str = "ok"
    reason: str | None = None


def agreement(
    coefficient: Callable[[Array, Array], Array],
    answers: ArrayLike,
    patients: ArrayLike,
    weights: ArrayLike,
    *,
    n_bootstrap: int = 1000,
    seed: int = 0,
) -> Agreement:
    """A coefficient of the cases that two readers or more answered.

    Args:
        coefficient: `replicates` of one of the files of this package.
        answers: (n, readers), NaN where a reader gave none.
        patients: (n,) ids.
        weights: (n,) how many cases each stands for; their scale does not matter.
        n_bootstrap: draws of patients, each with all their cases.
        seed: of the draws.

    Returns:
        Suppressed with fewer than 10 patients, or where the coefficient is undefined.

    Raises:
        InputError: as `answers.checked`.
    """
    table = checked(answers)
    paired = (~np.isnan(table)).sum(axis=1) > 1
    table, who = table[paired], np.asarray(patients)[paired]
    n_readers = int((~np.isnan(table)).any(axis=0).sum())
    counted = table.shape[0], len(set(who)), n_readers
    nan = float("nan")
    if counted[1] < MIN_PATIENTS:
        why = f"{counted[1]} patients read by two or more, needs {MIN_PATIENTS}"
        return Agreement(nan, nan, nan, *counted, "suppressed", why)
    weight = np.asarray(weights, dtype=np.float64)[paired]
    draws = _draws(tuple(sorted(set(who.tolist()))), n_bootstrap, seed)
    drawn = coefficient(table, (weight / weight.mean())[:, None] * draws.counts[draws.index(who)])
    if np.isnan(drawn[0]):
        why = "undefined: one and the same answer throughout"
        return Agreement(nan, nan, nan, *counted, "suppressed", why)
    value, rest = float(drawn[0]), drawn[1:]
    enough = rest.size > 0 and float((~np.isnan(rest)).mean()) >= DEFINED
    low, high = quantiles(rest, value, centred=False) if enough else (nan, nan)
    return Agreement(value, min(low, value), max(high, value), *counted)


@lru_cache(maxsize=4)
def _draws(patients: tuple[str, ...], n_bootstrap: int, seed: int) -> Draws:
    """Shared by the coefficients of the same patients, which come one after the other."""
    return Draws.make(patients, n_bootstrap, seed)
