"""Some patients come a second time under another id: nearly the same record and note."""

from dataclasses import replace

import numpy as np

from clinmm.cohort.phantom.flaws import Flaws
from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.lesions import draw_evidence
from clinmm.cohort.phantom.planting.planted import Planted

SHARE = 0.03


def plant(cases: list[Case], rng: np.random.Generator) -> Planted:
    whole = [case for case in cases if case.present["note"] and case.present["record"]]
    n_patients = cases[-1].patient_index + 1
    again: dict[str, str] = {}
    patients: set[int] = set()
    for at in rng.permutation(len(whole)):
        first = whole[at]
        if len(again) >= max(3, round(SHARE * n_patients)) or first.patient_index in patients:
            continue
        patients.add(first.patient_index)
        second = _second(first, len(cases), n_patients + len(again), rng)
        cases.append(second)
        again[second.case_id] = first.case_id
    return Planted("same_patient", "all", "note", {"share": SHARE, "copy_of": again}, list(again))


def _second(first: Case, index: int, patient: int, rng: np.random.Generator) -> Case:
    values = dict(first.record)
    values["temperature"] = round(values["temperature"] + float(rng.choice([-0.1, 0.0, 0.1])), 1)
    values["crp"] = round(values["crp"] * float(rng.choice([0.9, 1.0, 1.1])), 1)
    return replace(
        first,
        index=index,
        patient_index=patient,
        case_id=f"c{index + 1:04d}",
        patient_id=f"p{patient + 1:04d}",
        image_evidence=draw_evidence(rng, first.labels, first.separation),
        facts=dict(first.facts),
        record=values,
        measured=dict(first.measured),
        present=dict(first.present),
        flaws=Flaws(
            reworded=first.index,
            body=first.patient_index,
            stated=first.flaws.stated,
            marker=first.flaws.marker,
        ),
    )
