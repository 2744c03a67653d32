"""Mitigation compared: every method against plain training, for everyone and the worst group."""

from typing import Any

import pandas as pd
import streamlit as st

from clinmm.fairness import told
from clinmm.fairness.mitigating.sentence import notice, sentence
from clinmm.registry import constants
from dashboards import panels, run_data, selections, words
from dashboards.fairness.about import About, better_when, offer
from dashboards.language import t, tn
from dashboards.panels import Line


def section(about: About) -> None:
    if about.facts.get("kind") == "audit" and not run_data.run().has("mitigation"):
        st.info(t("A run made from a predictions file has no model to train again."))
        return
    table = run_data.table_or_say("mitigation")
    if table is None or not len(table):
        return
    st.html(panels.lead(sentence(table)))
    if said := notice(table):
        st.warning(said)
    rows = table[table["split"] == "test"]
    left, right = st.columns(2)
    measures = list(rows["metric"].unique())
    metric = left.selectbox(
        t("Measure"), measures, format_func=words.metric, key="mitigation measure"
    )
    rows = rows[rows["metric"] == metric]
    rests_on = set(table.loc[table["judged"].notna(), "class_name"])
    names = sorted(rows["class_name"].unique(), key=lambda name: name not in rests_on)
    chosen = right.selectbox(
        t("Finding"), names, format_func=about.finding, key="mitigation finding"
    )
    rows = rows[rows["class_name"] == chosen]
    rows = selections.at_point(rows, selections.points(rows)[0])
    called = told.compared(table)
    _differences(about, rows, str(metric), called)
    _values(about, rows, str(metric), called)
    _meanings(table)


def _differences(about: About, rows: pd.DataFrame, metric: str, called: dict[str, str]) -> None:
    """A forest of what changed. called: the groups that are drawn, and how."""
    lines = []
    for name, part in rows[rows["method"] != "plain_training"].groupby("method", sort=False):
        lines.append(Line(_method(str(name), part), "", heading=True))
        lines += [
            Line(
                called[row.group],
                str(row.n_patients),
                row.difference,
                row.difference_low,
                row.difference_high,
                t("suppressed: {reason}", reason=selections.text(row.reason)),
                strong=row.group not in ("all", "worst"),
            )
            for row in part.itertuples()
            if row.group in called
        ]
    if not lines:
        st.caption(t("Nothing but plain training was measured."))
        return
    heading = (
        t("Method"),
        words.several(about.unit),
        t("{metric} less plain training, 95 %", metric=words.metric(metric)),
    )
    st.html(panels.forest(lines, *panels.middle(lines), 0.0, heading))
    way = {True: t("Above 0 is better."), False: t("Below 0 is better.")}.get(better_when(metric))
    st.caption(" ".join(one for one in (told.HOW["mitigation"], way) if one))
    offer(rows, "mitigation")


def _method(name: str, rows: pd.DataFrame) -> str:
    marks = {"chosen": t("chosen"), "recommended": t("recommended")}
    marked = [said for word, said in marks.items() if (rows[word] == "yes").any()]
    n_seeds = int(rows["n_seeds"].max())
    said = tn("{method}, {n} seed", "{method}, {n} seeds", n_seeds, method=told.method(name))
    return f"{said}: {words.listing(marked)}" if marked else said


def _values(about: About, rows: pd.DataFrame, metric: str, called: dict[str, str]) -> None:
    """Every group under every method, with the spread over seeds."""
    with st.expander(t("Every group under every method")):
        shown = [
            (told.method(row.method), called.get(row.group, row.group), *_figures(row))
            for row in rows.itertuples()
        ]
        heading = (
            t("Method"),
            t("Group"),
            t("{measure} (95 %)", measure=words.metric(metric)),
            t("Spread over seeds"),
        )
        st.html(panels.table((*heading, f"{about.unit}s"), shown))


def _meanings(table: pd.DataFrame) -> None:
    with st.expander(t("What each method does")):
        said = constants("mitigations")
        for name in table["method"].unique():
            if name in said:
                st.markdown(f"**{told.method(name)}**: {said[name]['MEANING']}")


def _figures(row: Any) -> tuple[str, str, str]:
    if row.status != "ok":
        return (
            t("suppressed: {reason}", reason=selections.text(row.reason)),
            "",
            str(row.n_patients),
        )
    spread = "" if pd.isna(row.spread) else words.number(row.spread)
    value = f"{words.number(row.value)} ({words.interval(row.low, row.high)})"
    return value, spread, str(row.n_patients)
