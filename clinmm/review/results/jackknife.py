"""An estimate, and what it would be without each patient in turn.

Every estimate here is a function of the weights of its readings, so that leaving a patient out is
setting weights to 0, and a case that stands for many counts as many: rates of an enriched sample
are those of the run it was drawn from.

Reference:
    Hajek, in: Foundations of Statistical Inference (1971), after Horvitz, Thompson. J Am Stat Assoc
    47:663 (1952), for the weights; Efron, Stein. Ann Stat 9:586 (1981), for the jackknife.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.metrics.weighted import Array

Compute = Callable[[Array], Array]
"""Weights (n, R) of n readings -> (R,) the estimate under each; NaN where undefined."""

CHUNK = 2_000_000
"""Weights held at once."""


def leaving_out(
    compute: Compute, weight: Array, patient: NDArray[np.integer[Any]], n_patients: int
) -> Array:
    """(1 + n_patients,): the estimate, then the estimate without each patient.

    Args:
        compute: the estimate.
        weight: (n,) of each reading.
        patient: (n,) number of each reading's patient, below n_patients.
        n_patients: of all that is to be compared; who has no reading here changes nothing.
    """
    whole = compute(weight[:, None])[0]
    found = np.full(n_patients + 1, whole)
    there = np.unique(patient)
    width = max(1, CHUNK // max(weight.size, 1))
    for start in range(0, there.size, width):
        some = there[start : start + width]
        found[1 + some] = compute(weight[:, None] * (patient[:, None] != some))
    return found


def covariance(left_out: Sequence[Array]) -> Array:
    """(k, k) covariance of k estimates, each from `leaving_out` with the same patients."""
    table = np.stack([one[1:] for one in left_out])
    n = table.shape[1]
    moved = table - table.mean(axis=1, keepdims=True)
    return np.asarray((n - 1) / n * (moved @ moved.T))
