"""Some notes and laboratory values were written after the time of the prediction."""

import numpy as np

from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted

SHARE = 0.06
INPUTS = ("note", "record")


def plant(cases: list[Case], rng: np.random.Generator) -> Planted:
    late: dict[str, list[str]] = {name: [] for name in INPUTS}
    for case in cases:
        for name in INPUTS:
            before, after, chance = int(rng.integers(0, 4)), int(rng.integers(1, 31)), rng.random()
            case.flaws.days_after[name] = after if chance < SHARE else -before
            if chance < SHARE and case.present[name]:
                late[name].append(case.case_id)
    ids = sorted({case_id for cases_ in late.values() for case_id in cases_})
    return Planted("time_travel", "all", "note and record", {"share": SHARE, "how": late}, ids)
