"""Patients who seem to be one person under two ids."""

from clinmm.cohort.cohort import Cohort
from clinmm.intake.context import Context
from clinmm.intake.duplicates.links import find_links
from clinmm.intake.finding import Example, Finding


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Per note and record input a warning for patients who share what hardly anybody else has
    (see `intake/duplicates/people.py`), and agree in sensitive attributes and site."""
    if context.links is None:
        context.links = find_links(cohort, context.images_of(cohort))
    people = context.links[context.links["kind"] == "same_patient"]
    unit = cohort.spec.unit_name
    findings = []
    for name, pairs in people.groupby("input", sort=False):
        closest = pairs.sort_values("distance", kind="stable")
        findings.append(
            Finding(
                "same_patient",
                "warning",
                str(name),
                f"{len(pairs)} pairs of {unit}s share a {cohort.spec.inputs[str(name)].kind} that "
                "hardly anybody else has.",
                f"If a pair is one {unit}, give both one id.",
                tuple(dict.fromkeys(closest[["case_id", "other_case_id"]].to_numpy().ravel())),
                len(pairs),
                examples=tuple(
                    Example(one, str(name), other, value=distance)
                    for one, other, distance in zip(
                        closest["case_id"],
                        closest["other_case_id"],
                        closest["distance"],
                        strict=True,
                    )
                ),
            )
        )
    return findings
