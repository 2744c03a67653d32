"""Where a gap may come from: a panel for each kind of source."""

import math
from typing import Any

import pandas as pd
import streamlit as st

from clinmm.fairness import told
from dashboards import panels, selections, words
from dashboards.fairness.about import About, attribute, made, offer
from dashboards.language import t
from dashboards.panels import Line

MOST_SENTENCES, MOST_LINES = 4, 16


def section(about: About) -> None:
    table = made("gap_sources")
    if table is None:
        return
    rows = table[table["arm"].isin([about.arm, "all"])] if len(table) else table
    name = attribute(list(rows["group_by"].unique()), "sources")
    rows = rows[rows["group_by"] == name]
    st.html(
        panels.lead(
            t(
                "What goes together with a gap. None of it proves a cause: causes are shown by "
                "changing them."
            )
        )
    )
    for source in told.SOURCES:
        part = rows[rows["source"] == source]
        if len(part):
            _panel(about, source, part)
    offer(rows, "sources")


def _panel(about: About, source: str, rows: pd.DataFrame) -> None:
    """What was found in sentences, the figures, and how to read them."""
    heading, how = told.SOURCES[source]
    st.header(heading)
    order = {"yes": 0, "not_shown": 1}
    rows = rows.assign(first=rows["verdict"].map(order).fillna(2))
    rows = rows.sort_values("first", kind="stable")
    sentences = [one for one in dict.fromkeys(map(selections.text, rows["sentence"])) if one]
    n_found = rows.loc[rows["verdict"] == "yes", "sentence"].nunique()
    first = sentences[: min(max(n_found, 1), MOST_SENTENCES)]
    if first:
        st.html("".join(f'<p class="gap">{panels.escape(one)}</p>' for one in first))
    for measure, part in rows.dropna(subset=["value"]).groupby("measure", sort=False):
        _figures(about, source, str(measure), part)
    st.caption(how)
    if len(sentences) > len(first):
        with st.expander(t("{n} more in words", n=len(sentences) - len(first))):
            st.html("".join(panels.small(one) for one in sentences[len(first) :]))


def _figures(about: About, source: str, measure: str, rows: pd.DataFrame) -> None:
    """A forest of one measure, what was found first."""
    lines = [_line(about, source, row) for row in rows.head(MOST_LINES).to_dict("records")]
    scale, reference = panels.scale(lines, -math.inf, math.inf), None
    if measure == "auroc":
        scale, reference = (min(0.4, scale[0]), 1.0), 0.5
    elif "difference" in measure or measure.endswith("_cost"):
        scale, reference = panels.middle(lines), 0.0
    elif measure == "share":
        scale = (0.0, 1.0)
    heading = (t("About"), words.several(about.unit), t("value, 95 %"))
    st.html(panels.title(told.MEASURES.get(measure, measure)))
    st.html(panels.forest(lines, *scale, reference, heading))
    if len(rows) > MOST_LINES:
        st.caption(t("{shown} of {n} lines; the table has all.", shown=MOST_LINES, n=len(rows)))


def _line(about: About, source: str, row: dict[Any, Any]) -> Line:
    of = str(row["of"])
    if source == "arm":
        label = words.arm(of)
    else:
        label = {"fused": t("all inputs together"), "labels": t("the labels alone")}.get(of, of)
    if group := selections.text(row["group"]):
        label = f"{told.name_of(group)}: {label}"
    if class_name := selections.text(row["class_name"]):
        label += f", {about.finding(class_name)}"
    verdict = selections.text(row["verdict"])
    label += f" ({told.SOURCE_VERDICTS.get(verdict, verdict)})" if verdict else ""
    ends = (row["value"], row["low"], row["high"])
    return Line(label, str(row["n_patients"]), *ends, strong=verdict == "yes")
