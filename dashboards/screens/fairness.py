"""Whom the model fails: the verdicts first, then who is there, gaps, sources and mitigation."""

import streamlit as st

from dashboards import run_data, values
from dashboards.fairness import (
    by_class,
    criteria,
    groups,
    intersections,
    mitigation,
    reliability,
    slices,
    sources,
    verdicts,
    who,
)
from dashboards.fairness.about import About
from dashboards.language import t

OF_GROUPS = {
    t("Gaps"): groups.section,
    t("By finding"): by_class.section,
    t("Reliability"): reliability.section,
    t("Intersections"): intersections.section,
    t("Criteria"): criteria.section,
}
"""Parts that need estimates by group."""
PARTS = {
    t("Who is there"): who.section,
    **OF_GROUPS,
    t("Groups nobody named"): slices.section,
    t("Sources"): sources.section,
    t("Mitigation"): mitigation.section,
}

facts = run_data.facts()
st.title(t("Fairness"))
metrics = run_data.table_or_stop("metrics")
about = About.of(facts, metrics)
shown = list(PARTS)
if values.is_of_values(facts):
    values.fairness(facts, metrics)
    shown = [t("Who is there"), t("Sources")]
elif len(about.grouped):
    verdicts.opening(about)
else:
    st.info(
        t(
            "No estimate by group in this run. Name the columns under `sensitive` in the "
            "cohort file, then: clinmm audit {folder}",
            folder=run_data.run().folder,
        )
    )
    shown = [name for name in PARTS if name not in OF_GROUPS]
# a part is worked out when it is opened; the address bar names it
for name, tab in zip(shown, st.tabs(shown, key="part", bind="query-params"), strict=True):
    if tab.open:
        with tab:
            PARTS[name](about)
