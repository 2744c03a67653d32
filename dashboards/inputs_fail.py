"""The section on inputs that fail: dropped, or another patient's, for more and more patients."""

import math

import pandas as pd
import streamlit as st

from clinmm.robustness.lines import by_input
from dashboards import charts, run_data, selections, words
from dashboards.language import t


def section(class_name: str, target: str, unit: str) -> None:
    """Draws the curves of a class, or of the first class that has them; nothing without any.

    Args:
        class_name: a class or `macro`.
        target: name of the target, as in run.json.
        unit: what a patient is called.
    """
    curves = run_data.table_if_made("curves")
    if curves is None:
        return
    points = selections.matching(curves, {"kind": "robustness", "arm": "fused"})
    if not len(points):
        return
    st.header(t("If inputs fail"))
    there = list(dict.fromkeys(points["class_name"]))
    shown = class_name if class_name in there else there[0]
    single = run_data.facts().get("best_single_arm") or ""
    level = _level(single, shown)
    figure = charts.inputs_fail(
        by_input(points[points["class_name"] == shown]), level, words.arm(single)
    )
    st.plotly_chart(figure, theme=None, config={"displaylogo": False}, alt=t("If inputs fail"))
    said = t(
        "{class_label}: AUROC of all inputs together over the share of held-out "
        "{unit}s, of those who have the input, for whom it is dropped, or swapped "
        "with that of another {unit}. Before calibration; mean over several random "
        "orders of the {unit}s; the band is the 95 % interval of the first line.",
        class_label=words.class_label(shown, target),
        unit=unit,
    )
    if not math.isnan(level):
        several = run_data.facts()["target"]["kind"] != "binary"
        dotted = (
            t("Dotted: {arm}, the best single input over all findings, on the cases that have it.")
            if several
            else t("Dotted: {arm}, the best single input, on the cases that have it.")
        )
        said += " " + dotted.format(arm=words.arm(single))
    st.caption(said)


def _level(single: str, class_name: str) -> float:
    """AUROC of a single input before calibration; NaN where it was not estimated."""
    metrics = run_data.table_if_made("metrics")
    if not single or metrics is None:
        return math.nan
    where = {"arm": single, "class_name": class_name, "probability": "raw"}
    rows: pd.DataFrame = selections.pooled(metrics, "auroc", **where)
    return float(rows["value"].iloc[0]) if len(rows) else math.nan
