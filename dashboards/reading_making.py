"""A form that makes a reading study: what is asked for, what would be drawn, and then the study."""

from typing import Any

import pandas as pd
import streamlit as st
import yaml
from pydantic import ValidationError

from clinmm.errors import ClinmmError, InputError
from clinmm.review.protocol import MODES, Protocol
from clinmm.settings_errors import as_input_error
from dashboards import panels, run_data, selections
from dashboards.language import t

MODES_SAID = {
    "blind_first": t("Blind first: own opinion, then the model, then the final opinion"),
    "model_first": t("Model first: the model is shown from the start"),
    "without_explanation": t("Blind first, then the risk without explanations"),
    "without_model": t("Without the model"),
}
STRATA_SAID = {
    "class": t("recorded class"),
    "group": t("patient group"),
    "uncertainty": t("the model's uncertainty"),
    "disagreement": t("disagreement between inputs"),
}
WHEN_SAID = {
    "disputed": t("Cases that readers call differently"),
    "all": t("Every case"),
    "none": t("No case"),
}
_ASKED, _MADE = "study asked for", "study made"


def section(person: str) -> None:
    """The form; below it what it would draw, and the button that makes it.

    person: becomes an administrator unless the form names somebody else.
    """
    if name := st.session_state.pop(_MADE, None):
        said = t("The study was made: {name}. Its readers find it in their worklists.", name=name)
        st.html(f'<p class="lead" role="status">{panels.escape(said)}</p>')
    _form(person)
    settings = st.session_state.get(_ASKED)
    if settings is not None:
        _preview(settings, person)


def settings_of(asked: dict[str, Any]) -> dict[str, Any]:
    """A protocol as it stands in a file, from what the form holds: only what was chosen.

    >>> settings_of({"name": "a", "readers": "Ann\\n Bo ", "modes": ["model_first"]})
    {'name': 'a', 'readers': ['Ann', 'Bo'], 'mode': 'model_first'}
    """
    cases = {"split": asked.get("split"), "n": asked.get("n"), "by": asked.get("by")}
    if asked.get("n"):
        cases["balanced"] = asked.get("balanced")
    share = asked.get("repeats") or 0
    repeats = {"share": share / 100, "washout_days": asked.get("washout")} if share else {}
    modes = asked.get("modes") or []
    said = {
        "name": str(asked.get("name") or "").strip(),
        "cases": _given(cases),
        **{who: _lines(asked.get(who)) for who in ("readers", "adjudicators", "administrators")},
        "reads_per_case": asked.get("reads"),
        "repeats": _given(repeats),
        "mode": modes[0] if len(modes) == 1 else None,
        "arms": modes if len(modes) > 1 else None,
        "assign": asked.get("assign") if len(modes) > 1 else None,
        "classes": asked.get("classes"),
        "adjudicate": _given({"when": asked.get("when"), "tolerance": asked.get("tolerance")}),
        "seed": asked.get("seed"),
    }
    return _given(said)


def protocol_of(settings: dict[str, Any]) -> Protocol:
    """The protocol.

    Raises:
        InputError: everything that is wrong, one problem each.
    """
    unnamed = [] if settings.get("name") else [t("Study.name: give the study a name.")]
    try:
        # a missing name would keep the other rules from being tried
        protocol = Protocol.model_validate({"name": "-", **settings})
    except ValidationError as error:
        problems = as_input_error(error, t("Study"), Protocol).problems
        raise InputError(unnamed + problems) from None
    if unnamed:
        raise InputError(unnamed)
    return protocol


