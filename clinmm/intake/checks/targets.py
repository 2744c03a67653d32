"""How many cases and patients have each class (or value), and whether readers agree on it."""

import numpy as np

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.split_size import class_patients
from clinmm.cohort.target_spec import ContinuousTarget
from clinmm.cohort.targets import reader_arrays
from clinmm.intake.agreement import alpha
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding

FEW_PATIENTS = 20
"""Below so many patients with or without a class most figures on it are too wide to use."""

MUCH_UNKNOWN = 0.2


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Per class: its counts (information), an error where nobody or everybody has it, a warning
    where few have it or it is unknown for more than a fifth of the cases. Of a continuous target:
    its distribution, an error where all values are equal, a warning where few patients have one.
    Of several readers: their agreement (information)."""
    unit = cohort.spec.unit_name
    findings = _agreement(cohort, context)
    if isinstance(cohort.spec.target, ContinuousTarget):
        return [*_values(cohort, cohort.spec.target), *findings]
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


def _values(cohort: Cohort, target: ContinuousTarget) -> list[Finding]:
    values = cohort.targets()[:, 0]
    known = ~np.isnan(values)
    unit, seen = cohort.spec.unit_name, values[known]
    n_patients = int(cohort.table["patient_id"][known].nunique())
    low, first, middle, third, high = np.quantile(seen, [0, 0.25, 0.5, 0.75, 1])
    told = Finding(
        "targets",
        "info",
        target.name,
        f"{seen.size} of {cohort.n_cases} cases of {n_patients} {unit}s; {low:g} to {high:g} "
        f"{target.unit}, median {middle:g}, quartiles {first:g} and {third:g}.",
        "Check these against what you know of the cohort.",
        count=int(seen.size),
        value=float(middle),
    )
    if low == high:
        advice = "A value that never differs cannot be learned: check the column."
        said = f"every case has the value {low:g}."
        return [told, Finding("targets", "error", target.name, said, advice)]
    if n_patients < FEW_PATIENTS:
        said = f"{n_patients} {unit}s have a value, fewer than {FEW_PATIENTS}."
        advice = "Expect wide intervals; predictions are not recalibrated."
        warned = Finding("targets", "warning", target.name, said, advice, count=n_patients)
        return [told, warned]
    return [told]


def _agreement(cohort: Cohort, context: Context) -> list[Finding]:
    """How far several readers say the same, by Krippendorff's alpha."""
    target = cohort.spec.target
    if not getattr(target, "readers", None):
        return []
    readings = reader_arrays(cohort.table, target)
    measure = "nominal"
    if cohort.ordered or isinstance(target, ContinuousTarget):
        measure = "interval"
    if cohort.ordered:  # the number of the class
        readings = (readings * np.arange(readings.shape[2])).sum(axis=2, keepdims=True)
    value, low, high = alpha(
        readings, cohort.table["patient_id"].to_numpy(dtype=object), seed=context.seed
    )
    n_twice = int(((~np.isnan(readings[:, :, 0])).sum(axis=0) >= 2).sum())
    n_tied = int((np.isnan(cohort.targets()).all(1) & ~np.isnan(readings).all((0, 2))).sum())
    tied = f" {n_tied} cases are tied, and not scored." if n_tied else ""
    said = f"{n_twice} cases have two of {len(readings)} readers or more.{tied}"
    if n_twice and not np.isnan(value):
        said += f" Krippendorff's alpha ({measure}) {value:.2f} ({low:.2f} to {high:.2f})."
    return [
        Finding(
            "targets",
            "info",
            target.name,
            said,
            "No model can be shown to agree with the readers better than they do with each other.",
            count=n_twice,
            value=None if np.isnan(value) else value,
            low=None if np.isnan(value) else low,
            high=None if np.isnan(value) else high,
        )
    ]
