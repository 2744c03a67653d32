"""Patients whose cases are linked, as one unit of the splits."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort


def units(cohort: Cohort, links: pd.DataFrame | None = None) -> NDArray[np.object_]:
    """(n_cases,) the unit of each case: the first, in order of the table, of the patients that are
    connected to its patient by links; without links the patient.

    links: `schema.LINKS`; those that name a case outside the cohort are left out.
    """
    patients = cohort.table["patient_id"].to_numpy(dtype=object)
    if links is None or links.empty:
        return patients
    row_of = {case_id: row for row, case_id in enumerate(cohort.table["case_id"])}
    place = {patient: number for number, patient in enumerate(dict.fromkeys(patients))}
    root = list(range(len(place)))

    def find(number: int) -> int:
        while root[number] != number:
            root[number] = root[root[number]]
            number = root[number]
        return number

    for one, other in zip(links["case_id"], links["other_case_id"], strict=True):
        if one in row_of and other in row_of:
            ends = [find(place[patients[row_of[case_id]]]) for case_id in (one, other)]
            root[max(ends)] = min(ends)
    names = list(place)
    return np.array([names[find(place[patient])] for patient in patients], dtype=object)
