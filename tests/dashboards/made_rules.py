"""Adds to the made run what calibration of rules leaves behind: sets, deferral, flags, curves.

The numbers are made up; each is its own, so that a page that shows the wrong one is found out.
"""

import json
from typing import Any

import pandas as pd
from made_run import CLASSES

from clinmm.runs import Run

REFUSED = "4 calibration patients, needs 9 to promise 90 %"
OFF = "not shown to lower the wrong calls among the kept"
SET, NAN = ["effusion", "nodule"], float("nan")


def with_rules(run: Run) -> Run:
    """Writes the tables into the run, which must be a copy."""
    metrics = run.read("metrics")
    run.write("metrics", pd.concat([metrics, pd.DataFrame(_metrics(metrics.iloc[0].to_dict()))]))
    run.write("curves", pd.concat([run.read("curves"), pd.DataFrame(_curves())]))
    run.write("prediction_sets", pd.DataFrame(_sets()))
    run.write("deferral", pd.DataFrame(_deferral()))
    run.write("calibration", pd.DataFrame(_calibration()))
    run.write("validation_size", pd.DataFrame(_size()))
    predictions = run.read("predictions")
    predictions["prediction_set"] = [SET] * len(predictions)
    predictions["deferred"] = predictions["class_name"] == "nodule"
    run.write("predictions", predictions)
    comparisons = run.read("comparisons")
    image = (comparisons["rival"] == "image") & (comparisons["metric"] == "auroc")
    comparisons.loc[image, "verdict"] = "not_shown"
    comparisons.loc[image, ["detectable", "margin"]] = [0.0432, 0.025]
    comparisons.loc[image, "non_inferior"] = "yes"
    run.write("comparisons", comparisons)
    return run


def outliers(run: Run, case_id: str) -> None:
    """One case is odd, its image darker than others."""
    row = {"repeat": 0, "fold": 0, "case_id": case_id, "patient_id": "p000", "split": "test"}
    row |= {"detector": "inputs", "input": "image", "score": 9.0, "p": 0.01}
    run.write("outliers", pd.DataFrame([row | {"flag": "yes", "reason": "darker than the others"}]))


def not_exchangeable(run: Run) -> None:
    """The cases are shown to be unlike those of the calibration."""
    row = {"arm": "fused", "test": "labels", "n_calibration": 60, "n_new": 30, "evidence": 50.0}
    row |= {"p": 0.02, "verdict": "fails", "reason": "The new scores are higher."}
    run.write("exchangeability", pd.DataFrame([row]))


def _metrics(like: dict[str, Any]) -> list[dict[str, Any]]:
    def row(metric: str, value: float, half: float = 0.03, **other: Any) -> dict[str, Any]:
        ends = {"low": value - half, "high": value + half}
        return {**like, "metric": metric, "value": value, **ends, **other}

    sets = {"class_name": "all"}
    effusion = {"class_name": "effusion", "operating_point": "high_sensitivity"}
    low = {"group_by": "class", "group": "nodule", "flag": "below the promise"}
    hidden = {"group_by": "sex", "group": "not recorded", "n_patients": 6, "status": "suppressed"}
    rows = [
        row("set_recall", 0.913, **sets),
        row("set_recall", 0.801, **sets, **low),
        row("set_recall", 0.887, **sets, pattern="note+record"),
        row("set_recall", 0.922, **sets, group_by="sex", group="F"),
        row("set_recall", NAN, **sets, **hidden, reason="6 patients, needs 10"),
        row("set_size", 1.734, **sets),
        row("deferral_share", 0.197, **effusion),
        row("risk_without_deferral", 0.218, **effusion),
        row("retained_risk", 0.164, **effusion),
        row("handed_back_per_1000", 197.0, 12.0, **effusion),
        row("misses_per_1000", 31.0, 8.0, **effusion),
    ]
    for k, name in enumerate(CLASSES):
        rows.append(row("calibration_intercept", -0.11 - 0.01 * k, 0.2, class_name=name))
        rows.append(row("observed_expected", 0.96 - 0.01 * k, 0.2, class_name=name))
        rows.append(row("calibration_slope", 0.91 - 0.01 * k, 0.2, class_name=name))
        rows.append(row("ici", 0.021 + 0.001 * k, 0.01, class_name=name))
        rows.append(row("ece_debiased", 0.015 + 0.001 * k, 0.01, class_name=name))
        rows.append(row("ece_if_calibrated", 0.032 + 0.001 * k, 0.01, class_name=name))
    old = {"group_by": "age", "group": "[65, 120)", "class_name": "effusion"}
    rows.append(row("observed_expected", 0.71, 0.16, **old, flag="risks too high"))
    return rows


