"""Cases on which readers disagree: their answers side by side, and the adjudicator's decision."""

import streamlit as st

from clinmm.errors import InputError
from clinmm.review.adjudicating import disputed
from clinmm.review.answers import Draft
from clinmm.review.desk import Desk
from dashboards import run_data, seat, words
from dashboards.language import t, tn
from dashboards.reading import deciding, inputs, listing, model, side_by_side, strip
from dashboards.reading.inputs import Over
from dashboards.reading.work import classes_of


def waiting(desk: Desk) -> None:
    """The list of what is to be decided."""
    st.title(t("Adjudication"))
    if st.session_state.pop("just decided", False):
        st.success(t("The decision is locked."))
    disputes = desk.disputes()
    if not disputes:
        st.info(t("No case waits for a decision. Cases come here once every reader has finished."))
        return
    st.caption(tn("{n} case waits for you.", "{n} cases wait for you.", len(disputes)))
    lines = [
        listing.Line(str(run_data.case_number(case)), [case, _in_words(what)])
        for case, what in disputes.items()
    ]
    heads = [t("Case"), t("Disputed")]
    opened = listing.show(t("Cases to decide"), heads, lines, "disputes", wide=[1])
    if opened is not None:
        st.query_params["case"] = opened
        st.rerun()


def decide(desk: Desk, case_id: str) -> None:
    """One case."""
    number, facts = run_data.case_number(case_id), run_data.facts()
    try:
        others = desk.others(case_id)
    except InputError as refused:
        st.info(str(refused))
        return
    answers = [state.final for _, state in others if state.final is not None]
    is_decided = desk.decision(case_id) is not None
    rule = desk.study.protocol.adjudicate
    what = [] if is_decided else disputed(answers, rule.tolerance)
    classes = classes_of(desk)
    with st.container(horizontal=True, vertical_alignment="center", key="strip"):
        why = t("disputed: {what}", what=_in_words(what)) if what else t("agreed, to be decided")
        why = t("decided") if is_decided else why
        st.html(strip.heading(case_id, why), width="content")
        st.button(t("Back to the list"), shortcut="W", on_click=st.query_params.clear)
    page = inputs.page(right=4.6)
    with page.right:
        named = "administrator" in desk.roles
        side_by_side.show(others, classes, facts["target"], what, named)
        deciding.ask(desk, case_id, answers, classes, facts["target"], what, number)
        shown = "risk" in desk.may_see(case_id)
        if shown and st.toggle(t("Show the model"), key=f"model {number}"):
            rows = model.risks_of(desk, case_id, 1)
            arm = model.arm_of(rows)
            model.estimates(rows, case_id, arm, None, facts)
            model.banners(rows, case_id, arm)
    every = Draft(
        marks=tuple(mark for one in answers for mark in one.marks),
        spans=tuple(span for one in answers for span in one.spans),
    )
    over = Over(draft=every, classes=classes)
    inputs.show(desk, run_data.case_row(case_id), over, page)


def _in_words(what: list[str]) -> str:
    named = {"choice": t("the diagnosis"), "value": t("the value")}
    return ", ".join(named.get(one, words.class_label(one, "")) for one in what) or t("all")


sitting = seat.needed(seat.desk())
open_case = run_data.case_at(st.query_params.get("case", ""))
if open_case is None or st.session_state.get("just decided"):
    st.query_params.clear()
    waiting(sitting)
else:
    decide(sitting, open_case)
