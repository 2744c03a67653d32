"""Finished predictions that a mitigation may be fitted on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinmm.metrics.weighted import Array


@dataclass(frozen=True, eq=False)
class Finished:
    """n cases and K classes, side by side, of patients that are not test.

    probability: (n, K), calibrated for all together, by a calibrator that has not seen these
        patients.
    target: (n, K) in {0, 1}. known: (n, K), whether the target is.
    groups: (n,) number of each case's group, -1 where not recorded.
    patients: (n,) ids.
    """

    probability: Array
    target: Array
    known: NDArray[np.bool_]
    groups: NDArray[np.int64]
    patients: NDArray[np.object_]
