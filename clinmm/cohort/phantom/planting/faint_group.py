"""Findings of women are drawn nearer to normal than those of men."""

import numpy as np

from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted

SHARE_LEFT = 0.25


def plant(cases: list[Case], rng: np.random.Generator) -> Planted:
    column, group = "sex", "F"
    for case in cases:
        if case.sex == group:
            lost = (1.0 - SHARE_LEFT) * case.separation
            case.image_evidence = case.image_evidence - lost * case.labels
            case.separation = case.separation - lost
    return Planted(
        "faint_group",
        "all",
        "image",
        {"group_by": column, "group": group, "share_of_separation_left": SHARE_LEFT},
        [c.case_id for c in cases if c.sex == group and c.labels.any() and c.present["image"]],
    )
