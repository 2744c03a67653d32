"""Which differences have a p, and for how many others it is adjusted.

A p answers whether the model, or one arm rather than another, makes a difference to all readers on
all patients. It stands beside the interval that says how large. Readers one by one, groups and arms
by themselves have intervals alone.

Families, each adjusted after Holm in itself and not for the others: the gain of the main metric in
every class and in their mean; helped less harmed in every class; the main metric of every two arms,
in every class and in their mean. Other metrics are exploratory: a p, no family.
"""

from typing import Any

import pandas as pd

from clinmm.comparisons import holm
from clinmm.review.results.metrics import NET
from clinmm.review.results.scored import ALL

MAIN = ("auroc", "accuracy", "mean_absolute_error")
"""Every kind of target has one of these: rated findings, a choice among classes, a value."""

SHARED = ("readers", "cases")
"""Parts of the method of an interval that say what two arms share end in one of these."""

EXPLORATORY = ("sensitivity", "specificity")


def with_families(table: pd.DataFrame) -> pd.DataFrame:
    """The table reading_results of a study with p_holm and family, and without the p of rows to
    which no question belongs.

    Args:
        table: rows with p and test wherever one could be computed.

    Reference:
        Holm. Scand J Stat 6:65 (1979).
    """
    whole = (table["reader"] == ALL) & (table["group_by"] == ALL) & table["p"].notna()
    asked = whole & (
        ((table["arm"] == ALL) & (table["step"] == "gain")) | (table["step"] == "arms")
    )
    asked &= table["metric"].isin([*MAIN, *EXPLORATORY, NET])
    found = table.assign(
        p=table["p"].where(asked), test=table["test"].where(asked), p_holm=float("nan"), family=None
    )
    declared = found[asked & ~found["metric"].isin(EXPLORATORY)]
    for (step, metric), rows in declared.groupby(["step", "metric"], sort=False):
        found.loc[rows.index, "p_holm"] = holm(rows["p"].tolist())
        tests = f"{len(rows)} test{'' if len(rows) == 1 else 's'}"
        found.loc[rows.index, "family"] = f"{step}: {metric}, {tests}"
    return found


def shown(row: Any) -> bool:
    """Whether a difference is shown: its interval is without 0, and its p still below .05 once
    adjusted. An exploratory one never is.

    row: of reading_results, columns as attributes.
    """
    return bool((row.low > 0 or row.high < 0) and row.p_holm < 0.05)


def p_said(row: Any) -> str:
    """The p of a row in words, to stand after its interval; empty where it has none.

    >>> from types import SimpleNamespace
    >>> row = SimpleNamespace(p=0.021, p_holm=0.063, family="gain: auroc, 3 tests", test="t")
    >>> p_said(row), p_said(SimpleNamespace(p=0.0002, p_holm=float("nan"), family=None, test="t"))
    ('p 0.021, 0.063 adjusted for 3 tests', 'p below 0.001, exploratory')
    """
    if pd.isna(row.p):
        return ""
    said = ("exact " if str(row.test).startswith("exact") else "") + f"p {_rounded(row.p)}"
    if pd.isna(row.family):
        return f"{said}, exploratory"
    tests = str(row.family).rpartition(", ")[2]
    return said if tests == "1 test" else f"{said}, {_rounded(row.p_holm)} adjusted for {tests}"


def _rounded(p: float) -> str:
    return "below 0.001" if p < 0.001 else f"{p:.3f}"
