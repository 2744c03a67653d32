"""Images and notes of women are absent more often, whatever is found."""

import numpy as np

from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted

SHARE = 0.4
INPUTS = ("image", "note")


def plant(cases: list[Case], rng: np.random.Generator, *, share: float = SHARE) -> Planted:
    """share: of the group's images, and of its notes, that are there without the plant."""
    column, group = "sex", "F"
    gone: dict[str, list[str]] = {name: [] for name in INPUTS}
    for case, chance in zip(cases, rng.random((len(cases), len(INPUTS))), strict=True):
        for name, u in zip(INPUTS, chance, strict=True):
            if case.sex == group and case.present[name] and u < share:
                case.present[name] = False
                gone[name].append(case.case_id)
        if not any(case.present.values()):
            case.present["record"] = True
    ids = sorted({case_id for of_input in gone.values() for case_id in of_input})
    return Planted(
        "missing_in_group",
        "all",
        " and ".join(INPUTS),
        {"group_by": column, "group": group, "share": share, "how": gone},
        ids,
    )
