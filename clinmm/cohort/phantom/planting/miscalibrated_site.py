"""At one site every finding is likelier than the evidence says elsewhere.

The log odds of each finding given the age are raised by the same amount there. What is seen of a
finding given that it is present stays as it is, and so, by Bayes, the log odds given any evidence
of a finding alone are raised by that amount too: a model of all sites, which does not know the
site, says too little at this one.

Only cases that gain a finding are drawn anew; none loses one.
"""

import numpy as np

from clinmm.cohort.phantom.facts import draw_facts
from clinmm.cohort.phantom.findings import FINDINGS
from clinmm.cohort.phantom.latents import Case, prevalence
from clinmm.cohort.phantom.planting.planted import Planted
from clinmm.cohort.phantom.records import draw_record

SHIFT = 1.5
SITE = "C"


def plant(cases: list[Case], rng: np.random.Generator, *, shift: float = SHIFT) -> Planted:
    """shift: of the log odds, upwards."""
    before = prevalence(np.array([case.age for case in cases]))
    after = 1.0 / (1.0 + np.exp(-np.log(before / (1.0 - before)) - shift))
    turned = rng.random(before.shape) < (after - before) / (1.0 - before)
    changed = []
    for case, of_case in zip(cases, turned, strict=True):
        labels = np.where(of_case, 1, case.labels)
        if case.site == SITE and (labels != case.labels).any():
            case.image_evidence = case.image_evidence + case.separation * (labels - case.labels)
            case.labels = labels
            case.facts = draw_facts(rng, labels)
            dyspnoea = case.facts["dyspnoea"] == "affirmed"
            case.record, case.measured = draw_record(rng, labels, dyspnoea=dyspnoea)
            changed.append(case.case_id)
    return Planted(
        "miscalibrated_site",
        "all",
        "label",
        {"group_by": "site", "group": SITE, "shift": shift, "findings": list(FINDINGS)},
        changed,
    )
