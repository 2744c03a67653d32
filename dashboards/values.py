"""What the pages show of a continuous target: errors, intervals, predicted and observed values."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboards import charts, panels, run_data, selections, words
from dashboards.language import t
from dashboards.panels import Line

BEST = {
    "mae": 0.0,
    "rmse": 0.0,
    "mean_error": 0.0,
    "r2": 1.0,
    "concordance": 1.0,
    "calibration_slope_value": 1.0,
}
"""Measures in the order in which they are shown, with the value of predictions that are right."""
OF_INTERVALS = ("interval_coverage", "interval_width")


def is_of_values(facts: Mapping[str, Any]) -> bool:
    """Whether the run predicts a value."""
    return bool(facts["target"]["kind"] == "continuous")


def stop_if_of_values(facts: Mapping[str, Any], title: str, instead: str) -> None:
    """Ends a page that is about classes, with what stands in its place."""
    if is_of_values(facts):
        st.title(title)
        st.info(
            t(
                "This study predicts a value, not classes, so this page has nothing to show: "
                "{instead}",
                instead=instead,
            )
        )
        st.stop()


def unit_of(facts: Mapping[str, Any]) -> str:
    """What the value is measured in."""
    return str(facts["target"].get("unit", ""))


def cards(facts: Mapping[str, Any], metrics: pd.DataFrame) -> list[str]:
    """The answers of the overview."""
    unit, of = facts.get("unit_name", "patient"), unit_of(facts)
    rows = selections.pooled(metrics, "mae").sort_values("value", kind="stable")
    fused = rows[(rows["arm"] == "fused") & (rows["status"] == "ok")]
    said = t("No estimate for all inputs together: too few patients, or not made.")
    if len(fused):
        best = fused.iloc[0]
        said = t(
            "On average {value} {of} off ({interval}) with all inputs.",
            value=words.number(best["value"], 2),
            of=of,
            interval=words.interval(best["low"], best["high"], 2),
        )
    heading = (t("Mean absolute error"), words.several(unit), t("{measure}, 95 %", measure=of))
    first = panels.answer(t("How far off are the values?"), said, _forest(rows, "arm", heading))
    covered = selections.pooled(metrics, "interval_coverage", arm="fused")
    held = t("No interval was promised: too few patients to calibrate on.")
    if len(covered) and covered.iloc[0]["status"] == "ok":
        row = covered.iloc[0]
        held = t(
            "{value:.0f} of 100 {unit}s had a value inside ({low:.0f} to {high:.0f}).",
            value=100 * row["value"],
            unit=unit,
            low=100 * row["low"],
            high=100 * row["high"],
        )
    second = panels.answer(t("Do the intervals hold the observed value?"), held)
    groups = metrics[(metrics["group_by"] != "all") & (metrics["arm"] == "fused")]
    groups = groups[groups["metric"] == "mae"].sort_values("value", ascending=False, kind="stable")
    said = _worst(groups[groups["status"] == "ok"], run_data.table_if_made("comparisons"))
    third = panels.answer(t("Whom does it serve worst?"), said, _forest(groups, "group", heading))
    return [first, second, third]


def _worst(groups: pd.DataFrame, comparisons: pd.DataFrame | None) -> str:
    """The groups whose error was shown to be larger than everyone else's, or that none was.

    groups: rows of the metrics table, the largest error first.
    """
    if not len(groups):
        return t("No group was scored, or too few patients are in each.")
    if comparisons is not None:
        where = {"arm": "fused", "rival": "complement", "metric": "mae", "verdict": "worse"}
        worse = selections.matching(comparisons, where)
        if len(worse):
            names = [f"{row.group_by} {row.group}" for row in worse.itertuples()]
            return t("Larger error than everyone else: {listing}.", listing=words.listing(names))
    worst = groups.iloc[0]
    return t(
        "No larger error in any group was shown. Largest seen: {group_by} {group}.",
        group_by=worst["group_by"],
        group=worst["group"],
    )


def performance(facts: Mapping[str, Any], metrics: pd.DataFrame) -> None:
    """The whole page Performance of a run of values."""
    unit, of = facts.get("unit_name", "patient"), unit_of(facts)
    for name, best in BEST.items():
        rows = selections.pooled(metrics, name)
        rows = rows.sort_values("value", key=lambda column: (column - best).abs(), kind="stable")
        measured = t("95 %") if best else t("{measure}, 95 %", measure=of)
        heading = (words.metric(name), words.several(unit), measured)
        st.html(_forest(rows, "arm", heading))
        st.caption(words.meaning(name))
    predictions = run_data.table_if_made("predictions")
    curves = run_data.table_if_made("curves")
    if predictions is not None and curves is not None:
        st.header(t("Predicted and observed"))
        rows = selections.test_predictions(predictions)
        cases = rows[rows["arm"] == "fused"].dropna(subset=["value", "target"])
        where = {"kind": "observed_value", "arm": "fused", "group_by": "all", "pattern": "any"}
        st.plotly_chart(
            charts.predicted_and_observed(cases, selections.matching(curves, where), of),
            theme=None,
            config={"displaylogo": False},
            alt=t("Observed value against predicted value"),
        )
        st.caption(
            t(
                "Test {unit}s, all inputs. Small points: cases. Large points: means of as "
                "many cases each, with 95 % intervals. On the dotted line predictions are "
                "right.",
                unit=unit,
            )
        )
    st.header(t("By inputs present"))
    rows = selections.pooled(metrics, "mae", arm="fused", pattern="*")
    rows, others = selections.enough(rows[rows["pattern"] != "any"])
    if len(rows):
        st.html(_forest(rows, "pattern", (t("Present"), words.several(unit), of)))
    if others or not len(rows):
        st.caption(others or t("Every case had the same inputs, or no pattern was measured."))


def fairness(facts: Mapping[str, Any], metrics: pd.DataFrame) -> None:
    """The whole page Fairness of a run of values."""
    unit = facts.get("unit_name", "patient")
    rows = metrics[(metrics["group_by"] != "all") & (metrics["arm"] == "fused")]
    if not len(rows):
        st.info(t("No estimate by group in this run."))
        return
    comparisons = run_data.table_if_made("comparisons")
    for name in ("mae", "mean_error", "interval_coverage"):
        of_metric = rows[rows["metric"] == name]
        st.html(_forest(of_metric, "group", (words.metric(name), words.several(unit), t("95 %"))))
        if comparisons is None or name == "interval_coverage":
            continue
        where = {"arm": "fused", "rival": "complement", "metric": name}
        for row in selections.matching(comparisons, where).itertuples():
            st.html(
                panels.small(
                    t(
                        "{group_by} {group}, against everyone else {difference} ({interval}): "
                        "{verdict}.",
                        group_by=row.group_by,
                        group=row.group,
                        difference=words.number(row.difference, 2),
                        interval=words.interval(row.low, row.high),
                        verdict=words.VERDICTS[row.verdict],
                    )
                )
            )


def output(rows: pd.DataFrame, facts: Mapping[str, Any], opinion: float | None) -> None:
    """The value of one case with its interval, beside the reader's own."""
    of = unit_of(facts)
    mean = rows[["value", "value_low", "value_high"]].mean()
    said = f"{words.number(mean['value'], 1)} {of}"
    if not pd.isna(mean["value_low"]):
        ends = (mean["value_low"], mean["value_high"])
        said = t("{value}, interval {ends}", value=said, ends=words.ends(*ends, 1))
    pairs = [(facts["target"]["name"].replace("_", " ").capitalize(), said)]
    if opinion is not None:
        pairs.append((t("Your own"), f"{words.number(opinion, 1)} {of}"))
    st.html(panels.title(t("Value by the model, all inputs together")))
    st.html(panels.facts(pairs))


def _forest(rows: pd.DataFrame, label: str, heading: tuple[str, str, str]) -> str:
    """Rows of the metrics table on a scale of their own."""
    said = {"arm": words.arm, "pattern": words.pattern}.get(label, str)
    lines = [
        Line(
            said(getattr(row, label)) if label != "group" else f"{row.group_by} {row.group}",
            str(row.n_patients),
            row.value,
            row.low,
            row.high,
            note=selections.text(row.reason),
            strong=label == "arm" and row.arm == "fused",
        )
        for row in rows.itertuples()
    ]
    low, high = panels.scale(lines, -math.inf, math.inf)
    return panels.forest(lines, low, high, None, heading, digits=2)
