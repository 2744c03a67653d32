"""A mitigation table as a terminal has room for it."""

import math

import pandas as pd

from clinmm.fairness.mitigating.asked import uses_group
from clinmm.fairness.mitigating.sentence import difference_text

MARK = "*"
"""Behind a method that needs the patient's group for a prediction."""


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """One row a method: what the recommendation rests on, on `test`.

    Args:
        table: schema.MITIGATION.

    Returns:
        Text columns method, worst group, change, over all, change over all, lowest group, chosen.
    """
    test = table[(table["split"] == "test") & table["judged"].notna()]
    rows = []
    for method, part in test.groupby("method", sort=False):
        by = {str(row["judged"]): row for _, row in part.iterrows()}
        worst, pooled, lowest = (by.get(key) for key in ("worst_group", "pooled", "worst"))
        name = f"{method}{MARK if uses_group(str(method)) else ''}"
        rows.append(
            {
                "method": name,
                f"worst group ({worst['group'] if worst is not None else 'none'})": _value(worst),
                "change": _change(worst),
                "over all": _value(pooled),
                "change over all": _change(pooled),
                "lowest group": _value(lowest),
                "chosen": "yes" if (part["chosen"] == "yes").any() else "",
            }
        )
    return pd.DataFrame(rows)


def _value(row: pd.Series | None) -> str:
    return "" if row is None or math.isnan(row["value"]) else f"{row['value']:.3f}"


def _change(row: pd.Series | None) -> str:
    return "" if row is None or math.isnan(row["difference"]) else difference_text(row)
