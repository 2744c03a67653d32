"""Some files say that black is white, are cut short, or hold no pixels."""

import numpy as np

from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.planting.planted import Planted, with_own_picture

WAYS = ("photometric", "truncated", "no_pixels")
SHARE = 0.03


def plant(cases: list[Case], rng: np.random.Generator) -> Planted:
    pictured = with_own_picture(cases)
    n = min(len(pictured), max(len(WAYS), round(SHARE * len(pictured))))
    chosen = [pictured[at] for at in sorted(rng.choice(len(pictured), n, replace=False))]
    how: dict[str, list[str]] = {way: [] for way in WAYS}
    for number, case in enumerate(chosen):
        case.flaws.broken = WAYS[number % len(WAYS)]
        how[case.flaws.broken].append(case.case_id)
    return Planted(
        "wrong_pixels", "all", "image", {"share": SHARE, "how": how}, [c.case_id for c in chosen]
    )
