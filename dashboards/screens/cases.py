"""One case: image, note and record; the reader's opinion first, then the model's output."""

from typing import Any

import pandas as pd
import streamlit as st

from clinmm.review.readings import CONFIDENCE_LABELS, Reading
from dashboards import (
    case_data,
    charts,
    explaining,
    judging,
    note,
    panels,
    reasons,
    run_data,
    selections,
    values,
    viewer,
    what_if,
    words,
    words_explained,
)
from dashboards import worklist as work
from dashboards.explained import Explanation

VIEWER_HEIGHT = 560
LEAST_SPECIAL = 0.01
"""Share on special pieces of a note from which it is told."""

run = run_data.run()
facts = run_data.facts()
cohort = run_data.cohort()
cases = run_data.table_or_stop("cases").set_index("case_id", drop=False)
predictions = selections.test_predictions(run_data.table_or_stop("predictions"))
explanations = run_data.table_if_made("explanations")
curves = run_data.table_if_made("curves")
metrics = run_data.table_if_made("metrics")
store = run_data.store()
classes = selections.classes(facts)
unit = facts.get("unit_name", "patient")
arms = list(dict.fromkeys(predictions["arm"]))
arm = "fused" if "fused" in arms else arms[0]


def reader_and_case() -> tuple[str, str]:
    """The strip on top: which case, and who reads."""
    left, right = st.columns([4, 1.25], vertical_alignment="bottom")
    st.session_state.setdefault("reader_field", st.session_state.get("reader", ""))
    with right:
        field = st.text_input(
            "Reader",
            key="reader_field",
            max_chars=80,
            placeholder="Your name or initials",
            help="Kept with your readings. This tool runs on this machine only and asks for no "
            "password: use the same name each time.",
        )
    reader = st.session_state.reader = field.strip()
    explained = set() if explanations is None else set(explanations["case_id"])
    held_out = set(predictions["case_id"])
    ids = work.explained_first([case for case in cases.index if case in held_out], explained)
    with left:
        status = work.statuses(store.readings(), reader)
        return reader, work.choose(ids, status, len(explained & held_out))


def image_column(case: "pd.Series[Any]", found: Explanation | None, key: str) -> None:
    names = case_data.names_of_kind(cohort, "image")
    if not names:
        st.caption("This study has no image.")
        return
    absent = [name for name in names if not selections.text(case.get(f"{name}_display"))]
    for name in absent:
        st.html(f'<div class="quiet">No {panels.escape(name)} for this case.</div>')
    there = [name for name in names if name not in absent]
    if not there:
        return
    name = there[0]
    if len(there) > 1:
        if st.session_state.get("image name") not in there:
            st.session_state["image name"] = name
        name = st.segmented_control("Image", there, key="image name") or name
    picture = case_data.picture(run.folder, selections.text(case.get(f"{name}_display")))
    if picture is None:
        st.html(f'<div class="quiet">The {panels.escape(name)} is not in the run.</div>')
        return
    attribution = found.map(name) if found else None
    label = f"{name} of case {case['case_id']}"
    map_id = f"{case['case_id']} {name} {key}"
    logits = found is not None and found.logits
    viewer.show(
        picture,
        f"{case['case_id']} {name}",
        label,
        attribution,
        found.scale if found else 1.0,
        f"{scale_unit()} per patch" if logits else "relative",
        map_id,
        VIEWER_HEIGHT,
    )
    wheel = "Wheel: zoom." if picture.stack is None else "Wheel or arrow keys: slices."
    summed = attribution is not None and logits
    st.caption(
        f"Drag: window and level. {wheel} Shift-drag: pan. Double click: reset."
        + " Map: sums over small patches, whole image." * summed
    )
    if not not_drawn(found, name, "Map") and found and attribution is None:
        st.caption(f"This method tells no parts of the {name} apart.")


def scale_unit() -> str:
    """What attributions are measured in."""
    return values.unit_of(facts) if values.is_of_values(facts) else "logits"


def not_drawn(found: Explanation | None, name: str, what: str) -> bool:
    """Says why nothing of the input is drawn, in its place; whether there was something to say."""
    if found is None:
        return False
    if reason := found.withheld(name):
        st.html(reasons.block(f"{what} of the {name} withheld", reason))
        return True
    if not found.reads(name):
        st.caption(f"This method says nothing of the {name}.")
        return True
    return False


def denied(text: str) -> list[tuple[int, int]]:
    """Where the note denies something."""
    from clinmm.explain.negation import negated_spans

    return negated_spans(text)


