"""What may be asked of a model that serves groups alike, and which of it these data contradict."""

import streamlit as st

from clinmm.fairness import criteria as asked
from clinmm.fairness import told
from clinmm.schema import GROUPS
from dashboards import panels, run_data, selections
from dashboards.fairness.about import About, attribute
from dashboards.language import t

HOLDS = {
    asked.NO: ("fail", t("▲ contradicted")),
    asked.NOT_SHOWN: ("plain", t("– not contradicted")),
    asked.CANNOT_TELL: ("unknown", t("? cannot tell")),
}
"""What a criterion is found to be -> class of its tag, words."""


def section(about: About) -> None:
    comparisons = run_data.table_or_stop("comparisons")
    rows = about.grouped
    left, right = st.columns(2)
    with left:
        name = attribute(list(rows["group_by"].unique()), "criteria")
    classes = list(rows["class_name"].unique())
    headline = selections.headline_class(rows, about.facts)
    with right:
        chosen = st.selectbox(
            t("Finding"),
            classes,
            index=classes.index(headline) if headline in classes else 0,
            format_func=about.finding,
            key="criteria finding",
        )
    made = run_data.table_if_made("groups")
    groups = GROUPS.empty() if made is None else made
    found = asked.criteria(about.metrics, comparisons, name, chosen, about.arm)
    body = "".join(
        f"<tr><td><b>{panels.escape(one.name.capitalize())}</b></td>"
        f'<td>{panels.escape(one.means)}</td><td><span class="verdict {HOLDS[one.holds][0]}">'
        f"{panels.escape(HOLDS[one.holds][1])}</span>"
        f'<p class="small">{panels.escape(one.said)}</p></td></tr>'
        for one in found
    )
    st.html(
        f'<table class="findings"><thead><tr><th>{panels.escape(t("Criterion"))}</th>'
        f"<th>{panels.escape(t('What it means for a patient'))}</th>"
        f"<th>{panels.escape(t('In these data'))}</th></tr></thead><tbody>{body}</tbody></table>"
    )
    st.caption(told.HOW["criteria"])
    if len(groups):
        why = asked.why_not_all(groups, name, chosen)
        st.html(panels.answer(t("Can they all hold?"), why))
