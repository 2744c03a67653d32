"""Image files with the same bytes under two patients."""

from collections import defaultdict

from clinmm.cohort.cohort import Cohort
from clinmm.intake.finding import Context, Finding


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Per image input an error for files shared by patients (they would be in two splits), and a
    note for information on files that one patient has twice."""
    unit = cohort.spec.unit_name
    findings = []
    for name in cohort.spec.input_names("image"):
        cases: dict[str, list[int]] = defaultdict(list)
        for row, digest in enumerate(cohort.image_sha256(name)):
            if digest is not None:
                cases[digest].append(row)
        repeated = [rows for rows in cases.values() if len(rows) > 1]
        patients = cohort.table["patient_id"].to_numpy()
        shared = [rows for rows in repeated if len(set(patients[rows])) > 1]
        within = [rows for rows in repeated if len(set(patients[rows])) == 1]
        for groups, severity, whose in (
            (shared, "error", f"under two or more {unit}s"),
            (within, "info", f"twice under one {unit}"),
        ):
            if not groups:
                continue
            ids = tuple(cohort.table["case_id"].iloc[row] for rows in groups for row in rows)
            findings.append(
                Finding(
                    "same_bytes",
                    "error" if severity == "error" else "info",
                    name,
                    f"{len(groups)} files stand {whose}; cases {', '.join(ids[:6])}.",
                    f"Find out whose each is, or keep the first with drop_duplicates_of: {name}.",
                    ids,
                    len(groups),
                )
            )
    return findings
