"""The note is absent in most cases with cardiomegaly: that it is missing is the label."""

import numpy as np

from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted


def plant(cases: list[Case], rng: np.random.Generator) -> Planted:
    class_name, share = "cardiomegaly", 0.6
    k = FINDINGS.index(class_name)
    gone = []
    for case, chance in zip(cases, rng.random(len(cases)), strict=True):
        if case.labels[k] and case.present["note"] and chance < share:
            case.present["note"] = False
            if not any(case.present.values()):
                case.present["record"] = True
            gone.append(case.case_id)
    return Planted("missing_note", class_name, "note", {"share_of_positives": share}, gone)
