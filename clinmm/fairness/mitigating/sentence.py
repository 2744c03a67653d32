"""The recommendation of a mitigation table, in words."""

import math

import pandas as pd

from clinmm.fairness.mitigating import PLAIN
from clinmm.fairness.mitigating.asked import uses_group

NOTICE = (
    "A prediction by this method needs the patient's group. Using a protected attribute at "
    "prediction time may be unlawful in places."
)
ONCE = "Each was trained once: the chance of training again is not in the intervals."


def sentence(table: pd.DataFrame) -> str:
    """What the table recommends, and the figures that it rests on.

    Args:
        table: schema.MITIGATION.
    """
    test = table[table["split"] == "test"]
    chosen = test[test["chosen"] == "yes"]
    if chosen.empty:
        plain = test[(test["method"] == PLAIN) & test["judged"].isin(["worst_group", "pooled"])]
        return f"Plain training is recommended: {plain['reason'].dropna().iloc[0]}."
    name = str(chosen["method"].iloc[0])
    rows = {key: chosen[(chosen["judged"] == key)].iloc[0] for key in ("worst_group", "pooled")}
    figures = (
        f"worst group {rows['worst_group']['group_by']} {rows['worst_group']['group']} "
        f"{_metric(rows['worst_group'])} {difference_text(rows['worst_group'])}, "
        f"pooled {difference_text(rows['pooled'])}"
    )
    once = (chosen["n_seeds"] == 1).all()
    notice = (f" {ONCE}" if once else "") + (f" {NOTICE}" if uses_group(name) else "")
    if (chosen["recommended"] == "yes").all():
        return f"{name} is recommended: {figures}.{notice}"
    why = str(rows["worst_group"]["reason"])
    return (
        f"Plain training is recommended: of {name}, chosen on validate, {why} ({figures}).{notice}"
    )


def _metric(row: pd.Series) -> str:
    """As it is written in a sentence."""
    named = {"auroc": "AUROC", "auprc": "AUPRC", "brier": "Brier score"}
    return named.get(str(row["metric"]), str(row["metric"]).replace("_", " "))


def difference_text(row: pd.Series) -> str:
    """As `+.060 (+.020 to +.100)`; `not estimable` without a number."""
    value, low, high = (row[c] for c in ("difference", "difference_low", "difference_high"))
    if math.isnan(value):
        return "not estimable"
    return f"{signed(value)} ({signed(low)} to {signed(high)})"


def signed(value: float) -> str:
    """
    >>> signed(.0604), signed(-.002), signed(0.0)
    ('+.060', '-.002', '.000')
    """
    text = f"{value:+.3f}"
    if float(text) == 0:
        return ".000"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text
