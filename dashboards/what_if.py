"""What the model would have said of the case with something taken away or changed."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboards import case_data, charts, note, panels, selections, words, words_explained
from dashboards.language import t, tn
from dashboards.panels import Moved

Said = Callable[[float], str]
"""A risk, or a value, in words."""


def show(
    rows: pd.DataFrame,
    case: "pd.Series[Any]",
    notes: Mapping[str, str],
    units: Mapping[str, str],
    unit: str = "",
) -> None:
    """Draws the panel of one case and class.

    Args:
        rows: of the what_if table, of one case, class and arm.
        case: row of the case table.
        notes: name of each note -> its text.
        units: column of the record -> what it is measured in.
        unit: of the value that is estimated; empty of a risk.
    """
    as_is = selections.matching(rows, {"kind": "as_is"})
    if not len(as_is):
        return
    now = as_is.iloc[0]
    left, middle, right = st.columns([1, 1, 1.2])
    with left:
        _inputs(selections.matching(rows, {"kind": "input_removed"}), now, unit)
        _adds(selections.matching(rows, {"kind": "input_adds"}), unit)
    with middle:
        _sentence(selections.matching(rows, {"kind": "sentence_removed"}), now, notes, unit)
    with right:
        _column(selections.matching(rows, {"kind": "column_moved"}), now, case, units, unit)


def _inputs(rows: pd.DataFrame, now: "pd.Series[Any]", unit: str) -> None:
    """The estimate without each input in turn."""
    st.html(panels.title(t("Without one input")))
    if not len(rows):
        st.caption(t("The case has one input; nothing can be taken away."))
        return
    before = float(now["probability"])
    ends = (0.0, 1.0)
    if unit:
        ends = (min(before, rows["probability"].min()), max(before, rows["probability"].max()))
    moves = [
        Moved(str(name), before, float(after))
        for name, after in zip(rows["input"], rows["probability"], strict=True)
    ]
    st.html(panels.small(t("As it is: {estimate}.", estimate=in_words(unit)(before))))
    st.html(panels.moved(moves, *ends, in_words(unit)))
    st.caption(words_explained.HOW_REMOVED)


def _adds(rows: pd.DataFrame, unit: str) -> None:
    """What each input adds to the estimate, exact over all subsets of the inputs."""
    if not len(rows):
        return
    per = 1 if unit else 100
    said = ", ".join(
        f"{name} {per * value:+.1f}".replace("-", "−")
        for name, value in zip(rows["input"], rows["probability"], strict=True)
    )
    told = (
        t("What each adds, over all subsets of the inputs: {listed} {unit}.")
        if unit
        else t("What each adds, over all subsets of the inputs: {listed} of 100.")
    )
    st.caption(told.format(listed=said, unit=unit))


def _sentence(
    rows: pd.DataFrame, now: "pd.Series[Any]", notes: Mapping[str, str], unit: str
) -> None:
    """The sentence whose removal changes the estimate most, marked in its note."""
    st.html(panels.title(t("The sentence that changes most")))
    if not len(rows):
        st.caption(t("No note with sentences to take away."))
        return
    row = rows.loc[(rows["logit"] - now["logit"]).abs().idxmax()]
    start, end = (int(at) for at in str(row["part"]).split(":"))
    text, said = notes.get(str(row["input"]), ""), in_words(unit)
    with st.container(border=True):
        st.html(note.marked(text, start, end))
    st.caption(
        tn(
            "Without it {without} instead of {now}. It is the only sentence.",
            "Without it {without} instead of {now}. Of {n} sentences, each taken away in turn.",
            len(rows),
            without=said(float(row["probability"])),
            now=said(float(now["probability"])),
        )
    )


def _column(
    rows: pd.DataFrame,
    now: "pd.Series[Any]",
    case: "pd.Series[Any]",
    units: Mapping[str, str],
    unit: str,
) -> None:
    """One value of the record moved through its plausible range."""
    st.html(panels.title(t("Another value in the record")))
    if not len(rows):
        st.caption(t("The case has no record with values to move."))
        return
    by_column = rows.groupby("part", sort=False)["probability"]
    reach = (by_column.max() - by_column.min()).sort_values(ascending=False, kind="stable")
    names = [str(name) for name in reach.index]
    name = str(st.selectbox(t("Value to change (those that move it most first)"), names))
    own = selections.matching(rows, {"part": name})
    measured = own["x"].fillna("") != ""
    here = "" if pd.isna(case.get(name)) else case_data.plain(case[name])
    label = f"{name}, {units[name]}" if units.get(name) else name
    before, said = float(now["probability"]), in_words(unit)
    st.plotly_chart(
        charts.what_if(own[measured], here, before, label, not unit),
        theme=None,
        config={"displaylogo": False},
        alt=t("Estimate over {name}", name=name),
        key=f"what if {case['case_id']} {name}",
    )
    risks = own["probability"]
    told = [
        t(
            "The case: {value}, {estimate}. Over the range: {low} to {high}.",
            value=here or t("not measured"),
            estimate=said(before),
            low=said(float(risks.min())),
            high=said(float(risks.max())),
        )
    ]
    if here and len(blank := own[~measured]):
        without = said(float(blank.iloc[0]["probability"]))
        told.append(t("Not measured: {estimate}.", estimate=without))
    st.caption(" ".join([*told, words_explained.HOW_CURVE]))


def in_words(unit: str = "") -> Said:
    """How an estimate is said: a risk as a count of a hundred, a value with its unit.

    >>> in_words()(0.234), in_words("years")(61.26)
    ('about 23 of 100', '61.3 years')
    """
    if not unit:
        return lambda risk: t("{count} of 100", count=words.of_hundred(risk))
    return lambda value: f"{words.number(value, 1)} {unit}"
