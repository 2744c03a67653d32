"""Who may change groups with whom: patients of the same outcomes.

A patient keeps all cases together. One whose cases lie in several groups, such as two ages, stays
as he is. `not recorded` changes hands like any other group.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.samples import Scored
from clinmm.subgroups import NOT_RECORDED, is_recorded

ENOUGH = 20
"""Patients who must share a pattern of outcomes for it to be kept apart."""


@dataclass(frozen=True, eq=False)
class Units:
    """The cases of one patient in one group, over all classes and folds of an arm.

    names: the groups, sorted; recorded: (groups,) bool, false where part of the attribute is
        `not recorded`.
    label: (units,) position of the unit's group in names. first: (patients,) where the units of
        each patient begin.
    of_case: for each class (n,) the unit of each case.
    movable: rows of units that may change groups with each other.
    """

    names: list[str]
    recorded: NDArray[np.bool_]
    label: NDArray[np.int64]
    first: NDArray[np.int64]
    of_case: list[NDArray[np.int64]]
    movable: list[NDArray[np.int64]]

    @classmethod
    def of(cls, parts: list[Scored], groups: pd.Series) -> "Units":
        """From the classes of an arm and a column of `subgroups.grouping` (index case_id)."""
        values = [groups.reindex(scored.case_ids).fillna(NOT_RECORDED) for scored in parts]
        names = sorted({str(name) for column in values for name in column})
        patient = np.concatenate([scored.sample.patient for scored in parts])
        label = pd.Index(names).get_indexer(pd.concat(values).astype(str))
        numbered, unit = np.unique(patient * len(names) + label, return_inverse=True)
        of_patient = numbered // len(names)
        _, first, n_units = np.unique(of_patient, return_index=True, return_counts=True)
        lonely = first[n_units == 1]
        stratum = strata(parts)[of_patient[lonely]]
        return cls(
            names,
            np.array([is_recorded(name) for name in names]),
            numbered % len(names),
            first,
            np.split(unit, np.cumsum([scored.case_ids.size for scored in parts])[:-1]),
            [lonely[stratum == number] for number in np.unique(stratum)],
        )

    def shuffled(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        """(units, n) labels after n permutations within each stratum."""
        label = np.repeat(self.label[:, None], n, axis=1)
        for rows in self.movable:
            label[rows] = rng.permuted(label[rows], axis=0)
        return label


def strata(parts: list[Scored]) -> NDArray[np.int64]:
    """(patients of the draws,) a number for what outcomes a patient has.

    The pattern says of each class whether the patient has positive cases, negative ones or both.
    Where fewer than 20 patients share it, the rarest of the patient's positive classes stands for
    it, or that there is none: what is scarce is kept in place first.

    Args:
        parts: the classes of one arm.
    """
    n_patients = 1 + max(int(scored.sample.patient.max()) for scored in parts)
    seen = np.zeros((n_patients, len(parts), 2), dtype=bool)
    for k, scored in enumerate(parts):
        seen[scored.sample.patient, k, scored.sample.y_true.astype(np.int64)] = True
    _, pattern, shared = np.unique(
        seen.reshape(n_patients, -1), axis=0, return_inverse=True, return_counts=True
    )
    pattern = pattern.ravel()
    positive = seen[:, :, 1]
    by_rarity = positive[:, np.argsort(positive.sum(axis=0), kind="stable")]
    rarest = np.where(by_rarity.any(axis=1), by_rarity.argmax(axis=1), len(parts))
    number: NDArray[np.int64] = np.where(shared[pattern] >= ENOUGH, pattern, shared.size + rarest)
    return number
