"""One site sees nearly every nodule and has a machine of its own."""

import numpy as np

from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted


def plant(cases: list[Case], rng: np.random.Generator) -> Planted:
    class_name, site, with_finding, without = "nodule", "B", 0.9, 0.08
    k = FINDINGS.index(class_name)
    has = {case.patient_index for case in cases if case.labels[k]}
    there = {
        patient: rng.random() < (with_finding if patient in has else without)
        for patient in sorted({case.patient_index for case in cases})
    }
    for case in cases:
        if there[case.patient_index]:
            case.site, case.flaws.own_machine = site, True
        elif case.site == site:
            case.site = "A"
    return Planted(
        "site_shortcut",
        class_name,
        "image",
        {"site": site, "share_of_positives": with_finding, "share_of_negatives": without},
        [case.case_id for case in cases if case.flaws.own_machine and case.present["image"]],
    )
