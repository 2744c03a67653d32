"""One measure by group: estimates, gaps against everyone else, ratios, and the largest gap."""

from typing import Any

import pandas as pd
import streamlit as st

from clinmm.fairness import told
from dashboards import panels, run_data, selections, words
from dashboards.fairness.about import About, Choice, better_when, choose, offer
from dashboards.language import t, tn
from dashboards.panels import Line


def section(about: About) -> None:
    rows = about.grouped
    choice = choose(about, rows, "groups")
    whose = t("Held-out {unit}s, {arm}.", unit=about.unit, arm=words.arm(about.arm))
    st.caption(f"{words.meaning(choice.metric)} {whose}".strip())
    _estimates(about, choice)
    _gaps(about, choice)
    _largest(about)


def _estimates(about: About, choice: Choice) -> None:
    of = {"arm": about.arm, "class_name": choice.class_name}
    rows = selections.pooled(about.metrics, choice.metric, group_by="*", **of)
    rows = selections.at_point(rows[~rows["group_by"].isin(["all", "class"])], choice.point)
    everyone = selections.pooled(about.metrics, choice.metric, **of)
    everyone = selections.at_point(everyone, choice.point)
    lines = [
        Line(t("everyone"), str(row.n_patients), row.value, row.low, row.high, strong=True)
        for row in everyone.itertuples()
    ] + [line(row) for row in rows.itertuples()]
    reference = everyone.iloc[0]["value"] if len(everyone) else None
    heading = (
        t("Group"),
        words.several(about.unit),
        t("{measure}, 95 %", measure=words.metric(choice.metric)),
    )
    st.html(panels.forest(lines, *panels.scale(lines, -100.0, 100.0), reference, heading))
    st.caption(told.HOW["forest"])
    offer(pd.concat([everyone, rows]), "groups")


def line(row: Any, label: str = "") -> Line:
    """A row of the metrics table by its group; where it has no figure, why."""
    note = selections.text(row.reason)
    note = t("suppressed: {note}", note=note) if row.status == "suppressed" else note
    label = label or told.who(row.group_by, row.group)
    return Line(label, str(row.n_patients), row.value, row.low, row.high, note)


def _gaps(about: About, choice: Choice) -> None:
    st.header(t("Gap between groups: each group against everyone else"))
    comparisons = run_data.table_or_stop("comparisons")
    rows = selections.gaps(comparisons, choice.metric, choice.class_name, about.arm)
    if not len(rows):
        st.caption(t("No gap was compared for this measure and finding."))
        return
    judged = rows["family"].notna()
    if judged.any():
        _differences(about, rows[judged])
    if not judged.all():
        n = int((~judged).sum())
        title = tn(
            "{n} more gap, exploratory: seen, and without a verdict",
            "{n} more gaps, exploratory: seen, and without a verdict",
            n,
        )
        with st.expander(title, expanded=not judged.any()):
            _differences(about, rows[~judged])
    worse = {
        True: t("Below 0 the group is served worse."),
        False: t("Above 0 the group is served worse."),
    }.get(better_when(choice.metric))
    holm = t("Verdicts hold after Holm's correction within their family.")
    st.caption(" ".join(one for one in (told.HOW["gaps"], worse, holm) if one))
    offer(rows, "gaps")
    _ratios(about, rows, selections.best_group(comparisons, choice.metric, about.arm))


def _differences(about: About, rows: pd.DataFrame) -> None:
    """A forest of gaps; of several classes each line names its own."""
    lines, several = [], rows["class_name"].nunique() > 1
    for row in rows.itertuples():
        label = told.who(row.group_by, row.group)
        label = f"{about.finding(row.class_name)}, {label}" if several else label
        if row.verdict != "exploratory":
            margin = selections.text(row.non_inferior)
            label += f", {words.verdict(row.verdict, row.detectable, row.margin, margin)}"
        strong = row.verdict in ("worse", "better")
        n = str(row.n_patients)
        lines.append(Line(label, n, row.difference, row.low, row.high, strong=strong))
    heading = (t("Group, verdict"), words.several(about.unit), t("difference, 95 %"))
    drawn = panels.forest(lines, *panels.middle(lines), 0.0, heading)
    st.html(f'<div class="gaps">{drawn}</div>')


def _ratios(about: About, rows: pd.DataFrame, best: pd.DataFrame) -> None:
    """Ratios to everyone else, and differences from the group that is served best."""
    place = ["class_name", "group_by", "group"]
    from_best = {tuple(row[name] for name in place): row for row in best.to_dict("records")}
    shown = []
    for row in rows.to_dict("records"):
        against = from_best.get(tuple(row[name] for name in place))
        if pd.isna(row["ratio"]) and against is None:
            continue
        shown.append(
            (
                about.finding(row["class_name"]),
                told.who(row["group_by"], row["group"]),
                _with_ends(row, "ratio", ("ratio_low", "ratio_high")),
                "" if against is None else _with_ends(against, "difference", ("low", "high")),
                ""
                if against is None
                else _with_ends(against, "ratio", ("ratio_low", "ratio_high")),
            )
        )
    if not shown:
        return
    with st.expander(t("As ratios, and against the group that is served best")):
        heading = (t("Finding"), t("Group"), t("Ratio to everyone else"))
        heading += (t("Less the best group"), t("Ratio to the best group"))
        st.html(panels.table(heading, shown))
        st.caption(
            t(
                "A ratio of 1 is no gap. The best group is picked by the same figures, so "
                "gaps to it are larger than chance alone would have them: a description, "
                "never a test."
            )
        )
        offer(pd.concat([rows, best]), "ratios")


def _with_ends(row: dict[Any, Any], value: str, ends: tuple[str, str]) -> str:
    if pd.isna(row[value]):
        return ""
    return f"{words.number(row[value])} ({words.interval(row[ends[0]], row[ends[1]])})"


def _largest(about: About) -> None:
    rows = about.grouped
    rows = rows[rows["metric"].str.endswith("_gap") & (rows["class_name"] != "macro")]
    if not len(rows):
        return
    st.header(t("Largest gap between any two groups, at the operating point"))
    pairs = [
        (
            f"{words.metric(row.metric.removesuffix('_gap'))}, {told.name_of(row.group_by)}",
            f"{words.number(row.value)} ({about.finding(row.class_name)})",
        )
        for row in rows.itertuples()
    ]
    st.html(panels.facts(pairs))
    st.caption(t("A description without an interval: with more groups it grows by chance alone."))
    offer(rows, "largest")
