"""How often each input and each column of the record is not there."""

import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding

HALF = 0.5
NEARLY_ALL = 0.9

MOST_COLUMNS = 20
"""Columns of a record that have a finding each. Where more are missing anywhere, only those that
are nearly always missing have one, so many at most, and the others are told together."""


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Per input and column that is missing anywhere: the share; a warning where an input is
    missing in more than half, or a column in more than nine tenths of the cases. Of many columns
    of a record the range."""
    findings = []
    for name in cohort.spec.inputs:
        if n_absent := int((~cohort.present(name)).sum()):
            findings.append(_finding(cohort, name, n_absent, HALF))
    for name in cohort.spec.input_names("record"):
        findings += _columns(cohort, name)
    return findings


def _columns(cohort: Cohort, name: str) -> list[Finding]:
    """Findings on the columns of a record."""
    absent = cohort.record(name).isna().sum()
    absent = absent[absent > 0]
    many = len(absent) > MOST_COLUMNS
    nearly_all = absent > NEARLY_ALL * cohort.n_cases
    alone = absent[nearly_all][:MOST_COLUMNS] if many else absent
    findings = [_finding(cohort, f"{name}.{c}", int(n), NEARLY_ALL) for c, n in alone.items()]
    if many and nearly_all.sum() > MOST_COLUMNS:
        rest = absent[nearly_all][MOST_COLUMNS:]
        findings.append(_together(cohort, name, rest, "more column", NEARLY_ALL))
    if many and not nearly_all.all():
        findings.append(_together(cohort, name, absent[~nearly_all], "column", NEARLY_ALL))
    return findings


def _finding(cohort: Cohort, subject: str, n_absent: int, most: float) -> Finding:
    share = n_absent / cohort.n_cases
    return Finding(
        "missing_rates",
        "warning" if share > most else "info",
        subject,
        f"missing in {n_absent} of {cohort.n_cases} cases ({share:.0%}).",
        _advice(share, most),
        count=n_absent,
        value=share,
    )


def _together(cohort: Cohort, name: str, absent: pd.Series, what: str, most: float) -> Finding:
    """absent: column -> cases that lack it, all above `most` of the cases or none."""
    low, high = absent.min() / cohort.n_cases, absent.max() / cohort.n_cases
    alike = f"{low:.0%}" == f"{high:.0%}"
    return Finding(
        "missing_rates",
        "warning" if low > most else "info",
        f"{name}.*",
        f"{len(absent)} {what}{'s' if len(absent) > 1 else ''} missing in "
        f"{f'{low:.0%}' if alike else f'{low:.0%} to {high:.0%}'} of the cases.",
        _advice(low, most),
        count=len(absent),
        value=float(high),
    )


def _advice(share: float, most: float) -> str:
    return "Consider leaving it out." if share > most else "Nothing: any input may be missing."
