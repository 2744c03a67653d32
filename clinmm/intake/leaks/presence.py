"""What was recorded for whom: a 0/1 column per input and record column that is not always there."""

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort

LEAST_PATIENTS = 5
"""Patients that must have, and that must lack, a field for its presence to say anything."""


def presence(cohort: Cohort) -> dict[str, NDArray[np.float64]]:
    """Field -> (n_cases,) 1 where recorded: `note`, `record`, `record.crp` and so on.

    Left out are fields that hardly anybody lacks or has, and those that come and go with a field
    before them. A record column is looked at beside its whole record.
    """
    fields: dict[str, NDArray[np.bool_]] = {}
    for name in cohort.spec.inputs:
        fields[name] = cohort.present(name)
    for name in cohort.spec.input_names("record"):
        for column, cells in cohort.record(name).items():
            fields[f"{name}.{column}"] = cells.notna().to_numpy(bool)
    patients = cohort.table["patient_id"].to_numpy()
    kept: dict[str, NDArray[np.bool_]] = {}
    for field, here in fields.items():
        counts = len(set(patients[here])), len(set(patients[~here]))
        if min(counts) < LEAST_PATIENTS:
            continue
        if not any(np.array_equal(here, other) for other in kept.values()):
            kept[field] = here
    return {field: here.astype(np.float64) for field, here in kept.items()}
