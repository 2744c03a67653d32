"""Whether risk estimates mean what they say, for whom not, and which calibrator was chosen."""

import json

import pandas as pd
import streamlit as st

from dashboards import charts, panels, run_data, selections, values, words
from dashboards.language import t
from dashboards.panels import Line

MEASURES = (
    "calibration_intercept",
    "observed_expected",
    "calibration_slope",
    "ici",
    "ece_debiased",
    "ece",
    "ece_if_calibrated",
)
SHOWN_FLAGS = 8

facts = run_data.facts()
unit = facts.get("unit_name", "patient")
target = facts["target"]["name"]
values.stop_if_of_values(
    facts,
    t("Calibration"),
    t("predicted against observed values are under Performance."),
)


def finding(name: str) -> str:
    return words.class_label(name, target)


def flags(arm: str) -> None:
    """Where the interval excludes what right estimates would give: first, because it matters."""
    rows = selections.flags(metrics, arm)
    if not len(rows):
        return
    several = len(selections.classes(facts)) > 1
    said = []
    for row in rows.itertuples():
        who = words.slice_label(row.group_by, row.group, row.pattern)
        who = t("{finding}, {who}", finding=finding(row.class_name), who=who) if several else who
        said.append(words.flagged(row.flag, who, row.metric, row.value, row.low, row.high))
    st.warning("\n".join(f"- {one}" for one in said[:SHOWN_FLAGS]))
    if len(said) > SHOWN_FLAGS:
        with st.expander(t("{n} more", n=len(said) - SHOWN_FLAGS)):
            st.html("".join(panels.small(one) for one in said[SHOWN_FLAGS:]))


def measured(arm: str, class_name: str) -> None:
    """Every measure of calibration with its interval and what it means."""
    rows = []
    for metric in MEASURES:
        found = selections.pooled(metrics, metric, arm=arm, class_name=class_name)
        for row in found.itertuples():
            value = words.number(row.value) if row.status == "ok" else selections.text(row.reason)
            ends = words.interval(row.low, row.high) if row.status == "ok" else ""
            flag = selections.text(row.flag)
            meaning = words.MEANINGS[metric]
            rows.append((words.metric(metric), value, ends, flag, meaning))
    if rows:
        st.html(
            panels.table(
                (t("Measure"), t("Value"), t("Interval"), t("Flag"), t("What it means")), rows
            )
        )


def reliability(points: pd.DataFrame, titles: dict[str, str], by: str) -> None:
    """Panels of reliability, with their counts in words."""
    st.plotly_chart(
        charts.reliability(points, titles, by),
        theme=None,
        config={"displaylogo": False},
        alt=t("Reliability diagrams by {by}", by=by),
    )
    counts = points.groupby(by, sort=False)["n_cases"].sum()
    listed = ", ".join(f"{titles[name]} {int(n)}" for name, n in counts.items())
    st.caption(t("Cases: {listed}.", listed=listed))


def by_slice(arm: str, class_name: str) -> None:
    """Reliability by pattern of inputs and by group, for one class."""
    points = selections.matching(
        curves, {"kind": "reliability", "arm": arm, "class_name": class_name}
    )
    points = points[(points["pattern"] != "any") | (points["group_by"] != "all")]
    present = t("inputs present")
    ways = {present: points[points["pattern"] != "any"]}
    ways |= {str(name): part for name, part in points.groupby("group_by") if name != "all"}
    ways = {name: part for name, part in ways.items() if len(part)}
    if not ways:
        st.caption(t("No reliability by pattern of inputs or by group in this run."))
        return
    way = st.segmented_control(t("By"), list(ways), default=next(iter(ways))) or next(iter(ways))
    part, by = ways[way], "pattern" if way == present else "group"
    said = words.pattern if by == "pattern" else str
    reliability(part, {name: said(name) for name in dict.fromkeys(part[by])}, by)


