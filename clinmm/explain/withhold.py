"""Which explanation of a case may be drawn, and why another may not."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from clinmm.explain.audit.parts.rules import Rule
from clinmm.explain.audit.parts.verdicts import OVERALL
from clinmm.explain.audit.parts.wording import holds, short, wanted
from clinmm.subgroups import ALL

PASS, WITHHELD = "pass", "withheld"


def withhold(
    rows: list[dict[str, Any]],
    audit: pd.DataFrame | None,
    rules: Mapping[str, Rule],
    not_audited: str,
) -> list[dict[str, Any]]:
    """The rows of schema.EXPLANATIONS with `status`, and as `reason` everything that withholds.

    An input's explanation is withheld where the case's attributions miss the change, where it is
    not stable for this case, and where the method has not passed the audit for the input and class,
    or for the class that it is set against. What is said of the case comes first.

    Args:
        rows: with `reason` where the case's attributions do not add up (`rows.rows_of`).
        audit: schema.EXPLANATION_AUDIT; None where there is none.
        rules: the bound of `stability` is held against the case's own.
        not_audited: the reason where a method, input and class has no verdict.
    """
    verdicts: dict[tuple[str, str, str], tuple[str, str | None]] = {}
    if audit is not None:
        overall = audit[(audit["test"] == OVERALL) & (audit["group_by"] == ALL)]
        for row in overall.to_dict("records"):
            why = None if pd.isna(row["reason"]) else str(row["reason"])
            verdicts[row["method"], row["input"], row["class_name"]] = (row["verdict"], why)
    return [_judged(row, verdicts, rules, not_audited) for row in rows]


def _judged(
    row: dict[str, Any],
    verdicts: Mapping[tuple[str, str, str], tuple[str, str | None]],
    rules: Mapping[str, Rule],
    not_audited: str,
) -> dict[str, Any]:
    reasons = [row["reason"]] if row.get("reason") else []
    rule, stability = rules.get("stability"), row.get("stability", float("nan"))
    if rule and rule.needed and stability == stability and not holds(stability, rule):
        reasons.append(
            f"not stable for this case: {short(stability)} where it is changed a little, wanted "
            f"{wanted(rule)}"
        )
    rival = row.get("rather_than")
    for class_name in (row["class_name"], *([rival] if rival else [])):
        of_whom = f"{class_name}: " if rival else ""
        key = (row["method"], row["input"], class_name)
        if key not in verdicts:
            reasons.append(of_whom + not_audited)
        elif (verdict := verdicts[key])[0] != PASS:
            reasons.append(f"{of_whom}did not pass the audit ({verdict[0]}): {verdict[1]}")
    return {
        **row,
        "status": WITHHELD if reasons else PASS,
        "reason": "; ".join(reasons) or None,
    }
