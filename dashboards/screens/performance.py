"""How well cases are ranked and called: by arm, by class, by what was present."""

import pandas as pd
import streamlit as st

from clinmm import validation_size
from dashboards import charts, inputs_fail, panels, run_data, selections, values, words
from dashboards.language import t
from dashboards.panels import Line

facts = run_data.facts()
unit = facts.get("unit_name", "patient")
target = facts["target"]["name"]

st.title(t("Performance"))
metrics = run_data.table_or_stop("metrics")
if values.is_of_values(facts):
    values.performance(facts, metrics)
    st.stop()
overall = metrics[(metrics["group_by"] == "all") & (metrics["pattern"] == "any")]
names = list(dict.fromkeys(overall["class_name"]))


def lines(rows: pd.DataFrame, label: str) -> list[Line]:
    """Rows of the metrics table as lines of a forest plot, labelled by one of its columns."""
    said = {"arm": words.arm, "pattern": words.pattern}
    return [
        Line(
            said.get(label, lambda name: words.class_label(name, target))(getattr(row, label)),
            str(row.n_patients),
            row.value,
            row.low,
            row.high,
            note=selections.text(row.reason),
            strong=label == "arm" and row.arm == "fused",
        )
        for row in rows.itertuples()
    ]


def ranked(metric: str, chosen: str) -> None:
    """One metric: arms for the chosen class, and classes for all inputs together."""
    by_arm = selections.pooled(metrics, metric, class_name=chosen)
    by_class = selections.pooled(metrics, metric, arm="fused")
    both = [
        lines(by_arm.sort_values("value", ascending=False), "arm"),
        lines(by_class, "class_name"),
    ]
    low, high = panels.scale(both[0] + both[1], 0.0, 1.0)
    reference = 0.5 if metric == "auroc" else None
    low = min(low, 0.5) if metric == "auroc" else low
    left, right = st.columns(2)
    heads = (
        t("Input, {class_label}", class_label=words.class_label(chosen, target)),
        t("Finding, all inputs together"),
    )
    for place, part, head in zip((left, right), both, heads, strict=True):
        heading = (head, words.several(unit), t("{measure}, 95 %", measure=words.metric(metric)))
        place.html(panels.forest(part, low, high, reference, heading))


def compared(metric: str, class_name: str) -> None:
    """All inputs against every other arm, on the same patients, with what could have been shown."""
    comparisons = run_data.table_if_made("comparisons")
    if comparisons is None:
        return
    rows = selections.arm_comparisons(comparisons, metric, class_name)
    if not len(rows):
        return
    drawn = []
    for row in rows.itertuples():
        verdict = words.verdict(
            row.verdict, row.detectable, row.margin, selections.text(row.non_inferior)
        )
        label = t("{arm}: {verdict}", arm=words.arm(row.rival), verdict=verdict)
        n = str(row.n_patients)
        drawn.append(Line(label, n, row.difference, row.low, row.high, t("not estimated")))
    st.header(t("All inputs together against each other arm"))
    heading = (
        t("Against, verdict"),
        words.several(unit),
        t("{metric} difference, 95 %", metric=words.metric(metric)),
    )
    st.html(panels.forest(drawn, *panels.middle(drawn), 0.0, heading))
    st.caption(
        t(
            "All inputs minus the other, paired on the same {unit}s. {detectable}",
            unit=unit,
            detectable=words.DETECTABLE,
        )
    )


size = run_data.table_if_made("validation_size")
if size is not None and len(size):
    st.html(panels.lead(validation_size.statement(size, unit)))
    with st.expander(t("How many {unit}s there are, and how many each question needs", unit=unit)):
        st.dataframe(size.drop(columns="arm"), hide_index=True)

left, right = st.columns(2)
metric = left.selectbox(
    t("Measure"),
    [name for name in ("auroc", "auprc", "brier", "log_loss") if (overall["metric"] == name).any()],
    format_func=words.metric,
)
chosen = right.selectbox(
    t("Finding"), names, format_func=lambda name: words.class_label(name, target)
)
st.caption(f"{words.meaning(metric)} {t('Held-out {unit}s only.', unit=unit)}")
ranked(metric, chosen)
compared(metric, chosen)

st.header(t("By what was present"))
rows = selections.pooled(metrics, metric, arm="fused", class_name=chosen, pattern="*")
rows, others = selections.enough(rows[rows["pattern"] != "any"])
if len(rows):
    present = lines(rows, "pattern")
    low, high = panels.scale(present, 0.0, 1.0)
    heading = (
        t("Inputs present"),
        words.several(unit),
        t("{measure}, 95 %", measure=words.metric(metric)),
    )
    reference = 0.5 if metric == "auroc" else None
    low = min(low, 0.5) if metric == "auroc" else low
    st.html(panels.forest(present, low, high, reference, heading))
if others or not len(rows):
    st.caption(others or t("Every case had the same inputs, or no pattern was measured."))

inputs_fail.section(chosen, target, unit)

st.header(t("At the operating point"))
rows = overall[(overall["arm"] == "fused") & overall["metric"].isin(["sensitivity", "specificity"])]
rows = rows[(rows["repeat"] == "all") & (rows["split"] == "test")]
for point in [name for name in selections.points(rows) if name]:
    st.caption(
        t(
            "{point}: threshold chosen on other {unit}s than these.",
            point=point.replace("_", " "),
            unit=unit,
        )
    )
    for place, name in zip(st.columns(2), ("sensitivity", "specificity"), strict=True):
        part = selections.at_point(selections.pooled(metrics, name, arm="fused"), point)
        heading = (
            t("Finding"),
            words.several(unit),
            t("{measure}, 95 %", measure=words.metric(name)),
        )
        place.html(panels.forest(lines(part, "class_name"), 0.0, 1.0, None, heading))
if not len(rows):
    st.caption(t("No operating point in this run."))

curves = run_data.table_if_made("curves")
if curves is not None:
    where = {"kind": "roc", "arm": "fused", "group_by": "all", "pattern": "any"}
    points = selections.matching(curves, where)
    if len(points):
        st.header(t("ROC curves, all inputs together"))
        titles = {name: words.class_label(name, target) for name in points["class_name"].unique()}
        st.plotly_chart(
            charts.roc(points, titles),
            theme=None,
            config={"displaylogo": False},
            alt=t("ROC curves"),
        )
