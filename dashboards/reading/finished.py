"""A reading that is done: what was said, what the cohort records, and the way to correct it."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboards import panels, run_data, values, words
from dashboards.language import t
from dashboards.reading import said, side_by_side
from dashboards.reading.work import Work


def show(work: Work, classes: Sequence[str], target: Mapping[str, Any]) -> None:
    """The final answer beside the first one, and a button that corrects it."""
    state = work.state
    if state.final is None:
        return
    with st.container(key="finished", border=True):
        heads = [t("Finding"), *([t("First")] if state.opinion else []), t("Final")]
        answers = [one for one in (state.opinion, state.final) if one is not None]
        told = side_by_side.lines(answers, classes, target)
        st.html(panels.table(heads, [[name, *cells] for _, name, cells in told]))
        if state.final.reasons:
            st.caption("; ".join(said.REASONS[code] for code in state.final.reasons))
        if state.final.comment:
            st.html(panels.small(state.final.comment))
        if state.final_at is not None:
            st.caption(t("Locked {when:%Y-%m-%d %H:%M} UTC", when=state.final_at))
        if state.corrections:
            st.caption(t("Corrected; what was locked before stays on record."))
        st.button(t("Correct"), key=f"correct {work.key}", on_click=work.correct)


def recorded(case_id: str, facts: Mapping[str, Any]) -> None:
    """What the cohort says, once the final opinion is locked and can no longer follow it."""
    rows = run_data.rows_of("predictions", case_id).drop_duplicates("class_name")
    with st.expander(t("What the cohort records for this case")):
        told = {1.0: t("yes"), 0.0: t("no")}
        if values.is_of_values(facts):
            told = {
                row.target: f"{row.target:g} {values.unit_of(facts)}" for row in rows.itertuples()
            }
        pairs = [
            (words.class_label(row.class_name, ""), told.get(row.target, t("not recorded")))
            for row in rows.itertuples()
        ]
        st.html(panels.facts(pairs))
