"""A column of the record goes with consolidation in most patients, and against it in the young.

From 40 years on most consolidations lie on the chest ward; below, everybody else does. The age is
in the record, so a model could serve both; one that trains on all alike follows the many and
fails the few. The design of Waterbirds: Sagawa et al., "Distributionally robust neural networks",
ICLR 2020.
"""

import numpy as np

from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted

SHARE = 0.9
BELOW = 40
WARDS = ("general", "chest")


def plant(cases: list[Case], rng: np.random.Generator, *, share: float = SHARE) -> Planted:
    """share: of cases whose ward goes with their label, and of the young against it."""
    class_name = "consolidation"
    k = FINDINGS.index(class_name)
    for case, chance in zip(cases, rng.random(len(cases)), strict=True):
        agrees = (chance < share) != (case.age < BELOW)
        case.flaws.ward = WARDS[int(bool(case.labels[k]) == agrees)]
    return Planted(
        "group_shortcut",
        class_name,
        "record",
        {"group_by": "age", "group": f"[0, {BELOW})", "share": share, "column": "ward"},
        [case.case_id for case in cases if case.age < BELOW and case.present["record"]],
    )