def _curves() -> list[dict[str, Any]]:
    rows = []

    def point(kind: str, x: float, y: float, **other: Any) -> None:
        row = {"kind": kind, "arm": "fused", "class_name": "effusion", "group_by": "all"}
        row |= {"group": "all", "pattern": "any", "x": x, "y": y}
        rows.append(row | {"low": y - 0.02, "high": y + 0.02, "n_cases": 40.0 + 100 * x, **other})

    for k in range(1, 11):
        share = k / 10
        point("risk_coverage", share, 0.03 + 0.02 * k)
        point("risk_coverage", share, 0.05 + 0.02 * k, group_by="sex", group="F")
        if k < 10:
            point("decision", share, 0.15 - 0.03 * k)
            point("decision_treat_all", share, 0.12 - 0.08 * k)
            point("reliability", share, share, pattern="note+record")
            point("reliability", share, share, group_by="sex", group="F")
    return rows


def _sets() -> list[dict[str, Any]]:
    def rule(fold: int, by: str, cell: str, **other: Any) -> dict[str, Any]:
        row = {"arm": "fused", "repeat": 0, "fold": fold, "method": "recall", "by": by}
        row |= {"cell": cell, "coverage": 0.9, "limit": 0.4, "n_patients": 60}
        return row | {"low": 0.82, "high": 0.96, "status": "ok", "reason": None, **other}

    refused = {"status": "no_promise", "reason": REFUSED, "limit": NAN, "n_patients": 4}
    return [
        rule(fold, *cell, **other)
        for fold in (0, 1)
        for cell, other in ((("all", "all"), {}), (("sex", "not_stated"), refused))
    ]


def _deferral() -> list[dict[str, Any]]:
    def rule(fold: int, kept: str, reason: str) -> dict[str, Any]:
        row = {"arm": "fused", "repeat": 0, "fold": fold, "class_name": "effusion"}
        row |= {"operating_point": "high_sensitivity", "rule": "share", "asked": 0.2}
        return row | {"n_patients": 60, "kept": kept, "reason": reason}

    return [
        rule(0, "yes", "fewer wrong calls among the kept: 16 % instead of 22 %"),
        rule(1, "no", f"{OFF}: 21 % instead of 22 %"),
        rule(2, "no", f"{OFF}: 20 % instead of 21 %"),
    ]


def _calibration() -> list[dict[str, Any]]:
    gain = {"log_loss": 0.44, "gain": 0.02, "low": 0.01, "high": 0.03}
    row = {"arm": "fused", "repeat": 0, "fold": 0, "class_name": "all", "calibrator": "beta"}
    row |= {"reason": "beta lowers the cross-fitted log loss", "log_loss_none": 0.46}
    row |= {"n_patients": 60, "candidates": json.dumps({"none": gain, "beta": gain})}
    return [row]


def _size() -> list[dict[str, Any]]:
    fixed = {"arm": "fused", "needed": 100.0, "source": "Collins 2016", "detail": "made up"}
    return [
        fixed | {"class_name": name, "criterion": criterion, "available": n, "met": met}
        for name in CLASSES
        for criterion, n, met in (("events", 84.0, "no"), ("non-events", 216.0, "yes"))
    ]
