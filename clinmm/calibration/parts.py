"""Patients dealt into equal parts, for cross-fitting and for keeping one half back."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinmm.calibration.inputs import Labels


def parts(
    patient_ids: Labels,
    target: ArrayLike,
    n_parts: int,
    *,
    seed: int = 0,
) -> NDArray[np.int64]:
    """(n,) part of each case, from 0; all cases of a patient are in one.

    Stratified: patients are dealt in turn, in random order within each class, a patient being of
    the highest class number among his cases. NaN, not known, is a class of its own.
    """
    patients, owner = np.unique(np.asarray(patient_ids, dtype=object), return_inverse=True)
    of_patient = np.full(patients.size, -1.0)
    np.maximum.at(of_patient, owner, np.nan_to_num(np.asarray(target, np.float64), nan=-1.0))
    order = np.random.default_rng(seed).permutation(patients.size)
    order = order[np.argsort(of_patient[order], kind="stable")]
    part = np.empty(patients.size, dtype=np.int64)
    part[order] = np.arange(patients.size) % n_parts
    return part[owner]


def halves(patient_ids: Labels, target: ArrayLike, *, seed: int = 0) -> NDArray[np.bool_]:
    """(n,) whether a case is in the first of two halves, divided by patient within each class.

    >>> halves(["a", "a", "b", "c", "d"], [1, 0, 1, 0, 0]).tolist()  # a and b have the outcome
    [True, True, False, True, False]
    """
    return np.asarray(parts(patient_ids, target, 2, seed=seed) == 0)
