"""Some pictures are copies of the picture of another patient, in all the ways that files are.

A copy shows a patient of the same sex with the same findings, and so its evidence is right for
its case: what is wrong is that it is there twice.
"""

import numpy as np

from clinmm.cohort.phantom.flaws import Copy
from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.picture_copies import WAYS
from clinmm.cohort.phantom.planting.planted import Planted

SHARE = 0.04


def plant(cases: list[Case], rng: np.random.Generator) -> Planted:
    pictured = [case for case in cases if case.present["image"]]
    wanted = max(len(WAYS), round(SHARE * len(pictured)))
    pairs: list[tuple[Case, Case]] = []
    taken: set[int] = set()
    for at in rng.permutation(len(pictured)):
        case = pictured[at]
        others = [
            other
            for other in pictured
            if other.index not in taken
            and other.patient_index != case.patient_index
            and other.sex == case.sex
            and other.flaws.marker == case.flaws.marker
            and (other.labels == case.labels).all()
        ]
        if case.index in taken or not others or len(pairs) == wanted:
            continue
        source = others[int(rng.integers(len(others)))]
        case.flaws.copy = Copy(source.index, WAYS[len(pairs) % len(WAYS)])
        case.image_evidence, case.separation = source.image_evidence, source.separation
        taken |= {case.index, source.index}
        pairs.append((case, source))
    copies = [case.case_id for case, _ in pairs]
    how = {way: copies[at :: len(WAYS)] for at, way in enumerate(WAYS)}
    return Planted(
        "duplicate_images",
        "all",
        "image",
        {"share": SHARE, "copy_of": {c.case_id: s.case_id for c, s in pairs}, "how": how},
        copies,
    )
