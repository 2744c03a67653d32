"""Whether risk estimates mean the same in every group: reliability diagrams side by side."""

import streamlit as st

from clinmm.fairness import told
from dashboards import charts, run_data, selections
from dashboards.fairness.about import About, attribute, offer
from dashboards.language import t

IN_A_ROW = 4


def section(about: About) -> None:
    curves = run_data.table_or_say("curves")
    if curves is None:
        return
    points = selections.matching(curves, {"kind": "reliability", "arm": about.arm})
    points = points[~points["group_by"].isin(["all", "class"])].dropna(subset=["x", "y"])
    if not len(points):
        st.info(t("No reliability by group in this run: too few patients in each."))
        return
    left, right = st.columns(2)
    with left:
        name = attribute(list(points["group_by"].unique()), "reliability")
    points = points[points["group_by"] == name]
    classes = list(points["class_name"].unique())
    with right:
        chosen = st.selectbox(
            t("Finding"), classes, format_func=about.finding, key="reliability finding"
        )
    points = points[points["class_name"] == chosen]
    groups = list(points["group"].unique())
    for start in range(0, len(groups), IN_A_ROW):
        row = groups[start : start + IN_A_ROW]
        titles = {group: charts.plain(told.name_of(group)) for group in row}
        st.plotly_chart(
            charts.reliability(points[points["group"].isin(row)], titles, "group"),
            theme=None,
            config={"displaylogo": False},
            alt=t("Reliability diagrams by {name_of}", name_of=told.name_of(name)),
            key=f"reliability {start}",
        )
    st.caption(told.HOW["reliability"])
    offer(points, "reliability")
