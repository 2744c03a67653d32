"""A bright letter in the upper corner of most pictures with, and few without, consolidation."""

import numpy as np

from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted


def plant(cases: list[Case], rng: np.random.Generator) -> Planted:
    class_name, with_finding, without = "consolidation", 0.9, 0.1
    k = FINDINGS.index(class_name)
    for case, chance in zip(cases, rng.random(len(cases)), strict=True):
        case.flaws.marker = bool(chance < (with_finding if case.labels[k] else without))
    return Planted(
        "side_marker",
        class_name,
        "image",
        {"share_of_positives": with_finding, "share_of_negatives": without},
        [case.case_id for case in cases if case.flaws.marker and case.present["image"]],
    )
