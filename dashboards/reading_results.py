"""What a reading study found: the plain answer, then readers, arms, groups, agreement, time."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from clinmm.fairness import told
from dashboards import panels, reading_told, selections, words
from dashboards.language import t
from dashboards.panels import Line

STEPS = ("alone", "with_model")
COEFFICIENTS = {
    "cohen_kappa": t("Cohen's kappa"),
    "fleiss_kappa": t("Fleiss' kappa"),
    "gwet_ac1": t("Gwet's AC1"),
    "krippendorff_alpha": t("Krippendorff's alpha"),
}
SCALES = {
    "nominal": t("of the call"),
    "ordinal": t("of the rating"),
    "interval": t("of the value"),
}
FOLLOWED = {
    "followed_wrong": t("Right alone, where the model was wrong"),
    "followed_right": t("Wrong alone, where the model was right"),
    "switched": t("Alone of another opinion than the model"),
}
NO_SHARE = ("mean_absolute_error", "confidence")


def section(results: pd.DataFrame, agreement: pd.DataFrame) -> None:
    """All of it.

    results: table reading_results of one study. agreement: table reading_agreement of it.
    """
    results = reading_told.with_p(results)
    first, *rest = reading_told.sentences(results)
    detail = "".join(panels.small(one) for one in rest)
    st.html(panels.answer(t("Does the model help its readers?"), first, detail))
    if not len(results):
        st.info(t("No reading is finished yet."))
        return
    names = [name for name in dict.fromkeys(results["class_name"]) if name != "all"] or ["all"]
    names.sort(key=lambda name: name != "macro")
    name = names[0]
    if len(names) > 1:
        name = st.segmented_control(
            t("Finding"),
            names,
            default=names[0],
            required=True,
            format_func=reading_told.finding,
            key="read of",
        )
    of = results[results["class_name"].isin([name, "all"])]
    changes, agreed = (
        table if name == "macro" else table[table["class_name"].isin([name, "all"])]
        for table in (results, agreement)
    )
    parts = {
        t("Readers"): lambda: _readers(of),
        t("Arms and groups"): lambda: _apart(of),
        t("Changes of mind"): lambda: _changes(changes),
        t("Agreement"): lambda: _agreement(agreed),
        t("Time"): lambda: _time(of),
    }
    for tab, part in zip(st.tabs(list(parts)), parts.values(), strict=True):
        with tab:
            part()


def _readers(results: pd.DataFrame) -> None:
    """The mean over readers, the model, and each reader alone and with the model."""
    rows = _measured(results[results["group_by"] == "all"], "readers")
    if rows is None:
        return
    each = rows[~rows["reader"].isin(["all", "model"])]
    lines = [Line(t("all readers"), "", heading=True), *_lines(rows[rows["reader"] == "all"])]
    lines += _lines(rows[rows["reader"] == "model"])
    for reader, of in each.groupby("reader", sort=True):
        lines += [Line(str(reader), "", heading=True), *_lines(of)]
    _forest(lines, str(rows["metric"].iloc[0]), t("Read by"))
    st.caption(
        t(
            "A dot is the estimate, its bar the 95 % interval; compare with the model and alone "
            "under each name. Intervals of all readers hold for other readers and other patients."
        )
    )
    _offer(rows, "readers")


def _apart(results: pd.DataFrame) -> None:
    """The mean over readers in each arm and in each group."""
    rows = _measured(results[results["reader"].isin(["all", "model"])], "apart", arms=False)
    if rows is None:
        return
    metric = str(rows["metric"].iloc[0])
    whole = rows["group_by"] == "all"
    apart = rows["step"] == "arms"
    arms, groups = rows[whole & ~apart & (rows["arm"] != "all")], rows[~whole]
    if not len(arms) and not len(groups):
        st.info(t("The study has one arm, and the cohort names no group."))
    if len(arms):
        st.header(t("By arm"))
        lines = []
        for name, of in arms.groupby("arm", sort=True):
            lines += [Line(_arm(str(name)), "", heading=True), *_lines(of)]
        _forest(lines, metric, t("Mean over readers"))
        st.caption(t("What readers answered in each arm; cases or readers were put in it by lot."))
        differences = _lines(rows[apart], by="arm")
        if differences:
            ends = panels.middle(differences)
            head = (t("One arm less another"), t("cases"), words.metric(metric))
            st.html(panels.forest(differences, *ends, 0.0, head))
            st.caption(_said_of_arms(rows[apart]))
        _offer(rows[whole], "arms")
    if len(groups):
        st.header(t("By group"))
        lines = []
        too_few = []
        for (by, group), of in groups.groupby(["group_by", "group"], sort=False):
            name = told.who(str(by), str(group))
            if (of["status"] == "ok").any():
                lines += [Line(name, "", heading=True), *_lines(of)]
            else:
                too_few.append(name)
        if lines:
            _forest(lines, metric, t("Mean over readers"))
            st.caption(t("Compare with the model and alone in a group; bars are 95 % intervals."))
        if too_few:
            st.caption(t("Too few patients for any estimate: {groups}.", groups="; ".join(too_few)))
        _offer(groups, "groups")


def _said_of_arms(rows: pd.DataFrame) -> str:
    """What the arms have in common, and what follows for the comparison."""
    each = (reading_told.compared(row) for row in rows.itertuples() if row.status == "ok")
    shared = "; ".join(dict.fromkeys(each)) or t("too few to compare")
    return t(
        "Final answers of the two arms: {shared}. Which case or reader fell into which arm was "
        "drawn by lot; the interval holds the luck of that draw. A bar that crosses 0 shows no "
        "difference.",
        shared=shared,
    )


def _changes(results: pd.DataFrame) -> None:
    """Harmed to the left, helped to the right, per reader, or per finding where there are several;
    then how the model was followed."""
    rows = selections.matching(results, {"group_by": "all", "arm": "all", "step": "gain"})
    several = rows.loc[rows["metric"] == "helped", "class_name"].nunique() > 1
    by = "class_name" if several else "reader"
    if several:
        rows = rows[rows["reader"] == "all"]
    counts = rows[rows["metric"].isin(["helped", "harmed"])]
    if not len(counts):
        st.info(t("Nobody has read a case alone and then with the model yet."))
        return
    table = counts.pivot_table("value", by, "metric", fill_value=0).astype(int)
    most = max(int(table.to_numpy().max()), 1)
    body = "".join(
        f'<tr><th scope="row">{panels.escape(_NAMED[by](str(name)))}</th>'
        f'<td class="n">{of["harmed"]}</td>'
        f'<td class="pull">{_bar("for", "right", of["harmed"] / most)}'
        f"{_bar('against', 'left', of['helped'] / most)}</td>"
        f'<td class="n">{of["helped"]}</td></tr>'
        for name, of in table.iterrows()
    )
    head = "".join(
        f'<th scope="col" class="{css}">{panels.escape(said)}</th>'
        for css, said in (
            ("", t("Finding") if several else t("Read by")),
            ("n", t("became wrong")),
            ("", ""),
            ("n", t("became right")),
        )
    )
    st.html(
        f'<table class="record changes"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )
    st.caption(
        t(
            "Readings whose call changed once the model was shown: blue to the right became right, "
            "orange to the left became wrong."
        )
    )
    _offer(counts, "changes")
    net = _lines(rows[rows["metric"] == "helped_less_harmed"], by=by)
    if net:
        st.header(t("Helped less harmed"))
        head = (t("Finding") if several else t("Read by"), t("cases"), t("share of readings, 95 %"))
        st.html(panels.forest(net, *panels.middle(net), 0.0, head))
        st.caption(
            t(
                "Became right less became wrong, of all readings that saw the model. Intervals and "
                "the exact p, which exchanges the answers of whole patients, are for these readers."
            )
        )
    lines = []
    for metric, said in FOLLOWED.items():
        of = rows[rows["metric"] == metric]
        if len(of):
            lines += [Line(said, "", heading=True), *_lines(of, by=by)]
    if lines:
        st.header(t("Following the model"))
        head = (t("Finding") if several else t("Read by"), t("cases"), t("share, 95 %"))
        st.html(panels.forest(lines, 0.0, 1.0, None, head))
        st.caption(
            t(
                "Share of the readings that ended with the model's call: far right is help where "
                "the model was right, and reliance on it where it was wrong."
            )
        )
        _offer(rows[rows["metric"].isin(FOLLOWED)], "followed")


def _time(results: pd.DataFrame) -> None:
    where = {"metric": "seconds", "group_by": "all", "arm": "all"}
    rows = selections.matching(results, where)
    if not len(rows):
        st.info(t("No reading is finished yet."))
        return
    lines = []
    for reader, of in rows.groupby("reader", sort=True):
        lines += [Line(_who(str(reader)), "", heading=True), *_lines(of)]
    head = (t("Read by"), t("cases"), t("seconds, 95 %"))
    st.html(panels.forest(lines, *panels.scale(lines, 0.0, 1e9), None, head, digits=0))
    st.caption(
        t(
            "Median time of a reading in each phase, in seconds; pauses beyond two minutes count "
            "as two."
        )
    )
    _offer(rows, "time")


def _agreement(rows: pd.DataFrame) -> None:
    if not len(rows):
        st.info(t("Agreement needs cases that two readers have finished."))
        return
    steps = list(dict.fromkeys(rows["step"]))
    step = st.segmented_control(
        t("Answers"),
        steps,
        default=steps[0],
        required=True,
        format_func=_step,
        key="agreement step",
    )
    rows = rows[rows["step"] == step]
    several = rows["class_name"].nunique() > 1
    if several:
        rows = rows[rows["between"] == "all"]
    lines: list[Line] = []
    for (scale, coefficient), of in rows.groupby(["scale", "coefficient"], sort=False):
        said = COEFFICIENTS.get(str(coefficient), str(coefficient))
        lines.append(Line(f"{said} {SCALES.get(str(scale), scale)}", "", heading=True))
        lines += [
            Line(
                _finding(str(row.class_name)) if several else _who(str(row.between)),
                "" if pd.isna(row.n_cases) else str(int(row.n_cases)),
                row.value,
                row.low,
                row.high,
                note=selections.text(row.reason),
                strong=row.between == "all" and not several,
            )
            for row in of.itertuples()
        ]
    head = (t("Finding") if several else t("Between"), t("cases"), t("coefficient, 95 %"))
    st.html(panels.forest(lines, -0.2, 1.0, 0.0, head))
    st.caption(
        t(
            "1 is full agreement, 0 what chance alone would give. Kappa falls where a finding is "
            "rare although readers agree; AC1 does not."
        )
    )
    _offer(rows, "agreement")


def _measured(results: pd.DataFrame, key: str, *, arms: bool = True) -> pd.DataFrame | None:
    """Rows of one measure of how good answers are, and of one arm; each asked for where there are
    several. None, and the page says so, where there is no such row."""
    good = results[results["step"].isin([*STEPS, "model"]) & (results["metric"] != "seconds")]
    metrics = list(dict.fromkeys(good["metric"]))
    if not metrics:
        st.info(t("No reading is finished yet."))
        return None
    left, right = st.columns(2)
    first = metrics.index(reading_told.first_measure(metrics) or metrics[0])
    metric = left.selectbox(
        t("Measure"), metrics, index=first, format_func=words.metric, key=f"{key} measure"
    )
    rows = results[(results["metric"] == metric) & (results["step"] != "gain")]
    if not arms:
        return rows
    rows = rows[rows["step"] != "arms"]
    names = list(dict.fromkeys(rows["arm"]))
    if len(names) == 1:
        return rows
    arm = right.selectbox(t("Arm"), names, format_func=_arm, key=f"{key} arm")
    return rows[(rows["arm"] == arm) | (rows["step"] == "model")]


def _lines(rows: pd.DataFrame, by: str = "step") -> list[Line]:
    """A line per row, named after one of _NAMED, with its p where it has one."""
    return [
        Line(
            _with_p(_NAMED[by](str(getattr(row, by))), row),
            "" if pd.isna(row.n_cases) else str(int(row.n_cases)),
            row.value,
            row.low,
            row.high,
            note=selections.text(row.reason),
            strong=row.step == "with_model" and row.reader == "all",
            quiet=row.step == "model",
        )
        for row in rows.itertuples()
    ]


def _forest(lines: Sequence[Line], metric: str, who: str) -> None:
    if metric in NO_SHARE:
        low, high = panels.scale(lines, 0.0, 1e9)
    else:
        low = min([0.5, *(line.low for line in lines if line.low == line.low)])
        low, high = (low if metric == "auroc" else 0.0), 1.0
    st.html(panels.forest(lines, low, high, None, (who, t("cases"), words.metric(metric))))


def _bar(css: str, side: str, share: float) -> str:
    return f'<i class="{css}" style="{side}:50%;width:{50 * share:.1f}%"></i>'


def _step(name: str) -> str:
    return reading_told.STEPS.get(name, name)


def _who(name: str) -> str:
    return {"all": t("all readers"), "model": t("the model")}.get(name, name)


def _arm(name: str) -> str:
    return t("all arms") if name == "all" else name.replace("_", " ")


def _finding(name: str) -> str:
    return reading_told.finding(name)


def _with_p(label: str, row: Any) -> str:
    p = reading_told.p_said(row)
    return t("{label} ({p})", label=label, p=p) if p else label


_NAMED = {"step": _step, "reader": _who, "arm": _arm, "class_name": _finding}
"""Column -> how its values are said."""


def _offer(rows: pd.DataFrame, name: str) -> None:
    st.download_button(
        t("Download this table (CSV)"),
        rows.dropna(axis="columns", how="all").to_csv(index=False),
        file_name=f"reading_{name}.csv",
        mime="text/csv",
        key=f"download reading {name}",
        type="tertiary",
    )
