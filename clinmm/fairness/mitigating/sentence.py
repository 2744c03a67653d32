"""The recommendation of a mitigation table, in words."""

import math

import pandas as pd

from clinmm.fairness import told
from clinmm.fairness.mitigating import PLAIN
from clinmm.fairness.mitigating.asked import uses_group

UNLAWFUL = "Using a protected attribute at prediction time may be unlawful in places."
NOTICE = f"A prediction by this method needs the patient's group. {UNLAWFUL}"
ONCE = "Each was trained once: the chance of training again is not in the intervals."


def sentence(table: pd.DataFrame) -> str:
    """What the table recommends, and the figures that it rests on.

    Args:
        table: schema.MITIGATION.
    """
    test = table[table["split"] == "test"]
    chosen = test[test["chosen"] == "yes"]
    if chosen.empty:
        return f"Plain training is recommended: {_why(test[test['method'] == PLAIN])}."
    name = str(chosen["method"].iloc[0])
    pooled = chosen[chosen["judged"] == "pooled"].iloc[0]
    figures = f"{_of_worst_group(table, chosen)}, pooled {difference_text(pooled)}"
    once = (chosen["n_seeds"] == 1).all()
    caution = (f" {ONCE}" if once else "") + (f" {NOTICE}" if uses_group(name) else "")
    if pooled["recommended"] == "yes":
        return f"{name} is recommended: {figures}.{caution}"
    return (
        f"Plain training is recommended: of {name}, chosen on validate, {_why(chosen)} "
        f"({figures}).{caution}"
    )


def _why(rows: pd.DataFrame) -> str:
    """The first reason of those on which the recommendation rests."""
    return str(rows.loc[rows["judged"].isin(["pooled", "worst_group"]), "reason"].dropna().iloc[0])


def notice(table: pd.DataFrame) -> str:
    """Which of the methods need the patient's group for a prediction; empty where none does."""
    names = [told.method(name) for name in table["method"].unique() if uses_group(name)]
    if not names:
        return ""
    return f"Predictions by {' and '.join(names)} need the patient's group. {UNLAWFUL}"


def _of_worst_group(table: pd.DataFrame, chosen: pd.DataFrame) -> str:
    """What the chosen method changed in the group that is worst on `validate`, which need not have
    a patient in `test`. chosen: the method's rows of `test`."""
    worst = table[table["judged"] == "worst_group"].iloc[0]
    rows = chosen[chosen["judged"] == "worst_group"]
    seen = difference_text(rows.iloc[0]) if len(rows) else "has no patients in test"
    return f"worst group {worst['group_by']} {worst['group']} {_metric(worst)} {seen}"


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
