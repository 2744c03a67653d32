"""Numbers that are outside the range that the cohort file states, or that no living person has."""

from collections.abc import Callable

import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.cohort.plausible import canonical, limits_of, quantity_of
from clinmm.cohort.spec import RecordInput
from clinmm.intake.context import Context
from clinmm.intake.finding import MOST_EXAMPLES, Example, Finding

MOST_HINT = 0.8
"""Share of the values outside that another unit must explain before it is suggested."""


def check(cohort: Cohort, context: Context) -> list[Finding]:
    """An error per numeric column with values outside; an info about columns that have no limits.

    The limits are those that the cohort file states for the column, else those of life by the
    column's name and unit (`clinmm/cohort/plausible.py`). Nothing is changed.
    """
    findings, unknown = [], []
    for name, record in cohort.spec.inputs.items():
        if not isinstance(record, RecordInput):
            continue
        values = cohort.record(name)
        for column, unit in record.numeric.items():
            limits = record.ranges.get(column) or limits_of(column, unit)
            if limits is None:
                unknown.append(column)
                continue
            stated = column in record.ranges
            findings += _outside(cohort, name, column, values[column], unit, limits, stated)
    if unknown:
        findings.append(_no_limits(unknown))
    return findings


def _outside(
    cohort: Cohort,
    name: str,
    column: str,
    values: pd.Series,
    unit: str,
    limits: tuple[float, float],
    stated: bool,
) -> list[Finding]:
    low, high = limits
    out = values.notna() & ~values.between(low, high)
    if not out.any():
        return []
    # The farthest first, each side by its distance in widths of the range.
    far = (low - values).clip(lower=0) + (values - high).clip(lower=0)
    order = far[out].sort_values(ascending=False, kind="stable").index
    ids = [str(cohort.table["case_id"][i]) for i in order]
    shown = ", ".join(
        f"{values[i]:g} ({_place(cohort, case_id)})"
        for i, case_id in zip(order[:5], ids, strict=False)
    )
    whose = "the stated range" if stated else "what a living person can have,"
    detail = (
        f"{len(ids)} values are outside {whose} {low:g} to {high:g} {unit}: {shown}"
        f"{' ...' if len(ids) > 5 else ''}.{_hint(column, unit, values[out], limits)}"
    )
    examples = [
        Example(case_id, name, value=float(values[i]))
        for i, case_id in zip(order[:MOST_EXAMPLES], ids, strict=False)
    ]
    advice = (
        "Correct the values or the unit, or state another range. Accepted, they stay as they are."
    )
    return [
        Finding(
            "ranges",
            "error",
            column,
            detail,
            advice,
            tuple(ids),
            len(ids),
            examples=tuple(examples),
        )
    ]


def _place(cohort: Cohort, case_id: str) -> str:
    row = cohort.lines.get(case_id)
    return f"case {case_id}, row {row} of the table" if row else f"case {case_id}"


def _hint(column: str, unit: str, odd: pd.Series, limits: tuple[float, float]) -> str:
    """What most of the odd values look like, if they look like one thing."""
    low, high = limits
    quantity = quantity_of(column)
    others = quantity.limits if quantity else {}
    tries: list[tuple[str, Callable[[pd.Series], pd.Series]]] = []
    if canonical(unit) == "percent":
        tries.append(("fractions, a hundredth of a percent value", lambda x: x.between(0, 1)))
    for other, (least, most) in others.items():
        if other not in ("", canonical(unit)):
            tries.append((f"values in {other}", lambda x, a=least, b=most: x.between(a, b)))  # type: ignore[misc]
    for factor in (10, 100, 1000):
        told = f"values whose decimal point was lost (divided by {factor} they are inside)"
        tries.append(  # without its point a value is whole
            (told, lambda x, f=factor: (x == x.round()) & (x / f).between(low, high))  # type: ignore[misc]
        )
    for what, fits in tries:
        n = int(fits(odd).sum())
        if n and n >= MOST_HINT * len(odd):
            return f" {'It looks' if n == 1 else f'{n} of them look'} like {what}."
    return ""


def _no_limits(columns: list[str]) -> Finding:
    listed = ", ".join(columns[:12]) + (" ..." if len(columns) > 12 else "")
    return Finding(
        "ranges",
        "info",
        "record",
        f"not checked: no range is stated or known for {len(columns)} columns: {listed}.",
        "State ranges in the cohort file, such as temperature: {unit: degC, range: [30, 45]}.",
        count=len(columns),
    )
