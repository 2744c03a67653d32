"""The questions that intake asks of cases: the classes of the target, and the sensitive groups."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.cohort import NOT_RECORDED, Cohort


@dataclass(frozen=True, eq=False)
class Question:
    """of: `class` or the attribute's name. name: of the class or group. answer: (n_cases,) 0, 1 or
    NaN where not known."""

    of: str
    name: str
    answer: NDArray[np.float64]

    def known(self, among: NDArray[np.bool_]) -> NDArray[np.int_]:
        """Rows of these cases whose answer is known."""
        return np.flatnonzero(among & ~np.isnan(self.answer))


def classes(cohort: Cohort) -> list[Question]:
    """One question per class; of a value, whether it is above the median."""
    targets = cohort.sides()
    return [Question("class", name, targets[:, k]) for k, name in enumerate(cohort.class_names)]


def groups(cohort: Cohort) -> Iterator[Question]:
    """One question per group of each sensitive attribute (one alone where there are two); cases
    whose group is not recorded are not asked."""
    for attribute, column in cohort.groups().items():
        cells = column.to_numpy(dtype=object)
        known = cells != NOT_RECORDED
        names = sorted(set(cells[known]))
        for name in names if len(names) > 2 else names[:1]:
            answer = np.where(known, (cells == name).astype(np.float64), np.nan)
            yield Question(str(attribute), str(name), answer)
