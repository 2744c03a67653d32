"""Groups that nobody named: slices proposed on one half of the patients, tested on the other."""

from typing import Any

import streamlit as st

from clinmm.fairness import told
from dashboards import panels, selections, words
from dashboards.fairness import case_links
from dashboards.fairness.about import About, made, offer
from dashboards.panels import Line

KINDS = {
    "column": "a column",
    "columns": "columns together",
    "note_topic": "a topic of the notes",
    "embedding_cluster": "cases alike to the model",
}


def section(about: About) -> None:
    table = made("slices")
    if table is None:
        return
    pairs = told.slices(table, about.arm)
    st.html(f'<p class="lead">{panels.escape(told.of_slices(pairs))}</p>')
    lines = []
    for found, confirmed in pairs:
        what = f"{found.slice} ({KINDS.get(found.kind, found.kind)}): "
        what += f"{words.metric(found.metric)}, {about.finding(found.class_name)}"
        point = selections.text(found.operating_point).replace("_", " ")
        what += f", at {point}" if point else ""
        lines.append(Line(what, "", heading=True))
        lines.append(_line(found, "proposed on one half", quiet=True))
        if confirmed is not None:
            tested = selections.text(confirmed.verdict)
            verdict = told.slice_verdict(confirmed) if tested else "not tested"
            lines.append(_line(confirmed, f"on the other half: {verdict}"))
    heading = ("Slice", f"{about.unit}s", "less everyone else, 95 %")
    st.html(panels.forest(lines, *panels.middle(lines), 0.0, heading))
    st.caption(told.HOW["slices"])
    offer(table[table["arm"] == about.arm], "slices")
    for _, confirmed in pairs:
        if confirmed is None or selections.text(confirmed.verdict) != "worse":
            continue
        case_links.show(
            f"Cases of “{confirmed.slice}”", told.cases(selections.text(confirmed.case_ids))
        )


def _line(row: Any, label: str, quiet: bool = False) -> Line:
    return Line(
        label,
        str(row.n_patients),
        row.difference,
        row.difference_low,
        row.difference_high,
        "too few for an estimate",
        strong=selections.text(row.verdict) == "worse",
        quiet=quiet,
    )