def text_column(case: "pd.Series[Any]", found: Explanation | None) -> None:
    for name in case_data.names_of_kind(cohort, "note"):
        st.html(f'<p class="panel-title">{panels.escape(name.capitalize())}</p>')
        text = case_data.note_text(case, cohort, name)
        if not text:
            st.html(f'<div class="quiet">No {panels.escape(name)} for this case.</div>')
            continue
        spans = [found.array(name, what) if found else None for what in ("start", "end", "score")]
        there = found is not None and spans[0] is not None
        lines = denied(text) if there else []
        with st.container(border=True, height=200 if len(text) > 420 else "content"):
            st.html(note.coloured(text, *spans, found.scale if found else None, lines))
        if not not_drawn(found, name, "Colours") and found and there:
            st.html(panels.colour_key(found.scale, scale_unit() if found.logits else "relative"))
            special = float(found.rows.loc[found.rows["input"] == name, "special"].iloc[0])
            told = [words_explained.DENIED] if lines else []
            if special > LEAST_SPECIAL:
                told.append(words_explained.special(special, name))
            if told:
                st.caption(" ".join(told))
    for name in case_data.names_of_kind(cohort, "record"):
        st.html(f'<p class="panel-title">{panels.escape(name.capitalize())}</p>')
        scores, marks = [found.by_column(name, k) if found else {} for k in ("score", "mark")]
        rows = case_data.record_rows(case, cohort, name, scores, marks)
        shown = case_data.strongest(rows)
        if shown:
            st.html(panels.record(shown, found.scale if found else 1.0))
        if len(shown) < len(rows):
            why = ", not recorded or of less weight" if found else ""
            more = f"And {len(rows) - len(shown)} more columns{why}."
            st.caption(more if shown else f"None of {len(rows)} columns is recorded.")
        if not not_drawn(found, name, "Bars") and found and scores:
            st.html(panels.colour_key(found.scale, scale_unit() if found.logits else "relative"))
            if marks:
                st.caption(words_explained.MARKED)


def signals(case: "pd.Series[Any]", found: Explanation | None) -> None:
    for name in case_data.names_of_kind(cohort, "signal"):
        st.html(f'<p class="panel-title">{panels.escape(name.capitalize())}</p>')
        curve = case_data.curve(run.folder, selections.text(case.get(f"{name}_display")))
        if curve is None:
            st.html(f'<div class="quiet">No {panels.escape(name)} for this case.</div>')
            continue
        keys = ("channel", "start", "end", "score")
        spans = [found.array(name, key) if found else None for key in keys]
        scale = found.scale if found else 1.0
        st.plotly_chart(charts.signal(curve, spans, scale), key=f"{case['case_id']} {name}")
        if not not_drawn(found, name, "Shading") and found and spans[0] is not None:
            st.html(panels.colour_key(scale, scale_unit() if found.logits else "relative"))


def model_output(case_id: str, reading: Reading, risks: pd.DataFrame) -> None:
    """Risks in words beside the reader's own opinion."""
    confidence = CONFIDENCE_LABELS[reading.opinion.confidence]
    st.html(
        '<p class="panel-title">Risk estimates of the model, all inputs together</p>'
        f'<p class="small">Your opinion is locked ({reading.opinion_at:%Y-%m-%d %H:%M} UTC, '
        f"{confidence} confidence). Brown mark: how common it is in this cohort.</p>"
    )
    parts = []
    for row in risks.itertuples():
        if pd.isna(row.probability):
            continue
        near = selections.similar(curves, arm, row.class_name, row.probability)
        seen = ""
        if near is not None:
            seen = words.observed(near["y"], near["low"], near["high"], near["n_cases"])
        parts.append(
            panels.risk_line(
                words.class_label(row.class_name, "").capitalize(),
                words.risk(row.probability, unit),
                row.probability,
                prevalence(row.class_name),
                judging.opinion_words(reading.opinion, row.class_name),
                seen,
            )
        )
    st.html("".join(parts))
    most = int(risks["n_estimates"].max())
    if most > 1:
        st.caption(f"Mean of {most} estimates, one per repeat.")
    elif facts.get("predicted_by"):
        st.caption(f"Estimated by {facts['predicted_by']}.")


