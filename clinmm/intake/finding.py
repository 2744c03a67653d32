"""Finding: one row of the intake table; Context: what a check may know besides the cohort."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import pandas as pd

from clinmm import schema
from clinmm.cohort.split_config import SplitConfig

MOST_CASES = 1000
"""Cases listed per finding; `count` has them all."""

Severity = Literal["error", "warning", "info"]
SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """One thing that a check has to say.

    check: name of the check. severity: `error` stops the study unless accepted.
    subject: the column, input or class concerned; what `intake.accept` names.
    detail, advice: a sentence each. They may hold ids, column names, single words and counts,
        never a sentence of a note or a name.
    case_ids: cases concerned. count: rows, files, patients or values, as the detail says.
    value, low, high: a figure with its 95 % interval, where there is one.
    accepted: the reason that the config gives for going on all the same.
    """

    check: str
    severity: Severity
    subject: str
    detail: str
    advice: str
    case_ids: tuple[str, ...] = ()
    count: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    accepted: str | None = None


@dataclass(frozen=True)
class Context:
    """What a check may know besides the cohort; `split` is None without a study config."""

    split: SplitConfig | None = None


def as_table(findings: Sequence[Finding]) -> pd.DataFrame:
    """The intake table (`schema.INTAKE`), errors first, else in the order of the checks."""
    if not findings:
        return schema.INTAKE.empty()
    rows = pd.DataFrame([asdict(finding) for finding in findings])
    rows["case_ids"] = [list(finding.case_ids[:MOST_CASES]) for finding in findings]
    for column in ("value", "low", "high"):
        rows[column] = rows[column].astype("float64")
    order = rows["severity"].map(SEVERITIES.index).argsort(kind="stable")
    return schema.INTAKE.fill(rows.iloc[order].reset_index(drop=True))
