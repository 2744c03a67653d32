"""What the audit concludes of each attribute, in plain words, with cases that illustrate it."""

from typing import Any

import pandas as pd
import streamlit as st

from clinmm.fairness import sentences, told
from dashboards import panels, run_data, selections, words
from dashboards.fairness import case_links
from dashboards.fairness.about import About, made, offer
from dashboards.language import t

MOST_COLUMNS = 3
LONG = 200
"""Characters from which what may explain a gap is folded."""


def opening(about: About) -> None:
    """A card for each attribute; where nothing was concluded, how to have it."""
    table = made("bias_verdicts")
    if table is None:
        return
    found = told.by_attribute(table, about.arm)
    if not found:
        st.info(t("The audit came to no verdict: no sensitive column, or no arm that was judged."))
        return
    st.html(panels.lead(told.lead(found)))
    groups = run_data.table_if_made("groups")
    names, n_columns = list(found), min(len(found), MOST_COLUMNS)
    for start in range(0, len(names), n_columns):
        row = names[start : start + n_columns]
        for place, name in zip(st.columns(n_columns), row, strict=False):
            with place.container(border=True):
                _card(about, name, found[name], groups)
    st.caption(told.NOT_ABSENT)
    offer(table[table["arm"] == about.arm], "verdicts")


def _card(about: About, name: str, rows: pd.DataFrame, groups: pd.DataFrame | None) -> None:
    before = sentences.before(groups, name)
    parts = [f"<h2>{panels.escape(told.name_of(name).capitalize())}</h2>"]
    parts += [panels.small(before)] if before else []
    parts += [_concluded(about, row, before) for row in rows.itertuples()]
    st.html(f'<div class="concluded">{"".join(parts)}</div>')
    cases = [one for cell in rows["case_ids"] for one in told.cases(selections.text(cell))]
    case_links.show(t("Cases that illustrate it"), list(dict.fromkeys(cases)))


def _concluded(about: About, row: Any, before: str) -> str:
    """One verdict. before: what its sentence begins with, said once for all of the attribute."""
    point = selections.text(row.operating_point).replace("_", " ")
    what = words.metric(row.metric)
    what = t("{measure} at {point}", measure=what, point=point) if point else what
    cause = selections.text(row.cause)
    why = panels.small(t("Where it may come from: {cause}", cause=cause))
    if len(cause) > LONG:
        asked = panels.escape(t("Where it may come from"))
        why = f"<details><summary>{asked}</summary>{panels.small(cause)}</details>"
    return (
        f"<p>{tag(row)} <b>{panels.escape(what)}</b>, "
        f"{panels.escape(about.finding(row.class_name))}</p>"
        f"<p>{panels.escape(row.sentence.removeprefix(before))}</p>{why if cause else ''}"
    )


def tag(row: Any) -> str:
    """A verdict by symbol, word and colour."""
    kind = {told.GAP_SHOWN: "fail", told.CANNOT_TELL: "unknown"}.get(row.verdict, "plain")
    said = f"{told.SYMBOLS[row.verdict]} {told.verdict(row)}"
    return f'<span class="verdict {kind}">{panels.escape(said)}</span>'
