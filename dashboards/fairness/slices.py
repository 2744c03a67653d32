"""Groups that nobody named: slices proposed on one half of the patients, tested on the other."""

from typing import Any

import streamlit as st

from clinmm.fairness import told
from dashboards import panels, selections, words
from dashboards.fairness import case_links
from dashboards.fairness.about import About, made, offer
from dashboards.language import t
from dashboards.panels import Line

KINDS = {
    "column": t("a column"),
    "columns": t("columns together"),
    "note_topic": t("a topic of the notes"),
    "embedding_cluster": t("cases alike to the model"),
}


def section(about: About) -> None:
    table = made("slices")
    if table is None:
        return
    pairs = told.slices(table, about.arm)
    st.html(panels.lead(told.of_slices(pairs)))
    lines = []
    for found, confirmed in pairs:
        what = t(
            "{slice} ({kind}): {measure}, {finding}",
            slice=found.slice,
            kind=KINDS.get(found.kind, found.kind),
            measure=words.metric(found.metric),
            finding=about.finding(found.class_name),
        )
        if point := selections.text(found.operating_point).replace("_", " "):
            what = t("{what}, at {point}", what=what, point=point)
        lines.append(Line(what, "", heading=True))
        lines.append(_line(found, t("proposed on one half"), quiet=True))
        if confirmed is not None:
            tested = selections.text(confirmed.verdict)
            verdict = told.slice_verdict(confirmed) if tested else t("not tested")
            lines.append(_line(confirmed, t("on the other half: {verdict}", verdict=verdict)))
    heading = (t("Slice"), words.several(about.unit), t("less everyone else, 95 %"))
    st.html(panels.forest(lines, *panels.middle(lines), 0.0, heading))
    st.caption(told.HOW["slices"])
    offer(table[table["arm"] == about.arm], "slices")
    for _, confirmed in pairs:
        if confirmed is None or selections.text(confirmed.verdict) != "worse":
            continue
        case_links.show(
            t("Cases of “{slice}”", slice=confirmed.slice),
            told.cases(selections.text(confirmed.case_ids)),
        )


def _line(row: Any, label: str, quiet: bool = False) -> Line:
    return Line(
        label,
        str(row.n_patients),
        row.difference,
        row.difference_low,
        row.difference_high,
        t("too few for an estimate"),
        strong=selections.text(row.verdict) == "worse",
        quiet=quiet,
    )
