"""How often each input and each column of the record is not there."""

from clinmm.cohort.cohort import Cohort
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding

HALF = 0.5
NEARLY_ALL = 0.9


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Per input and column that is missing anywhere: the share; a warning where an input is
    missing in more than half, or a column in more than nine tenths of the cases."""
    findings = []
    for name in cohort.spec.inputs:
        absent = ~cohort.present(name)
        findings += _finding(cohort, name, int(absent.sum()), HALF)
    for name in cohort.spec.input_names("record"):
        for column, empty in cohort.record(name).isna().items():
            findings += _finding(cohort, f"{name}.{column}", int(empty.sum()), NEARLY_ALL)
    return findings


def _finding(cohort: Cohort, subject: str, n_absent: int, most: float) -> list[Finding]:
    share = n_absent / cohort.n_cases
    if not n_absent:
        return []
    return [
        Finding(
            "missing_rates",
            "warning" if share > most else "info",
            subject,
            f"missing in {n_absent} of {cohort.n_cases} cases ({share:.0%}).",
            "Consider leaving it out." if share > most else "Nothing: any input may be missing.",
            count=n_absent,
            value=share,
        )
    ]