def _form(person: str) -> None:
    target = run_data.facts()["target"]
    value = target["kind"] == "continuous"
    with st.form("make study", border=True):
        left, middle, right = st.columns(3, gap="medium")
        asked: dict[str, Any] = {}
        with left:
            asked["name"] = st.text_input(t("Name of the study"), max_chars=80, key="make name")
            asked["split"] = st.selectbox(
                t("Cases"),
                ["test", "any"],
                format_func={"test": t("held-out cases"), "any": t("all cases of the run")}.get,
                key="make split",
            )
            asked["n"] = st.number_input(
                t("How many are drawn (empty: all)"), 1, value=None, step=1, key="make n"
            )
            asked["by"] = st.multiselect(
                t("Drawn by"), list(STRATA_SAID), format_func=STRATA_SAID.get, key="make by"
            )
            asked["balanced"] = st.checkbox(
                t("As many from each stratum as can be had"), value=True, key="make balanced"
            )
        with middle:
            asked["readers"] = _names(t("Readers, one a line"), "", "make readers")
            asked["adjudicators"] = _names(t("Adjudicators, one a line"), "", "make adjudicators")
            asked["administrators"] = _names(
                t("Administrators, one a line"), person, "make administrators"
            )
            asked["reads"] = st.number_input(
                t("Readers of each case (empty: all)"), 1, value=None, step=1, key="make reads"
            )
        with right:
            asked["modes"] = st.multiselect(
                t("What readers see; several are arms, drawn at random"),
                list(MODES),
                default=["blind_first"],
                format_func=MODES_SAID.get,
                key="make modes",
            )
            asked["assign"] = st.selectbox(
                t("An arm is drawn for each"),
                ["case", "reader"],
                format_func={"case": t("reading"), "reader": t("reader, once")}.get,
                key="make assign",
            )
            if not value:
                names = selections.classes(run_data.facts())
                asked["classes"] = st.multiselect(
                    t("Classes that are judged (none named: all)"), names, key="make classes"
                )
            asked["when"] = st.selectbox(
                t("An adjudicator decides"),
                list(WHEN_SAID),
                format_func=WHEN_SAID.get,
                key="make when",
            )
            if value:
                asked["tolerance"] = st.number_input(
                    t("Values may lie so far apart"), 0.0, value=0.0, key="make tolerance"
                )
            again, later, seed = st.columns(3)
            asked["repeats"] = again.number_input(t("Read twice, %"), 0, 100, 0, key="make repeats")
            asked["washout"] = later.number_input(
                t("after days"), 0.0, value=14.0, step=1.0, key="make washout"
            )
            asked["seed"] = seed.number_input(t("Seed"), 0, value=0, key="make seed")
        if st.form_submit_button(t("Show what would be drawn"), key="make preview"):
            st.session_state[_ASKED] = settings_of(asked)


def _preview(settings: dict[str, Any], person: str) -> None:
    """What the settings mean for this run, and the buttons that keep it; or what is wrong."""
    from clinmm.review.making import plan_study

    try:
        plan = plan_study(run_data.run(), protocol_of(settings), person)
    except ClinmmError as refused:
        _say(refused)
        return
    st.header(t("What would be drawn"))
    left, right = st.columns(2, gap="medium")
    left.dataframe(drawn(plan.cases), hide_index=True, key="make strata")
    left.caption(t("Weight: how many cases each drawn one stands for; results are weighted by it."))
    right.dataframe(loads(plan.assignments), hide_index=True, key="make loads")
    right.caption(t("Readings of each reader, by what they see of the model."))
    if st.button(t("Make this study"), type="primary", key="make it"):
        try:
            study = run_data.room().make(plan.protocol, plan.cases, plan.assignments, person)
        except InputError as refused:
            _say(refused)
            return
        st.session_state[_MADE] = study.name
        del st.session_state[_ASKED]
        st.rerun()
    st.download_button(
        t("Download the protocol (YAML)"),
        yaml.safe_dump(settings, sort_keys=False, allow_unicode=True),
        file_name="reading_study.yaml",
        mime="application/yaml",
        key="make download",
        type="tertiary",
    )
    st.caption(t("With it, clinmm reading new makes the same study of this run."))


def drawn(cases: pd.DataFrame) -> pd.DataFrame:
    """Of each stratum: how many cases there are, how many are drawn, and the weight of each.

    cases: case_id, stratum and weight, from `sampling.sample`.
    """
    by = cases.groupby("stratum")["weight"]
    columns = {
        t("Cases"): by.sum().round(),
        t("Drawn"): by.size(),
        t("Weight"): by.first().round(2),
    }
    table = pd.DataFrame(columns).rename_axis(t("Stratum"))
    return table.astype({t("Cases"): int}).reset_index()


def loads(assigned: pd.DataFrame) -> pd.DataFrame:
    """Readings of each reader in each arm."""
    table = assigned.groupby(["reader", "arm"]).size().unstack(fill_value=0)
    table.columns = pd.Index([str(arm).replace("_", " ") for arm in table.columns])
    table.insert(0, t("Readings"), table.sum(axis=1))
    return table.rename_axis(t("Reader")).reset_index()


def _names(label: str, value: str, key: str) -> str:
    return st.text_area(label, value=value, height=88, key=key)


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value not in (None, "", [], {})}


def _say(refused: ClinmmError) -> None:
    """Everything that is wrong, a line each."""
    problems = refused.problems if isinstance(refused, InputError) else [str(refused)]
    said = "".join(f"<li>{panels.escape(problem)}</li>" for problem in problems)
    st.html(f'<div class="not-drawn" role="alert"><ul>{said}</ul></div>')
