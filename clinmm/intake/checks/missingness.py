"""Whether the label, or a sensitive group, can be told from which fields are recorded."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinmm.cohort.cohort import Cohort
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding
from clinmm.intake.leaks.asked import Question, classes, groups
from clinmm.intake.leaks.presence import presence
from clinmm.intake.leaks.told import Told, auroc_of, holm, told_by, told_on_others

LEVEL = 0.05
MATTERS = 0.55
"""Lower limit of the AUROC from which a field's presence is worth a warning: recorded in 10 of 100
more of those with the class than without."""

MATTERS_BY_GROUP = 0.6
"""The same for a sensitive group, which no model is asked to tell."""

GIVES_AWAY = 0.9
"""Lower limit from which presence nearly is the label."""


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Per class and group: the AUROC of the presence of each field, and of all together (logistic
    regression, cross-validated by patient).

    A warning where the lower limit is above .55 (groups: .6) and, over all fields, classes and
    groups, Holm's p below .05; an error where a class's is above .9: what was recorded is then the
    label. Whether a test was ordered may be honest evidence, so a person has to weigh it. Per class
    the AUROC of all fields is told for information.
    """
    learns = context.learnt(cohort)
    fields = presence(cohort)
    if not fields:
        return []
    asked = [*classes(cohort), *groups(cohort)]
    tried = [
        (question, field, _alone(cohort, question, here, learns))
        for question in asked
        for field, here in fields.items()
    ]
    jointly = [_together(cohort, question, fields, learns) for question in asked]
    p = holm(np.array([told.p for _, _, told in tried] + [told.p for told in jointly]))
    findings = []
    for question, together, p_together in zip(asked, jointly, p[len(tried) :], strict=True):
        found = [
            (field, told, adjusted)
            for (q, field, told), adjusted in zip(tried, p, strict=False)
            if q is question and _stands_out(question, told, adjusted)
        ]
        warns = not found and _stands_out(question, together, p_together)
        findings += _findings(question, found, together, warns, len(fields))
    return findings


def on_test(
    cohort: Cohort, context: Context, findings: list[Finding], test: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """Per class: the AUROC on test patients of the regression made on the others."""
    fields = presence(cohort)
    if not fields:
        return []
    rows = []
    for question in classes(cohort):
        at = question.known(np.ones(cohort.n_cases, dtype=bool))
        told = told_on_others(
            np.stack([here[at] for here in fields.values()], axis=1),
            question.answer[at],
            cohort.table["patient_id"].to_numpy()[at],
            context.learnt(cohort)[at],
            test[at],
        )
        rows.append(test_row("missingness", "which fields are recorded", question.name, told))
    return rows


def test_row(name: str, by: str, class_name: str, told: Told) -> dict[str, Any]:
    """A row of `schema.INTAKE_TEST`."""
    return {
        "check": name,
        "subject": by,
        "measure": "AUROC",
        "class_name": class_name,
        "value": told.value,
        "low": told.low,
        "high": told.high,
        "n_cases": told.n_cases,
        "n_patients": told.n_patients,
    }


def _alone(
    cohort: Cohort, question: Question, here: NDArray[np.float64], learns: NDArray[np.bool_]
) -> Told:
    """Turned so that it is at least one half."""
    at = question.known(learns)
    y, patients = question.answer[at], cohort.table["patient_id"].to_numpy()[at]
    told = auroc_of(here[at], y, patients)
    return auroc_of(1 - here[at], y, patients) if told.value < 0.5 else told


def _together(
    cohort: Cohort,
    question: Question,
    fields: dict[str, NDArray[np.float64]],
    learns: NDArray[np.bool_],
) -> Told:
    at = question.known(learns)
    features = np.stack([here[at] for here in fields.values()], axis=1)
    return told_by(features, question.answer[at], cohort.table["patient_id"].to_numpy()[at])


def _stands_out(question: Question, told: Told, adjusted: float) -> bool:
    matters = MATTERS if question.of == "class" else MATTERS_BY_GROUP
    return told.known and told.low > matters and adjusted < LEVEL


def _findings(
    question: Question,
    found: list[tuple[str, Told, float]],
    together: Told,
    warns: bool,
    n_fields: int,
) -> list[Finding]:
    whose = f"'{question.name}'" + ("" if question.of == "class" else f" of {question.of}")
    findings = []
    for field, told, adjusted in sorted(found, key=lambda f: f[2]):
        gives_away = question.of == "class" and told.low > GIVES_AWAY
        findings.append(
            Finding(
                "missingness",
                "error" if gives_away else "warning",
                field,
                f"whether {field} is recorded tells {whose} with AUROC {told}, p {adjusted:.2g} "
                f"(Holm over {n_fields} fields and every class and group).",
                _advice(question, field),
                count=told.n_patients,
                value=told.value,
                low=told.low,
                high=told.high,
            )
        )
    if not together.known or (question.of != "class" and not warns):
        return findings
    gives_away = warns and question.of == "class" and together.low > GIVES_AWAY
    severity = "error" if gives_away else "warning" if warns else "info"
    findings.append(
        Finding(
            "missingness",
            severity,  # type: ignore[arg-type]
            question.name,
            f"which of {n_fields} fields are recorded tells {whose} with AUROC {together}, "
            "cross-validated by patient.",
            "Nothing." if severity == "info" else _advice(question, "a field"),
            count=together.n_patients,
            value=together.value,
            low=together.low,
            high=together.high,
        )
    )
    return findings


def _advice(question: Question, field: str) -> str:
    if question.of != "class":
        return (
            "Ask why: groups of whom less is recorded are served by fewer inputs; the audit shows "
            "whether the model does worse there."
        )
    return (
        f"Find out why {field} was recorded. If it was because of the answer, leave it out: a "
        "model learns the habit of ordering, which changes with the place."
    )
