"""Mitigation compared: every method against plain training, for everyone and the worst group."""

from typing import Any

import pandas as pd

from clinmm.fairness import told
from clinmm.fairness.mitigating.sentence import notice, sentence
from clinmm.report.exhibit import Exhibit, exhibit
from clinmm.report.forest import Forest, Line, forest
from clinmm.report.lines import each
from clinmm.report.material import MACRO, Material
from clinmm.report.wording import class_label, counted, interval, metric, number, present, signed

MOST_METRICS = 4


def mitigation(material: Material) -> Exhibit:
    heading, reading = "Mitigation compared", told.HOW["mitigation"]
    if "mitigation" not in material.tables:
        return exhibit("mitigation", heading, reading, material.absent("mitigation"))
    table = material.tables["mitigation"]
    said = f"{sentence(table)} {notice(table)}".strip()
    called = told.compared(table)
    rows = table[(table["split"] == "test") & table["group"].isin(list(called))]
    if (rows["class_name"] == MACRO).any():
        rows = rows[rows["class_name"] == MACRO]
    asked = rows[["metric", "operating_point", "class_name"]].drop_duplicates()
    forests = [_forest(material, rows, one, called) for one in each(asked.head(MOST_METRICS))]
    missing = "Nothing was measured on test cases."
    return exhibit("mitigation", heading, reading, missing, said=said, forests=forests)


def _forest(material: Material, rows: pd.DataFrame, one: Any, called: dict[str, str]) -> Forest:
    same = (rows["metric"] == one.metric) & (rows["class_name"] == one.class_name)
    point = one.operating_point if present(one.operating_point) else ""
    part = rows[same & (rows["operating_point"].fillna("") == point)]
    lines = []
    for name, of in part.groupby("method", sort=False):
        lines.append(Line(_heading(str(name), of), "", "", heading=True))
        lines += [_line(row, called[row.group]) for row in each(of)]
    what = f"{metric(one.metric)}, {class_label(one.class_name)}"
    what += f" at {point.replace('_', ' ')}" if point else ""
    head = ("Method", f"{material.unit}s", "method − plain training", "value; difference (95 %)")
    return forest(what, head, lines, reference=0.0, centred=True)


def _heading(name: str, rows: pd.DataFrame) -> str:
    marks = [word for word in ("chosen", "recommended") if (rows[word] == "yes").any()]
    said = f"{told.method(name)}, {counted(int(rows['n_seeds'].max()), 'seed')}"
    return f"{said}: {' and '.join(marks)}" if marks else said


def _line(row: Any, who: str) -> Line:
    if row.status != "ok":
        return Line(who, str(row.n_patients), f"{row.status}: {row.reason}")
    said = number(row.value)
    if present(row.difference):
        said += f"; {signed(row.difference)} ({interval(row.difference_low, row.difference_high)})"
    ends = (row.difference, row.difference_low, row.difference_high)
    return Line(who, str(row.n_patients), said, *ends, strong=row.group not in ("all", "worst"))
