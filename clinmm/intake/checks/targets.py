"""How many cases and patients have each class, and for how many it is not known."""

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.split_size import class_patients
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding

FEW_PATIENTS = 20
"""Below so many patients with or without a class most figures on it are too wide to use."""

MUCH_UNKNOWN = 0.2


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Per class: its counts (information), an error where nobody or everybody has it, a warning
    where few have it or it is unknown for more than a fifth of the cases."""
    unit = cohort.spec.unit_name
    findings = []
    for row in class_patients(cohort).to_dict("records"):
        name, n_with, n_without = str(row["class_name"]), int(row["n_with"]), int(row["n_without"])
        n_known = round(cohort.n_cases * (1 - row["share_unknown"]))
        findings.append(
            Finding(
                "targets",
                "info",
                name,
                f"{row['n_positive']} of {n_known} cases; {n_with} {unit}s with, "
                f"{n_without} without.",
                "Check these against what you know of the cohort.",
                count=int(row["n_positive"]),
                value=int(row["n_positive"]) / n_known if n_known else None,
            )
        )
        n_few, side = min((n_with, "with"), (n_without, "without"))
        if n_few == 0:
            findings.append(
                Finding(
                    "targets",
                    "error",
                    name,
                    f"no {unit} {side} the class.",
                    "A class that never differs cannot be learned: leave it out, or check which "
                    "values mean what.",
                )
            )
        elif n_few < FEW_PATIENTS:
            findings.append(
                Finding(
                    "targets",
                    "warning",
                    name,
                    f"{n_few} {unit}s {side} the class, fewer than {FEW_PATIENTS}.",
                    "Expect wide intervals; only temperature calibration or none is offered.",
                    count=n_few,
                )
            )
        if row["share_unknown"] > MUCH_UNKNOWN:
            findings.append(
                Finding(
                    "targets",
                    "warning",
                    name,
                    f"not known for {row['share_unknown']:.0%} of the cases.",
                    "Ask why: if cases with a known class differ, the figures hold for them only.",
                    count=cohort.n_cases - n_known,
                    value=float(row["share_unknown"]),
                )
            )
    return findings
