"""Whether fusion was worth it: the sentence, every arm with its interval, and the figures."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from clinmm.arms import FUSED
from clinmm.summary import fusion_verdict
from clinmm.worth_it.populations import EVERYONE, HAVE_RIVAL
from clinmm.worth_it.shown import grouped, question, who
from clinmm.worth_it.training import dominant, over_epochs
from dashboards import charts, panels, run_data, selections, values, words
from dashboards.language import t
from dashboards.panels import Line


def show(facts: Mapping[str, Any]) -> None:
    """What the first page opens with."""
    unit, target = facts.get("unit_name", "patient"), facts["target"]["name"]
    asked, said = question(len(facts["inputs"])), fusion_verdict(run_data.run())
    table = run_data.table_if_made("worth_it")
    if table is None or not len(table):
        st.html(panels.answer(asked, said))
        return
    heads = {name: selections.worth_it_head(table, name) for name in (HAVE_RIVAL, EVERYONE)}
    parts = {name: rows for name, rows in heads.items() if len(rows)}
    titles = {name: _title(name, unit, values.is_of_values(facts)) for name in parts}
    if len({_cases_of_fused(rows) for rows in parts.values()}) < len(parts):
        told = t("Every test {unit}: all have the inputs of the best other", unit=unit)
        drawn = _drawn({HAVE_RIVAL: parts[HAVE_RIVAL]}, {HAVE_RIVAL: _heading(told)}, unit, target)
    else:
        drawn = _drawn(parts, titles, unit, target)
    st.html(panels.answer(asked, said, drawn))
    with st.expander(t("All figures, by class and by the inputs present")):
        for name, title in titles.items():
            st.html(title)
            st.dataframe(_figures(table[table["population"] == name], target), hide_index=True)
    trained = run_data.table_if_made("training_inputs")
    if trained is not None and len(trained):
        _trained(trained)


def _title(population: str, unit: str, of_values: bool) -> str:
    said = who(population, unit, of_values=of_values)
    return _heading(said[:1].upper() + said[1:])


def _heading(text: str) -> str:
    return panels.title(text)


def _cases_of_fused(head: pd.DataFrame) -> int:
    """How many cases a population has: fused answers for every one."""
    return int(head.loc[head["arm"] == FUSED, "n_cases"].sum())


def _drawn(
    parts: Mapping[str, pd.DataFrame], titles: Mapping[str, str], unit: str, target: str
) -> str:
    """Every arm, and fused less every arm: two populations side by side, or one in full width."""
    arms = {name: _arms(rows) for name, rows in parts.items()}
    gaps = {name: _gaps(rows) for name, rows in parts.items()}
    first = next(iter(parts.values())).iloc[0]
    measure = words.metric(first["metric"])
    label = words.class_label(first["class_name"], target)
    reference = 0.5 if first["metric"] == "auroc" else None
    most = math.inf if reference is None else 1.0
    low, high = panels.scale([one for of in arms.values() for one in of], 0.0, most)
    middle = panels.middle([one for of in gaps.values() for one in of])
    columns = []
    for name, lines in arms.items():
        heading = (label, words.several(unit), t("{measure}, 95 %", measure=measure))
        difference = (
            t("All inputs together less"),
            words.several(unit),
            t("{measure} difference, 95 %", measure=measure),
        )
        bottom = min(low, 0.5) if reference else low
        tables = [
            panels.forest(lines, bottom, high, reference, heading),
            panels.forest(gaps[name], *middle, 0.0, difference),
        ]
        columns += [titles[name] + "".join(tables)] if len(parts) > 1 else tables
    title = "" if len(parts) > 1 else next(iter(titles.values()))
    note = t(
        "The best other arm was chosen on other {unit}s than these; it alone gets a "
        "verdict, adjusted after Holm over {family}. Differences are on the cases that "
        "both have.",
        unit=unit,
        family=t("both sides") if len(parts) > 1 else t("all that are judged"),
    )
    twins = "".join(f"<div>{column}</div>" for column in columns)
    return f'{title}<div class="twins">{twins}</div>{panels.small(note)}'


def _arms(rows: pd.DataFrame) -> list[Line]:
    by_arm = {str(row.arm): row for row in rows.itertuples()}
    lines = []
    for heading, names in grouped(by_arm).items():
        lines.append(Line(heading, "", heading=True))
        for name in names:
            row = by_arm[name]
            role = selections.text(row.role)
            label = words.arm(name)
            if role == "rival":
                label = t("{arm} (best other)", arm=label)
            ends = (row.value, row.low, row.high)
            note = selections.text(row.reason)
            lines.append(
                Line(label, str(row.n_patients), *ends, note, strong=name == FUSED, quiet=not role)
            )
    return lines


def _gaps(rows: pd.DataFrame) -> list[Line]:
    lines = []
    for row in rows[rows["arm"] != FUSED].itertuples():
        role = selections.text(row.role)
        said = f": {words.VERDICTS[row.verdict]}" if role else ""
        n = "" if pd.isna(row.n_compared) else f"{row.n_compared:.0f}"
        ends = (row.difference, row.difference_low, row.difference_high)
        lines.append(Line(words.arm(row.arm) + said, n, *ends, t("too few"), quiet=not role))
    return lines


def _figures(rows: pd.DataFrame, target: str) -> pd.DataFrame:
    """Every row of one population, in words."""
    return pd.DataFrame(
        {
            t("Measure"): rows["metric"].map(words.metric),
            t("Finding"): [words.class_label(name, target) for name in rows["class_name"]],
            t("Present"): rows["pattern"].map(words.pattern),
            t("Arm"): rows["arm"].map(words.arm),
            t("Cases"): rows["n_cases"],
            t("Value"): [
                _said(row.value, row.low, row.high) or selections.text(row.reason)
                for row in rows.itertuples()
            ],
            t("Together − arm"): [
                _said(row.difference, row.difference_low, row.difference_high)
                for row in rows.itertuples()
            ],
            "p": ["" if math.isnan(p) else words.number(p) for p in rows["p"]],
            t("p (Holm)"): ["" if math.isnan(p) else words.number(p) for p in rows["p_holm"]],
        }
    )


def _said(value: float, low: float, high: float) -> str:
    return "" if math.isnan(value) else f"{words.number(value)} ({words.interval(low, high)})"


def _trained(table: pd.DataFrame) -> None:
    points = over_epochs(table)
    if points.empty:
        return
    st.html(panels.answer(t("How far did each input train?"), dominant(table)))
    names = list(dict.fromkeys(points["input"]))
    st.plotly_chart(
        charts.over_epochs(points, names),
        theme=None,
        config={"displaylogo": False},
        alt=t("Loss on validate of the head on each input, by epoch"),
    )
    st.caption(
        t("Mean of all models, and the middle 80 % of them; a stopped model keeps its loss.")
    )
