"""Whether risk estimates mean what they say: reliability, and what calibration changed."""

import streamlit as st

from dashboards import charts, panels, run_data, selections, words
from dashboards.panels import Line

facts = run_data.facts()
unit = facts.get("unit_name", "patient")
target = facts["target"]["name"]

st.title("Calibration")
st.html(
    '<p class="lead">If the estimates are right, then of all cases with an estimate near 30 of '
    "100, about 30 of 100 have the finding. Points on the dotted line say so; bars are 95 % "
    "intervals; the lower panels count the cases.</p>"
)
metrics = run_data.table_or_stop("metrics")
curves = run_data.table_or_stop("curves")

where = {"kind": "reliability", "arm": "fused", "group_by": "all", "pattern": "any"}
points = selections.matching(curves, where)
drawn = set(points["class_name"])
titles = {
    name: words.class_label(name, target) for name in selections.classes(facts) if name in drawn
}
if titles:
    st.plotly_chart(
        charts.reliability(points, titles),
        theme=None,
        config={"displaylogo": False},
        alt="Reliability diagrams",
    )
    counts = points.groupby("class_name", sort=False)["n_cases"].sum()
    st.caption(
        "Cases: " + ", ".join(f"{titles[name]} {int(n)}" for name, n in counts.items()) + "."
    )
else:
    st.info("No reliability diagram in this run.")

st.header("Before and after calibration")
measures = [name for name in ("log_loss", "brier", "ece") if (metrics["metric"] == name).any()]
for place, metric in zip(st.columns(max(len(measures), 1)), measures, strict=False):
    lines = []
    names = selections.pooled(metrics, metric, arm="fused", probability="calibrated")["class_name"]
    for name in dict.fromkeys(names):
        for kind in ("raw", "calibrated"):
            rows = selections.pooled(
                metrics, metric, arm="fused", class_name=name, probability=kind
            )
            for row in rows.itertuples():
                lines.append(
                    Line(
                        f"{words.class_label(name, target)}, {kind}",
                        "",
                        row.value,
                        row.low,
                        row.high,
                        selections.text(row.reason),
                        strong=kind == "calibrated",
                    )
                )
    low, high = panels.scale(lines, 0.0, 5.0)
    heading = (words.metric(metric), "", "value, 95 %")
    place.html(panels.forest(lines, low, high, None, heading))
    place.caption(f"{words.metric(metric)}: {words.MEANINGS[metric]}.")

comparisons = run_data.table_if_made("comparisons")
if comparisons is not None:
    rows = selections.calibration_comparisons(comparisons)
    if len(rows):
        st.header("Calibrated against raw, by finding")
        lines = [
            Line(
                f"{words.class_label(row.class_name, target)}, {words.VERDICTS[row.verdict]}",
                str(row.n_patients),
                row.difference,
                row.low,
                row.high,
                "not estimated",
            )
            for row in rows.itertuples()
        ]
        heading = ("Finding, verdict", f"{unit}s", "log loss, 95 %")
        st.html(panels.forest(lines, *panels.middle(lines), 0.0, heading))
        st.caption("Calibrated minus raw; below 0 the calibrated estimates are nearer the truth.")
chosen = run_data.table_if_made("calibration")
if chosen is not None and len(chosen):
    st.header("Which calibrator was chosen, and why")
    st.dataframe(chosen, hide_index=True, height=220)
