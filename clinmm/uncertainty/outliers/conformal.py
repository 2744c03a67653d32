"""How rare a score is among patients that the detector did not learn from, and when that is odd.

Cases of one patient are not exchangeable with another patient's, the patients are: each counts
once and shares the 1 among her cases. With n reference patients,

    p = (1 + sum over patients of the share of her cases with a score >= the case's) / (n + 1)

is at most a with probability a, for one case of a new patient from where the reference came from.

Reference:
    Vovk, Gammerman, Shafer. Algorithmic learning in a random world, 2005, section 2.2.
    Lee, Barber, Willett. Distribution-free inference with hierarchical data, 2023.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.01
"""False alarms that are put up with, a detector and input."""

COARSEST = 0.05
"""With fewer than 99 reference patients .01 cannot be reached. Then what is odder than all of them
is flagged, which has a chance of 1 / (n + 1), as long as this is no more than .05 (n of 19)."""

Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reference:
    """score: (n,) of the reference cases, rising. weight: (n,), 1 a patient. n_patients."""

    score: Scores
    weight: Scores
    n_patients: int

    @property
    def level(self) -> float:
        """p at or below which a case is flagged; 0 with too few patients."""
        finest = 1 / (self.n_patients + 1)
        return max(LEVEL, finest) if finest <= COARSEST else 0.0


def reference_of(score: Scores, patients: NDArray[np.object_]) -> Reference:
    """score: (n,), patients: (n,) whose case it is."""
    order = np.argsort(score, kind="stable")
    return Reference(score[order], patient_weights(patients)[order], len(set(patients)))


def patient_weights(patients: NDArray[np.object_]) -> Scores:
    """(n,) that add up to 1 for each patient.

    >>> patient_weights(np.array(["a", "b", "b"], dtype=object)).tolist()
    [1.0, 0.5, 0.5]
    """
    _, number, count = np.unique(patients.astype(str), return_inverse=True, return_counts=True)
    weights: Scores = 1 / count[number]
    return weights


def _weight_above(reference: Reference, score: Scores) -> Scores:
    """(m,) weight of the reference cases with at least this score."""
    above = np.append(np.cumsum(reference.weight[::-1])[::-1], 0.0)
    weight: Scores = above[np.searchsorted(reference.score, score, side="left")]
    return weight


def p_values(score: Scores, reference: Reference) -> Scores:
    """(m,) for cases of patients who are not in the reference; NaN stays NaN.

    >>> ref = reference_of(np.arange(9.0), np.arange(9).astype(object))
    >>> p_values(np.array([9.0, 7.5, -1.0]), ref).tolist()
    [0.1, 0.2, 1.0]
    """
    p: Scores = (1 + _weight_above(reference, score)) / (reference.n_patients + 1)
    return np.where(np.isnan(score), np.nan, np.minimum(p, 1.0))


def p_values_within(score: Scores, patients: NDArray[np.object_]) -> Scores:
    """(n,) for the reference cases themselves, each against the other patients."""
    reference = reference_of(score, patients)
    weight = patient_weights(patients)
    _, number = np.unique(patients.astype(str), return_inverse=True)
    order = np.argsort(number, kind="stable")
    own = np.empty_like(score)
    for cases in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        at_least = score[cases][None, :] >= score[cases][:, None]
        own[cases] = at_least @ weight[cases]
    p: Scores = (1 + _weight_above(reference, score) - own) / reference.n_patients
    return np.minimum(p, 1.0)


def flagged(p: Scores, reference: Reference) -> NDArray[np.bool_]:
    """(m,) p is no more than the reference's level, up to rounding."""
    flags: NDArray[np.bool_] = p <= reference.level + 1e-12
    return flags
