"""The figures behind the answers, and the order of the evidence."""

import math
from typing import Any

import pandas as pd

from clinmm.report import figures
from clinmm.report.calibrated import calibration
from clinmm.report.criteria import criteria
from clinmm.report.decisions import decision_curves
from clinmm.report.deferred import deferral
from clinmm.report.exhibit import MOST_CLASSES, Exhibit, exhibit
from clinmm.report.explained import explanations_hold, what_moves
from clinmm.report.figures import Panel
from clinmm.report.forest import forest
from clinmm.report.gap_sources import gap_sources
from clinmm.report.inputs_fail import inputs_fail
from clinmm.report.lines import each, metric_line
from clinmm.report.material import Material, matching
from clinmm.report.mitigated import mitigation
from clinmm.report.sets import prediction_sets
from clinmm.report.sheets import headline_numbers, operating_points, patterns
from clinmm.report.slices import slices
from clinmm.report.who import who_is_there
from clinmm.report.wording import arm, class_label, counted, group, number


def exhibits(material: Material) -> list[Exhibit]:
    return [
        headline_numbers(material),
        _roc(material),
        _reliability(material),
        calibration(material),
        decision_curves(material),
        operating_points(material),
        prediction_sets(material),
        deferral(material),
        patterns(material),
        inputs_fail(material),
        who_is_there(material),
        _groups(material),
        criteria(material),
        slices(material),
        gap_sources(material),
        mitigation(material),
        explanations_hold(material),
        what_moves(material),
    ]


def _roc(material: Material) -> Exhibit:
    reading = (
        "The closer a curve comes to the upper left corner, the better the classes are told apart; "
        "the dashed line is a coin. Figures are AUROCs; the band is the 95 % interval of the curve "
        "drawn heavy."
    )
    panels, missing = [], ""
    if "curves" in material.tables and material.scored:
        points = _whole(material, "roc")
        areas = material.metrics(metric="auroc")
        for name in [c for c in material.classes if c in set(points["class_name"])][:MOST_CLASSES]:
            of_class = areas[areas["class_name"] == name]
            arms = []
            for one in material.arms:
                rows = of_class[of_class["arm"] == one]
                value = rows.iloc[0]["value"] if len(rows) else float("nan")
                arms.append((one, one, number(value)))
            panel = figures.roc(class_label(name), points[points["class_name"] == name], arms)
            panels.append(_with_n(panel, of_class, material))
        missing = "No class had enough cases for a curve."
    else:
        missing = material.absent("metrics" if not material.scored else "curves")
    return exhibit("roc", "ROC curves", reading, missing, panels=panels)


def _with_n(panel: Panel, rows: pd.DataFrame, material: Material) -> Panel:
    rows = rows[rows["arm"] == material.arm]
    if len(rows):
        return figures.captioned(panel, _count(rows.iloc[0], material))
    return panel


def _reliability(material: Material) -> Exhibit:
    reading = (
        f"Points on the dashed line: of {material.unit}s told 30 %, 30 in 100 had it. Filled "
        "points are calibrated with 95 % intervals, hollow ones are before calibration; each point "
        "holds about as many cases. Axes end where the estimates do."
    )
    panels: list[Panel] = []
    missing = "No class had enough cases for a curve."
    if "curves" in material.tables:
        points = matching(_whole(material, "reliability"), {"arm": material.arm})
        raw = matching(_whole(material, "reliability_raw"), {"arm": material.arm})
        there = [name for name in material.classes if name in set(points["class_name"])]
        panels = [
            figures.reliability(
                class_label(name),
                points[points["class_name"] == name],
                raw[raw["class_name"] == name],
            )
            for name in there[:MOST_CLASSES]
        ]
    else:
        missing = material.absent("curves")
    return exhibit("reliability", "Reliability", reading, missing, panels=panels)


def _groups(material: Material) -> Exhibit:
    reading = (
        f"AUROC of {arm(material.arm)} by group; the dashed line is everyone. A bar that misses "
        "the line is a hint; verdicts on gaps are given above, after Holm's adjustment."
    )
    drawn, missing = (
        [],
        f"No group was scored. Make it with: clinmm audit {material.run.folder.name}",
    )
    if material.scored:
        rows = material.metrics(metric="auroc", arm=material.arm, group_by=None)
        whole = rows[rows["group_by"] == "all"]
        rows = rows[rows["group_by"] != "all"]
        lines = {
            name: [
                metric_line(row, "everyone", strong=True)
                for row in each(whole[whole["class_name"] == name])
            ]
            + [
                metric_line(row, group(row.group_by, row.group))
                for row in each(rows[rows["class_name"] == name])
            ]
            for name in material.in_order(rows["class_name"])[: MOST_CLASSES + 1]
        }
        among = [line for of in lines.values() for line in of]
        head = ("Group", f"{material.unit}s", "AUROC", "AUROC (95 %)")
        for name, of in lines.items():
            everyone = next((one.value for one in of if one.label == "everyone"), math.nan)
            at = None if math.isnan(everyone) else everyone
            caption = f"AUROC by group: {class_label(name)}"
            drawn.append(forest(caption, head, of, reference=at, among=among))
    else:
        missing = material.absent("metrics")
    return exhibit("groups", "By group", reading, missing, forests=drawn)


def _whole(material: Material, kind: str) -> pd.DataFrame:
    where = {"kind": kind, "group_by": "all", "pattern": "any"}
    return matching(material.tables["curves"], where).dropna(subset=["x", "y"])


def _count(row: Any, material: Material) -> str:
    n_patients = counted(row["n_patients"], material.unit)
    return f"{row['n_cases']} cases, {n_patients}, {row['n_positive']} positive"
