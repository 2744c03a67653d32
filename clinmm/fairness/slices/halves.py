"""Which patients propose slices and which confirm them."""

import numpy as np
import pandas as pd


def proposing_patients(rows: pd.DataFrame, seed: int) -> set[str]:
    """A random half of the patients, with half of those who are positive for each class.

    Patients are dealt out in turn within strata: the rarest class that a patient is positive for,
    or none.

    Args:
        rows: columns patient_id, class_name, target in {0, 1}.
        seed: of the order in which patients are dealt out.
    """
    positive = rows[rows["target"] == 1].drop_duplicates(["patient_id", "class_name"])
    counts = positive["class_name"].value_counts()
    rarest = (
        positive.assign(count=positive["class_name"].map(counts).astype(int))
        .sort_values(["count", "class_name"], kind="stable")
        .drop_duplicates("patient_id")
        .set_index("patient_id")["class_name"]
    )
    patients = np.array(sorted(set(rows["patient_id"])), dtype=object)
    stratum = pd.Series(patients).map(rarest).fillna("").to_numpy(dtype=str)
    shuffled = np.random.default_rng(seed).permutation(patients.size)
    dealt = shuffled[np.argsort(stratum[shuffled], kind="stable")]
    return set(patients[dealt[::2]])
