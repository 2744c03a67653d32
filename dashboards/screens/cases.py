"""One case: image, note and record; on the right what the reader says of it, phase by phase."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from clinmm.errors import InputError
from clinmm.review.desk import Desk
from dashboards import (
    case_data,
    explaining,
    run_data,
    seat,
    selections,
    values,
    what_if,
    words,
    words_explained,
    worklist,
)
from dashboards.explained import Explanation
from dashboards.language import t
from dashboards.reading import finished, form, inputs, model, side_by_side, strip, typed
from dashboards.reading.inputs import Over
from dashboards.reading.work import Work, classes_of, on_desk


@dataclass(frozen=True)
class Told:
    """What the desk lets the reader see of the model; empty where that is nothing.

    rows: of predictions, with the risk. found: what was explained. chosen: of it. arm: of the run.
    """

    rows: pd.DataFrame | None = None
    found: Explanation | None = None
    chosen: explaining.Choice = field(default_factory=explaining.Choice)
    arm: str = ""


def told_by(desk: Desk, case_id: str, reading: int, seen: Collection[str]) -> Told:
    """Asks the desk for what may be seen, and draws the pickers of explanations.

    seen: as `Desk.may_see`.
    """
    rows = model.risks_of(desk, case_id, reading) if "risk" in seen else None
    if "explanations" not in seen or not run_data.run().has("explanations"):
        return Told(rows, arm="" if rows is None else model.arm_of(rows))
    table = desk.explanations(case_id, reading)
    if rows is None:  # the risk is hidden: the classes in their order, none of them the highest
        arm = model.arm_of(table)
        names = selections.classes(run_data.facts())
        risks = pd.DataFrame({"class_name": names, "probability": float("nan")})
    else:
        arm = model.arm_of(rows)
        risks = selections.case_risks(rows, case_id, arm)
    found, chosen = explaining.choose(run_data.run().folder, table, case_id, risks, arm)
    return Told(rows, found, chosen, arm)


def shares(told: Told) -> None:
    """How much each input had to say, below the form."""
    found, chosen = told.found, told.chosen
    if found is None:
        return
    effects = run_data.table_if_made("effects")
    if effects is not None:
        where = {"arm": told.arm, "class_name": chosen.class_name, "kind": "input"}
        effects = selections.matching(effects, where)
    explaining.shares(found, chosen, effects)
    if found.logits and not values.is_of_values(run_data.facts()):
        st.caption(words.LOGITS)
    if not run_data.run().has("explanation_audit"):
        st.caption(words_explained.NOT_AUDITED)


def changed(case: "pd.Series[Any]", told: Told) -> None:
    """What the model would have said of a changed case: for those who see risk and explanations."""
    class_name = told.chosen.class_name
    if told.rows is None or not class_name or not run_data.run().has("what_if"):
        return
    rows = run_data.rows_of("what_if", str(case["case_id"]))
    rows = selections.matching(rows, {"arm": told.arm, "class_name": class_name})
    if not len(rows):
        return
    cohort, facts = run_data.cohort(), run_data.facts()
    st.header(t("What if: {finding}", finding=words.class_label(class_name, "")))
    notes = {
        name: case_data.note_text(case, cohort, name)
        for name in case_data.names_of_kind(cohort, "note")
    }
    units = {
        row.name: row.unit
        for name in case_data.names_of_kind(cohort, "record")
        for row in case_data.record_rows(case, cohort, name)
    }
    unit = values.unit_of(facts) if values.is_of_values(facts) else ""
    what_if.show(rows, case, notes, units, unit)


def read(desk: Desk) -> None:
    """The page of a reader."""
    listed = worklist.of(desk)
    if not len(listed):
        st.info(t("There is no case to read here."))
        return
    case_id, reading = strip.choose(listed)
    try:
        work = on_desk(desk, case_id, reading)
    except InputError as refused:
        st.info(str(refused))
        return
    seen = desk.may_see(case_id, reading)
    page = inputs.page()
    with page.top:
        told = told_by(desk, case_id, reading, seen)
    with page.right:
        answers(work, told)

    def keep(**said: Any) -> None:
        work.change(**said)
        if work.superseded or work.problem:
            st.rerun()

    case = run_data.case_row(case_id)
    marking = None if work.finished else keep
    over = Over(told.found, told.chosen.key, work.draft, marking, classes_of(desk))
    inputs.show(desk, case, over, page)
    with page.wide:
        changed(case, told)


def answers(work: Work, told: Told) -> None:
    """The right column: the step, the model where it may be seen, the form or what was said."""
    state, protocol = work.state, work.desk.study.protocol
    facts, classes = run_data.facts(), classes_of(work.desk)
    form.steps(work, protocol.arms[state.arm])
    if told.rows is not None:
        model.estimates(told.rows, state.case_id, told.arm, state.opinion or state.final, facts)
        model.banners(told.rows, state.case_id, told.arm)
    if work.finished:
        finished.show(work, classes, facts["target"])
        if protocol.open:
            finished.recorded(state.case_id, facts)
    else:
        form.show(work, classes, facts["target"])
        typed.keep()
    shares(told)


def look(desk: Desk) -> None:
    """The page of an administrator, who gives no opinion: the case, and every finished reading."""
    case_id = run_data.case_at(st.query_params.get("case", ""))
    if case_id is None:
        st.info(t("Open a case from the worklist."))
        return
    facts = run_data.facts()
    with st.container(horizontal=True, vertical_alignment="center", key="strip"):
        st.html(strip.heading(case_id), width="content")
        if st.button(t("Worklist"), shortcut="W"):
            st.switch_page("screens/worklist.py")
    page = inputs.page()
    rows = model.risks_of(desk, case_id, 1)
    arm = model.arm_of(rows)
    with page.right:
        model.estimates(rows, case_id, arm, None, facts)
        model.banners(rows, case_id, arm)
        side_by_side.show(desk.others(case_id), classes_of(desk), facts["target"], named=True)
    inputs.show(desk, run_data.case_row(case_id), Over(), page)


sitting = seat.needed(seat.desk())
if "reader" in sitting.roles:
    read(sitting)
else:
    look(sitting)
