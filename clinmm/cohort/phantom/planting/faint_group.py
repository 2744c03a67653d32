"""Findings of women are drawn nearer to normal than those of men."""

import numpy as np

from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted

SHARE_LEFT = 0.25


def plant(
    cases: list[Case], rng: np.random.Generator, *, share_left: float = SHARE_LEFT
) -> Planted:
    """share_left: of the distance between the evidence with and without a finding."""
    column, group = "sex", "F"
    for case in cases:
        if case.sex == group:
            lost = (1.0 - share_left) * case.separation
            case.image_evidence = case.image_evidence - lost * case.labels
            case.separation = case.separation - lost
    return Planted(
        "faint_group",
        "all",
        "image",
        {"group_by": column, "group": group, "share_of_separation_left": share_left},
        [c.case_id for c in cases if c.sex == group and c.labels.any() and c.present["image"]],
    )