def before_and_after(arm: str) -> None:
    measures = [name for name in ("log_loss", "brier", "ece") if (metrics["metric"] == name).any()]
    for place, metric in zip(st.columns(max(len(measures), 1)), measures, strict=False):
        lines = []
        names = selections.pooled(metrics, metric, arm=arm, probability="calibrated")["class_name"]
        for name in dict.fromkeys(names):
            for kind in ("raw", "calibrated"):
                rows = selections.pooled(
                    metrics, metric, arm=arm, class_name=name, probability=kind
                )
                for row in rows.itertuples():
                    strong = kind == "calibrated"
                    said = t("{finding}, calibrated") if strong else t("{finding}, raw")
                    label, note = said.format(finding=finding(name)), selections.text(row.reason)
                    lines.append(Line(label, "", row.value, row.low, row.high, note, strong))
        low, high = panels.scale(lines, 0.0, 5.0)
        heading = (words.metric(metric), "", t("value, 95 %"))
        place.html(panels.forest(lines, low, high, None, heading))
        place.caption(words.meaning(metric))


def against_raw(comparisons: pd.DataFrame) -> None:
    rows = selections.calibration_comparisons(comparisons)
    if not len(rows):
        return
    st.header(t("Calibrated against raw, by finding"))
    lines = []
    for row in rows.itertuples():
        verdict = words.verdict(
            row.verdict, row.detectable, row.margin, selections.text(row.non_inferior)
        )
        label = t("{finding}, {verdict}", finding=finding(row.class_name), verdict=verdict)
        n = str(row.n_patients)
        lines.append(Line(label, n, row.difference, row.low, row.high, t("not estimated")))
    heading = (t("Finding, verdict"), words.several(unit), t("log loss, 95 %"))
    st.html(panels.forest(lines, *panels.middle(lines), 0.0, heading))
    st.caption(t("Calibrated minus raw; below 0 the calibrated estimates are nearer the truth."))
    st.caption(words.DETECTABLE)


def chosen_calibrators(arm: str) -> None:
    """Which one, in how many models, why; and what every candidate showed."""
    st.header(t("Which calibrator was chosen, and why"))
    chosen = run_data.table_or_say("calibration")
    if chosen is None:
        return
    chosen = chosen[chosen["arm"] == arm]
    counted = []
    for name, of_class in chosen.groupby("class_name", sort=False):
        for calibrator, part in of_class.groupby("calibrator", sort=False):
            label = t("every finding") if name == "all" else finding(name)
            models = words.in_models(len(part), len(of_class))
            counted.append((label, calibrator.replace("_", " "), models, part["reason"].iloc[0]))
    st.html(
        panels.table(
            (t("Finding"), t("Calibrator"), t("In"), t("Why, in the first of them")), counted
        )
    )
    tried = [
        {
            "repeat": row.repeat,
            "fold": row.fold,
            "finding": row.class_name,
            "chosen": row.calibrator,
            "candidate": name,
            **found,
        }
        for row in chosen.itertuples()
        for name, found in json.loads(selections.text(row.candidates) or "{}").items()
    ]
    if tried:
        with st.expander(
            t("Every candidate in every model: cross-fitted log loss, gain over none")
        ):
            st.dataframe(pd.DataFrame(tried), hide_index=True, height=260)


st.title(t("Calibration"))
st.html(
    panels.lead(
        t(
            "If the estimates are right, then of all cases with an estimate near 30 of 100, about "
            "30 of 100 have the finding. Points on the dotted line say so; bars are 95 % "
            "intervals; the lower panels count the cases."
        )
    )
)
metrics = run_data.table_or_stop("metrics")
curves = run_data.table_or_stop("curves")
left, right = st.columns(2)
arm = left.selectbox(t("Inputs"), selections.arms(metrics), format_func=words.arm)
flags(arm)

where = {"kind": "reliability", "arm": arm, "group_by": "all", "pattern": "any"}
points = selections.matching(curves, where)
drawn = set(points["class_name"])
titles = {name: finding(name) for name in selections.classes(facts) if name in drawn}
if titles:
    reliability(points, titles, "class_name")
else:
    st.info(t("No reliability diagram in this run."))

overall = selections.matching(metrics, {"arm": arm, "group_by": "all", "pattern": "any"})
names = list(dict.fromkeys(overall.loc[overall["metric"].isin(MEASURES), "class_name"]))
if names:
    name = right.selectbox(t("Finding"), names, format_func=finding)
    st.header(t("Measures of calibration, {finding}", finding=finding(name)))
    measured(arm, name)
    st.header(t("By inputs present and by group, {finding}", finding=finding(name)))
    by_slice(arm, name)

st.header(t("Before and after calibration"))
before_and_after(arm)
comparisons = run_data.table_if_made("comparisons")
if comparisons is not None and arm == "fused":
    against_raw(comparisons)
chosen_calibrators(arm)
