"""Small multiples: one measure by group, a panel for each finding, all on one scale."""

import pandas as pd
import streamlit as st

from clinmm.fairness import told
from dashboards import panels, selections, words
from dashboards.fairness.about import About, attribute, choose, offer
from dashboards.fairness.groups import line
from dashboards.language import t
from dashboards.panels import Line


def section(about: About) -> None:
    rows = about.grouped
    choice = choose(about, rows, "classes", by_class=False)
    rows = selections.at_point(rows[rows["metric"] == choice.metric], choice.point)
    name = attribute(list(rows["group_by"].unique()), "classes")
    rows = rows[rows["group_by"] == name]
    everyone = selections.pooled(about.metrics, choice.metric, arm=about.arm)
    everyone = selections.at_point(everyone, choice.point)
    drawn = {
        class_name: _lines(part, everyone[everyone["class_name"] == class_name])
        for class_name, part in rows.groupby("class_name", sort=False)
    }
    low, high = panels.scale([one for lines in drawn.values() for one in lines], -100.0, 100.0)
    parts = []
    for class_name, lines in drawn.items():
        reference = next((one.value for one in lines if one.strong), None)
        heading = (
            about.finding(str(class_name)),
            words.several(about.unit),
            words.metric(choice.metric),
        )
        parts.append(f"<div>{panels.forest(lines, low, high, reference, heading)}</div>")
    st.html(f'<div class="twins">{"".join(parts)}</div>')
    st.caption(told.HOW["multiples"])
    offer(rows, "by_finding")


def _lines(rows: pd.DataFrame, everyone: pd.DataFrame) -> list[Line]:
    lines = [
        Line(t("everyone"), str(row.n_patients), row.value, row.low, row.high, strong=True)
        for row in everyone.itertuples()
    ]
    return lines + [line(row, told.name_of(row.group)) for row in rows.itertuples()]
