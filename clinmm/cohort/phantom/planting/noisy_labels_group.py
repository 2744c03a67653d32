"""Labels of men are often wrong; a second reading of every case, which is right, stands beside.

Each label of the group is turned round with the same chance, whatever is true: what is learned
and scored on is the wrong one. The columns FINDING_second hold the truth where a label is
recorded, so that noise in labels can be told from evidence that is weaker.
"""

import numpy as np

from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted

RATE = 0.2


def plant(cases: list[Case], rng: np.random.Generator, *, rate: float = RATE) -> Planted:
    """rate: share of the group's labels that are wrong."""
    column, group = "sex", "M"
    wrong = rng.random((len(cases), len(FINDINGS))) < rate
    for case, of_case in zip(cases, wrong, strict=True):
        case.flaws.read_twice = True
        if case.sex == group:
            case.flaws.mislabelled = tuple(f for f, w in zip(FINDINGS, of_case, strict=True) if w)
    return Planted(
        "noisy_labels_group",
        "all",
        "label",
        {"group_by": column, "group": group, "rate": rate, "second": "FINDING_second"},
        [case.case_id for case in cases if case.flaws.mislabelled],
    )