def uncertainty(case_id: str) -> None:
    """Prediction set, whether it is handed back, and what is odd about it: what the run has."""
    said = []
    failed = selections.not_exchangeable(run_data.table_if_made("exchangeability"), arm)
    sets = selections.case_sets(predictions, case_id, arm)
    if sets and failed:
        said.append(f"No prediction set: the promise does not hold for these cases. {failed}")
    elif sets:
        said.append(words.prediction_set(sets))
    decisions = selections.case_deferred(predictions, case_id, arm)
    if decisions:
        said.append(words.handed_back(decisions))
    outliers = run_data.table_if_made("outliers")
    if outliers is not None:
        odd = selections.matching(outliers, {"case_id": case_id, "flag": "yes"})
        parts = [words.odd(row.input, selections.text(row.reason)) for row in odd.itertuples()]
        said += dict.fromkeys(parts) or ["Nothing about this case is unlike the study's."]
    if said:
        st.html(
            '<p class="panel-title">How sure the model may be</p>'
            + "".join(panels.small(one) for one in said)
        )


def prevalence(class_name: str) -> float | None:
    if metrics is None:
        return None
    rows = selections.pooled(metrics, "prevalence", class_name=class_name)
    rows = rows[rows["status"] == "ok"]
    return float(rows.iloc[0]["value"]) if len(rows) else None


def explanation(case_id: str, risks: pd.DataFrame) -> tuple[Explanation | None, str, str]:
    """The pickers and the shares; what is shown, of which class, and the name of the choice."""
    found, chosen = explaining.choose(run.folder, explanations, case_id, risks, arm)
    if found is not None:
        if found.logits and not values.is_of_values(facts):
            st.caption(words.LOGITS)
        effects = run_data.table_if_made("effects")
        if effects is not None:
            where = {"arm": arm, "class_name": chosen.class_name, "kind": "input"}
            effects = selections.matching(effects, where)
        explaining.shares(found, chosen, effects)
        if not run.has("explanation_audit"):
            st.caption(words_explained.NOT_AUDITED)
    return found, chosen.class_name, chosen.key


def changed(case: "pd.Series[Any]", class_name: str) -> None:
    """What the model would have said of a changed case."""
    table = run_data.table_if_made("what_if")
    if table is None:
        return
    where = {"arm": arm, "case_id": str(case["case_id"]), "class_name": class_name}
    rows = selections.matching(table, where)
    if not len(rows):
        return
    st.header(f"What if: {words.class_label(class_name, '')}")
    notes = {
        name: case_data.note_text(case, cohort, name)
        for name in case_data.names_of_kind(cohort, "note")
    }
    units = {
        row.name: row.unit
        for name in case_data.names_of_kind(cohort, "record")
        for row in case_data.record_rows(case, cohort, name)
    }
    unit_of_value = values.unit_of(facts) if values.is_of_values(facts) else ""
    what_if.show(rows, case, notes, units, unit_of_value)


def recorded(risks: pd.DataFrame) -> None:
    """What the cohort says, once the verdict is saved and can no longer follow it."""
    with st.expander("What the cohort records for this case"):
        said = {1.0: "yes", 0.0: "no"}
        if values.is_of_values(facts):
            said = {
                row.target: f"{row.target:g} {values.unit_of(facts)}" for row in risks.itertuples()
            }
        pairs = [
            (words.class_label(row.class_name, ""), said.get(row.target, "not recorded"))
            for row in risks.itertuples()
        ]
        st.html(panels.facts(pairs))


if not len(predictions):
    st.info("This run has no held-out case to read.")
    st.stop()
reader, case_id = reader_and_case()
case = cases.loc[case_id]
reading = store.reading(reader, case_id) if reader else None
wide, right = st.columns([8.3, 3.7])
left, middle = wide.columns([5, 3.3])
found, class_name, key = None, "", ""
with right:
    if not reader:
        st.info("Write your name or initials under Reader to give an opinion.")
    elif reading is None:
        judging.ask_opinion(store, reader, case_id, classes, facts["target"])
    else:
        risks = selections.case_risks(predictions, case_id, arm)
        if values.is_of_values(facts):
            rows = predictions[(predictions["case_id"] == case_id) & (predictions["arm"] == arm)]
            values.output(rows, facts, reading.opinion.value)
        else:
            model_output(case_id, reading, risks)
        uncertainty(case_id)
        found, class_name, key = explanation(case_id, risks)
        judging.ask_verdict(store, reader, case_id, reading)
        if reading.verdict is not None:
            recorded(risks)
with left:
    kinds = {one.get("kind") for one in cohort["inputs"].values()}
    if "image" in kinds or "signal" not in kinds:
        image_column(case, found, key)
    signals(case, found)
with middle:
    text_column(case, found)
if class_name:
    with wide:
        changed(case, class_name)
