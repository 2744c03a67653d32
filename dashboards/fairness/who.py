"""Who is there: how many of each group, how many have each finding, which inputs they have."""

from typing import Any

import pandas as pd
import streamlit as st

from clinmm.fairness import told
from dashboards import panels, selections, words
from dashboards.fairness.about import About, made, offer
from dashboards.fairness.heat import Cell, heat
from dashboards.language import t
from dashboards.panels import Line

MOST_COLUMNS = 15


def section(about: About) -> None:
    table = made("groups")
    if table is None:
        return
    for row in told.there_gaps(table).itertuples():
        st.html(f'<p class="gap">▲ {panels.escape(told.there(row))}.</p>')
    parts = [name for name in told.PARTS if (table["part"] == name).any()]
    part = st.segmented_control(
        t("Among"),
        parts,
        default=parts[-1] if "cohort" not in parts else "cohort",
        required=True,
        format_func=lambda name: told.PARTS[name],
        key="who part",
    )
    rows = table[table["part"] == part]
    _sizes(about, rows[rows["measure"] == "share"])
    for measure in list(told.OF_GROUPS)[1:]:
        _shares(about, rows[rows["measure"] == measure], measure)


def _sizes(about: About, rows: pd.DataFrame) -> None:
    st.header(told.OF_GROUPS["share"])
    lines = [
        Line(
            told.who(row.group_by, row.group),
            str(row.n_patients),
            row.value,
            row.low,
            row.high,
            t("too few"),
        )
        for row in rows.itertuples()
    ]
    st.html(
        panels.forest(
            lines, 0.0, 1.0, None, (t("Group"), words.several(about.unit), t("share, 95 %"))
        )
    )
    st.caption(told.HOW["share"])
    offer(rows, "who_size")


def _shares(about: About, rows: pd.DataFrame, measure: str) -> None:
    """A heat map of groups by findings, inputs or patterns."""
    if not len(rows):
        return
    st.header(told.OF_GROUPS[measure])
    said = {"prevalence": about.finding, "pattern": words.pattern}.get(measure, str)
    largest = rows.groupby("of")["value"].max().sort_values(ascending=False)
    kept = [name for name in dict.fromkeys(rows["of"]) if name in set(largest.index[:MOST_COLUMNS])]
    shown = rows[rows["of"].isin(kept)]
    cells = {
        (told.who(row.group_by, row.group), said(str(row.of))): _cell(row)
        for row in shown.itertuples()
    }
    groups = list(dict.fromkeys(row for row, _ in cells))
    st.html(heat(t("Group"), groups, [said(name) for name in kept], cells))
    more = len(largest) - len(kept)
    left_out = t("The table has {more} more columns.", more=more) if more > 0 else ""
    st.caption(f"{told.HOW['there']} {left_out}".strip())
    offer(rows, f"who_{measure}")


def _cell(row: Any) -> Cell:
    if row.status == "suppressed":
        return Cell(t("too few"), t("n {n}", n=row.n_patients), suppressed=True)
    value, low, high = (100 * getattr(row, name) for name in ("value", "low", "high"))
    gap = selections.text(row.verdict) == "gap"
    return Cell(
        f"{value:.0f} %",
        t("{low:.0f} to {high:.0f}", low=low, high=high),
        value / 100,
        mark="▲" if gap else "",
    )
