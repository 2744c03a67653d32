"""The same estimates by group: intervals, gaps against everyone else, groups too small to judge."""

from typing import Any

import streamlit as st

from dashboards import panels, run_data, selections, values, words
from dashboards.panels import Line

facts = run_data.facts()
unit = facts.get("unit_name", "patient")
target = facts["target"]["name"]

st.title("Fairness")
metrics = run_data.table_or_stop("metrics")
if values.is_of_values(facts):
    values.fairness(facts, metrics)
    st.stop()
grouped = metrics[(metrics["group_by"] != "all") & (metrics["arm"] == "fused")]


def said_of(row: Any) -> str:
    """The verdict, and what could have been shown."""
    return words.verdict(row.verdict, row.detectable, row.margin, selections.text(row.non_inferior))


if not len(grouped):
    st.info(
        "No estimate by group in this run. Name the columns under `sensitive` in the cohort "
        f"file, then: clinmm audit {run_data.run().folder}"
    )
    st.stop()

left, middle, right = st.columns(3)
measures = [name for name in dict.fromkeys(grouped["metric"]) if not name.endswith("_gap")]
first = measures.index("auroc") if "auroc" in measures else 0
metric = left.selectbox("Measure", measures, index=first, format_func=words.metric)
rows = grouped[grouped["metric"] == metric]
names = list(dict.fromkeys(rows["class_name"]))
headline = selections.headline_class(rows, facts)
chosen = middle.selectbox(
    "Finding",
    names,
    index=names.index(headline) if headline in names else 0,
    format_func=lambda name: words.class_label(name, target),
)
points = selections.points(rows)
point = points[0]
if len(points) > 1:
    point = right.selectbox("Operating point", points, format_func=lambda p: p.replace("_", " "))
meaning = words.MEANINGS.get(metric)
st.caption(
    (f"{words.metric(metric)}: {meaning}. " if meaning else "")
    + f"Held-out {unit}s, all inputs together. Dashed line: everyone. "
    "A group with too few is listed with its number and without an estimate."
)

rows = selections.group_rows(metrics, metric, chosen, point)
everyone = selections.pooled(metrics, metric, arm="fused", class_name=chosen)
everyone = selections.at_point(everyone, point)
lines = []
for row in everyone.itertuples():
    lines.append(Line("everyone", str(row.n_patients), row.value, row.low, row.high, strong=True))
for row in rows.itertuples():
    label = f"{row.group_by.replace('*', ' × ')}: {row.group.replace('*', ' × ')}"
    note = (
        f"suppressed: {row.reason}" if row.status == "suppressed" else selections.text(row.reason)
    )
    lines.append(Line(label, str(row.n_patients), row.value, row.low, row.high, note))
low, high = panels.scale(lines, 0.0, 5.0)
reference = everyone.iloc[0]["value"] if len(everyone) else None
heading = ("Group", f"{unit}s", f"{words.metric(metric)}, 95 %")
st.html(panels.forest(lines, low, high, reference, heading))

st.header("Gap between groups: each group against everyone else")
comparisons = run_data.table_or_stop("comparisons")
gaps = selections.gaps(comparisons, metric, chosen)
if len(gaps):
    lines = []
    for row in gaps.itertuples():
        name = f"{words.class_label(row.class_name, target)}, " if chosen == "macro" else ""
        label = f"{row.group_by.replace('*', ' × ')}: {row.group.replace('*', ' × ')}"
        lines.append(
            Line(
                f"{name}{label}, {said_of(row)}",
                str(row.n_patients),
                row.difference,
                row.low,
                row.high,
                strong=row.verdict in ("worse", "better"),
            )
        )
    heading = ("Group, verdict", f"{unit}s", "difference, 95 %")
    st.html(panels.forest(lines, *panels.middle(lines), 0.0, heading))
    lower = metric in words.LOWER_IS_BETTER
    st.caption(
        f"Group minus everyone else; {'above' if lower else 'below'} 0 the group is served worse. "
        "Verdicts hold after Holm's correction within their family."
    )
else:
    st.caption("No gap was compared for this measure and finding.")

largest = grouped[grouped["metric"].str.endswith("_gap")]
if len(largest):
    st.header("Largest gap between any two groups, at the operating point")
    pairs = [
        (
            f"{words.metric(row.metric.removesuffix('_gap'))}, {row.group_by}",
            f"{words.number(row.value)} ({words.class_label(row.class_name, target)})",
        )
        for row in largest[largest["class_name"] != "macro"].itertuples()
    ]
    st.html(panels.facts(pairs))
    st.caption("A description without an interval: with more groups it grows by chance alone.")
