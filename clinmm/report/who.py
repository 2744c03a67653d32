"""Who is there: size, prevalence and inputs of each group, and the gaps in them."""

from typing import Any

import pandas as pd

from clinmm.fairness import told
from clinmm.report.exhibit import MOST_CLASSES, Exhibit, Sheet, exhibit
from clinmm.report.lines import each
from clinmm.report.material import Material
from clinmm.report.wording import class_label, pattern, present


def who_is_there(material: Material) -> Exhibit:
    heading = "Who is there"
    reading = (
        "Shares of each group with 95 % intervals. ▲ marks a difference from everyone else that "
        "was shown, after Holm; where a group has too few, its number is given."
    )
    if "groups" not in material.tables:
        return exhibit("who", heading, reading, material.absent("groups"))
    table = material.tables["groups"]
    said = " ".join(f"{told.there(row)}." for row in each(told.there_gaps(table)))
    said = said or "No gap in prevalence or in who has an input is shown."
    part = next(name for name in told.PARTS if name in set(table["part"]))
    rows = table[table["part"] == part]
    sheets = [
        _sheet(material, rows[rows["measure"] == measure], f"{caption}, {told.PARTS[part]}")
        for measure, caption in told.OF_GROUPS.items()
        if (rows["measure"] == measure).any()
    ]
    return exhibit("who", heading, reading, "", said=said, sheets=sheets)


def _sheet(material: Material, rows: pd.DataFrame, caption: str) -> Sheet:
    """Groups down; classes, inputs or patterns across."""
    said = {"prevalence": class_label, "pattern": pattern}.get(rows["measure"].iloc[0], str)
    names = list(dict.fromkeys(rows["of"].fillna("")))
    if len(names) > MOST_CLASSES:
        caption += f": {MOST_CLASSES} of {len(names)}"
    names = names[:MOST_CLASSES]
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for row in each(rows.fillna({"of": ""})):
        lines.setdefault((row.group_by, row.group), {})[row.of] = row
    shown = [
        [told.who(*place), str(next(iter(of.values())).n_patients)]
        + [_cell(of[name]) if name in of else "–" for name in names]
        for place, of in lines.items()
    ]
    head = ["Group", f"{material.unit}s", *(said(name) or "share" for name in names)]
    return Sheet(caption, head, shown)


def _cell(row: Any) -> str:
    if row.status != "ok":
        return "too few"
    mark = "▲ " if present(row.verdict) and row.verdict == "gap" else ""
    return f"{mark}{100 * row.value:.0f} % ({100 * row.low:.0f} to {100 * row.high:.0f})"
