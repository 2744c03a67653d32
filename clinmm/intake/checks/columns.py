"""Cells that are not what their column was declared to hold, and columns that say nothing."""

import numpy as np
import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.spec import RecordInput
from clinmm.intake.context import Context
from clinmm.intake.finding import Finding


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """Errors: numeric cells that are no numbers. Warnings: columns without a value or with one
    value, numbers outside the bins of a sensitive attribute, times in none of the formats."""
    numeric = {c for r in _records(cohort) for c in r.numeric}
    binned = {s.column: name for name, s in cohort.spec.sensitive.items() if s.bins}
    findings = [f for column in sorted(numeric | set(binned)) for f in _numbers(cohort, column)]
    columns = [c for r in _records(cohort) for c in (*r.numeric, *r.categorical)]
    for column in dict.fromkeys(columns):
        findings += _says_nothing(cohort, column)
    for name in binned.values():
        findings += _outside(cohort, name)
    timed = [source.time for source in cohort.spec.inputs.values()]
    index = cohort.spec.index_time
    for time in dict.fromkeys([index.column if index else None, cohort.spec.target.time, *timed]):
        if time:
            findings += _times(cohort, time)
    return findings


def _records(cohort: Cohort) -> list[RecordInput]:
    return [r for r in cohort.spec.inputs.values() if isinstance(r, RecordInput)]


def _ids(cohort: Cohort, rows: "pd.Series[bool]") -> tuple[str, ...]:
    return tuple(cohort.table["case_id"][rows])


def _numbers(cohort: Cohort, column: str) -> list[Finding]:
    cells = cohort.table[column]
    numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
    ids = _ids(cohort, cells.notna() & ~pd.Series(np.isfinite(numbers), index=cells.index))
    if not ids:
        return []
    return [
        Finding(
            "columns",
            "error",
            column,
            f"the column is numeric, cells that are no numbers: {len(ids)}; cases "
            f"{', '.join(ids[:5])}.",
            "Correct them, list what stands there under missing, or declare the column "
            "categorical. Accepted, they count as not recorded.",
            ids,
            len(ids),
        )
    ]


def _says_nothing(cohort: Cohort, column: str) -> list[Finding]:
    values = cohort.table[column].dropna().unique()
    if len(values) > 1:
        return []
    detail = "no value is recorded." if not len(values) else "every recorded value is the same."
    return [
        Finding("columns", "warning", column, detail, "Take the column out of the cohort file.")
    ]


def _outside(cohort: Cohort, name: str) -> list[Finding]:
    groups = cohort.groups()[name].reset_index(drop=True)
    ids = _ids(cohort, groups.str.startswith("outside "))
    if not ids:
        return []
    detail = f"{len(ids)} cases lie outside the bins; cases {', '.join(ids[:5])}."
    advice = "Widen the bins of the sensitive attribute, or correct the values."
    return [Finding("columns", "warning", name, detail, advice, ids, len(ids))]


def _times(cohort: Cohort, column: str) -> list[Finding]:
    ids = _ids(cohort, cohort.times(column)["first"].isna() & cohort.table[column].notna())
    if not ids:
        return []
    detail = f"{len(ids)} times are in none of the formats; cases {', '.join(ids[:5])}."
    advice = "Add the format under index_time. Until then they count as not recorded."
    return [Finding("columns", "warning", column, detail, advice, ids, len(ids))]
