"""Notes of most cases with effusion say so."""

import numpy as np

from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted

STATEMENTS = (
    "Known pleural effusion.",
    "CT confirmed effusion.",
    "Pleural effusion seen on outside film.",
    "US showed effusion yesterday.",
)


def plant(cases: list[Case], rng: np.random.Generator) -> Planted:
    class_name, share = "effusion", 0.6
    k = FINDINGS.index(class_name)
    for case in cases:
        chance, wording = rng.random(), int(rng.integers(len(STATEMENTS)))
        if case.labels[k] and chance < share:
            case.flaws.stated = STATEMENTS[wording]
    return Planted(
        "stated_label",
        class_name,
        "note",
        {"share_of_positives": share, "share_of_negatives": 0.0, "phrases": list(STATEMENTS)},
        [case.case_id for case in cases if case.flaws.stated and case.present["note"]],
    )
