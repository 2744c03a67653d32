"""`truth.json`: what is really so, and what was planted."""

from collections.abc import Sequence
from typing import Any

from clinmm.cohort.phantom import latents, lesions
from clinmm.cohort.phantom.findings import FINDINGS, LABEL_WORDS
from clinmm.cohort.phantom.image_files import GENERATOR
from clinmm.cohort.phantom.latents import Case
from clinmm.cohort.phantom.oracle import oracle_by_sex, oracle_table
from clinmm.cohort.phantom.records import LABS

VERSION = 1


def of_case(case: Case) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "sex": case.sex,
        "age": case.age,
        "labels": dict(zip(FINDINGS, case.labels.tolist(), strict=True)),
        "present": case.present,
        "image_evidence": dict(zip(FINDINGS, case.image_evidence.round(4).tolist(), strict=True)),
        "facts": case.facts,
        "measured": case.measured,
    }


def of_cohort(cases: Sequence[Case], planted: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    return {
        "generator": GENERATOR,
        "version": VERSION,
        "seed": seed,
        "n_patients": cases[-1].patient_index + 1,
        "n_cases": len(cases),
        "planted": planted,
        "oracle_auroc": oracle_table(cases),
        "oracle_auroc_by_sex": oracle_by_sex(cases),
        "oracle_note": (
            "AUROC of the exact posterior from the latent evidence, true labels: an upper bound. "
            "The seven sets of inputs on all cases, as_present on what each case has. Planted "
            "markers and statements are not counted as evidence; a planted faint group is. "
            "oracle_as_present of a case is its posterior: take its AUROC on the cases you compare."
        ),
        "label_words": LABEL_WORDS,
        "image_separation": lesions.SEPARATION,
        "missingness": {
            "image": ".07, + .07 at site C, + .05 from age 70",
            "note": ".10, + .12 at site B",
            "record": ".04 wholly empty; kept where nothing else is present",
            **{
                name: f"{lab.missing:g}"
                + (
                    f", {lab.missing_if_dyspnoea:g} with dyspnoea"
                    if lab.missing_if_dyspnoea != lab.missing
                    else ""
                )
                for name, lab in LABS.items()
            },
            "labels": f"{latents.LABEL_NOT_RECORDED:g}",
        },
    }
