"""What was recorded for whom: a 0/1 column per input and record column that is not always there."""

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort

MOST_COLUMNS = 500
"""Columns of a record that are looked at one by one."""

LEAST_PATIENTS = 5
"""Patients that must have, and that must lack, a field for its presence to say anything."""


def presence(cohort: Cohort) -> dict[str, NDArray[np.float64]]:
    """Field -> (n_cases,) 1 where recorded: `note`, `record`, `record.crp` and so on.

    Left out are fields that hardly anybody lacks or has, and those that come and go with a field
    before them. A record column is looked at beside its whole record, but a record of more than
    MOST_COLUMNS as a whole alone.
    """
    fields: dict[str, NDArray[np.bool_]] = {}
    for name in cohort.spec.inputs:
        fields[name] = cohort.present(name)
    for name in cohort.spec.input_names("record"):
        record = cohort.record(name)
        for column, cells in record.items() if record.shape[1] <= MOST_COLUMNS else ():
            fields[f"{name}.{column}"] = cells.notna().to_numpy(bool)
    patients = cohort.table["patient_id"].to_numpy()
    kept: dict[bytes, str] = {}
    for field, here in fields.items():
        counts = len(set(patients[here])), len(set(patients[~here]))
        if min(counts) < LEAST_PATIENTS:
            continue
        kept.setdefault(here.tobytes(), field)
    return {field: fields[field].astype(np.float64) for field in kept.values()}
