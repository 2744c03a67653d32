"""The reader's choice of an explanation: class, method and rival, what is withheld and why."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import pandas as pd
import streamlit as st

from dashboards import explained, panels, reasons, words, words_explained
from dashboards.explained import Explanation, Method
from dashboards.language import t
from dashboards.panels import Line

ITSELF = ""
"""The choice of no rival."""


@dataclass(frozen=True)
class Choice:
    """What the reader asked to see; empty where nothing was explained."""

    class_name: str = ""
    method: str = ""
    rival: str = ITSELF

    @property
    def key(self) -> str:
        """Names the choice, for what is drawn of it."""
        return f"{self.class_name} {self.method} {self.rival}".strip()


def choose(
    folder: Path,
    table: pd.DataFrame | None,
    case_id: str,
    risks: pd.DataFrame,
    arm: str,
) -> tuple[Explanation | None, Choice]:
    """Draws the pickers. Returns what is shown, None where nothing may be, and what was chosen.

    risks: class_name and probability, in the order of the classes; the highest comes first, the
        first of them where the risk is not shown.
    """
    rows = None if table is None else table[table["case_id"] == case_id]
    have = set() if rows is None else set(rows["class_name"])
    names = [name for name in risks["class_name"] if name in have]
    if table is None or rows is None or not names:
        if table is not None:
            st.caption(t("This case was not among those explained."))
        return None, Choice()
    of_these = risks[risks["class_name"].isin(names)]
    highest = of_these["probability"].fillna(-1.0).argmax()
    chosen = str(of_these["class_name"].iloc[highest])
    several = len(names) > 1 or bool(rows["rather_than"].fillna("").ne("").any())
    widths = [5, 3.2, 2.4] if several else [1]
    columns = st.container(key="pickers").columns(widths, vertical_alignment="bottom")
    if several:
        with columns[0]:
            chosen = _pick_class(names, chosen, case_id)
    rivals = explained.rivals(table, case_id, chosen, arm)
    rival = rivals[0] if rivals else ITSELF
    if several and rivals != [ITSELF]:
        with columns[-1]:
            rival = _pick_rival(rivals, f"rather than {case_id} {chosen}")
    methods = explained.methods(table, case_id, chosen, arm, "" if ITSELF in rivals else rival)
    if not methods:
        return None, Choice(chosen)
    with columns[len(columns) // 2]:
        method = _pick_method(methods, f"method {case_id} {chosen}")
    found = _explanation(folder, table, case_id, Choice(chosen, method, rival), arm)
    with st.container(horizontal=True, key="explained"):
        st.caption(words_explained.meaning(method))
        _withheld(methods)
    if rival and found is not None and found.logits:
        st.caption(words_explained.of_difference(*explained.checks(found)))
    return found, Choice(chosen, method, rival)


def _pick_class(names: list[str], highest: str, case_id: str) -> str:
    return str(
        st.segmented_control(
            t("Show what spoke for and against"),
            names,
            default=highest,
            required=True,
            format_func=lambda name: words.class_label(name, ""),
            key=f"explain {case_id}",
            width="stretch",
        )
    )


def _pick_rival(rivals: list[str], key: str) -> str:
    return str(
        st.selectbox(
            t("Rather than"),
            rivals,
            format_func=lambda name: words.class_label(name, "") or t("(nothing)"),
            key=key,
        )
    )


def _explanation(
    folder: Path, table: pd.DataFrame, case_id: str, choice: Choice, arm: str
) -> Explanation | None:
    """What the method said of the class; where it is set against another, of their difference, or
    the difference of what it said of both."""
    chosen, method, rival = choice.class_name, choice.method, choice.rival
    found = explained.explanation(folder, table, case_id, chosen, method, arm, rival)
    if found is not None or not rival:
        return found
    found = explained.explanation(folder, table, case_id, chosen, method, arm)
    if found is None:
        return None
    if not found.logits:
        if all(found.withheld(str(name)) for name in found.rows["input"]):
            return found  # its reasons stand where it would have been drawn
        st.info(words_explained.relative_only(method))
        return None
    other = explained.explanation(folder, table, case_id, rival, method, arm)
    if other is None:
        finding = words.class_label(rival, "")
        st.info(t("This method did not explain {finding} for this case.", finding=finding))
        return None
    return explained.difference(found, other)


def _pick_method(methods: list[Method], key: str) -> str:
    """The method stays when another class or case is looked at; its label is that of the class."""
    labels = {method.name: _label(method) for method in methods}
    kept = st.session_state.get("method")
    st.session_state[key] = kept if kept in labels else methods[0].name

    def keep() -> None:
        st.session_state["method"] = st.session_state[key]

    return str(
        st.selectbox(
            t("Method"), list(labels), format_func=labels.__getitem__, key=key, on_change=keep
        )
    )


def _label(method: Method) -> str:
    said = words_explained.method(method.name)
    if not method.shown:
        return t("{method} (withheld)", method=said)
    n = len(method.withheld)
    return t("{method} ({n} withheld)", method=said, n=n) if n else said


def _withheld(methods: list[Method]) -> None:
    """Every method and input that is not shown for the class, and why."""
    rows = [
        (words_explained.method(method.name), name, reason)
        for method in methods
        for name, reason in method.withheld.items()
    ]
    if not rows:
        return
    with st.popover(t("Withheld for this class: {n}, and why", n=len(rows)), type="tertiary"):
        st.html(reasons.table(rows))


def shares(found: Explanation, chosen: Choice, effects: pd.DataFrame | None) -> None:
    """Share of each input, lowest to highest over the models, beside the cohort's mean share.

    effects: rows of kind `input` of the arm and class.
    """
    lines = []
    for row in found.rows.dropna(subset=["share"]).itertuples():
        if found.withheld(str(row.input)):
            lines.append(Line(str(row.input), "", note=t("withheld")))
            continue
        ends = (row.share, row.share_low, row.share_high)
        lines.append(Line(str(row.input), "", *ends, strong=True))
        usual = None if effects is None else effects[effects["input"] == row.input]
        if usual is not None and len(usual) and not chosen.rival:
            mean = usual.iloc[0]
            ends = (mean["value"], mean["low"], mean["high"])
            lines.append(Line(t("in the cohort"), "", *ends, quiet=True))
    if not any(line.strong for line in lines):
        return
    finding = words.class_label(chosen.class_name, "")
    title = t("Shares of the inputs in the estimate for {finding}", finding=finding)
    if chosen.rival:
        title = t(
            "Shares of the inputs in the estimate for {finding} rather than {rival}",
            finding=finding,
            rival=words.class_label(chosen.rival, ""),
        )
    st.html(f'<p class="panel-title">{escape(title)}</p>')
    st.html(panels.forest(lines, 0.0, 1.0, None, (t("Input"), "", t("share")), 2))
    usual_too = any(line.quiet for line in lines)
    st.caption(words_explained.SHARE + words_explained.SHARE_OF_COHORT * usual_too)
