"""A few temperatures without their decimal point, and saturations above 100 percent."""

import numpy as np

from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted

SHARE = 0.01


def plant(cases: list[Case], rng: np.random.Generator) -> Planted:
    def measured(column: str) -> list[Case]:
        return [case for case in cases if case.present["record"] and case.measured[column]]

    cells: dict[str, list[str]] = {}
    for column, factor, shift in (("temperature", 10.0, 0.0), ("spo2", 1.0, 12.0)):
        known = measured(column)
        n = min(len(known), max(2, round(SHARE * len(cases))))
        chosen = [known[at] for at in sorted(rng.choice(len(known), n, replace=False))]
        for case in chosen:
            case.flaws.mistyped[column] = round(factor * case.record[column] + shift, 1)
        cells[column] = [case.case_id for case in chosen]
    ids = sorted({case_id for ids in cells.values() for case_id in ids})
    return Planted("implausible", "all", "record", {"share": SHARE, "how": cells}, ids)
