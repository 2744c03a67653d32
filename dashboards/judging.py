"""The reader's own part of the case page: the opinion before, the verdict after."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import ValidationError

from clinmm.errors import InputError
from clinmm.review.readings import (
    CONFIDENCE_LABELS,
    RATING_LABELS,
    REASONS,
    Opinion,
    Reading,
    Verdict,
)
from clinmm.review.store import ReviewStore
from dashboards import words

VERDICT_LABELS = {"agree": "Agree", "partly": "Partly", "disagree": "Disagree"}


def opinion_words(opinion: Opinion, class_name: str) -> str:
    """What the reader said of one class.

    >>> opinion_words(Opinion(ratings={"nodule": 4}, confidence=3), "nodule")
    'probably'
    """
    if opinion.choice is not None:
        return "chosen" if opinion.choice == class_name else ""
    rating = opinion.ratings.get(class_name)
    return RATING_LABELS[rating] if rating else ""


def ask_opinion(
    store: ReviewStore,
    reader: str,
    case_id: str,
    classes: Sequence[str],
    target: Mapping[str, Any],
) -> None:
    """A form with one scale per class (one choice for a multiclass task, the value itself for a
    continuous one) and the confidence.

    target: as in run.json.
    """
    opened = st.session_state.setdefault(f"opened {reader} {case_id}", time.monotonic())
    with st.form(f"opinion {case_id}", border=True):
        st.markdown("**Your opinion first.** The model's output is shown once yours is locked.")
        answers: dict[str, Any] = {}
        if target["kind"] == "continuous":
            low, high = target.get("range") or (None, None)
            answers["value"] = st.number_input(
                f"{words.class_label(classes[0], '').capitalize()}, {target.get('unit', '')}",
                min_value=low,
                max_value=high,
                value=None,
                key=f"value {case_id} {reader}",
            )
        elif target["kind"] == "multiclass":
            answers["choice"] = st.radio(
                "Diagnosis",
                classes,
                index=None,
                format_func=lambda name: words.class_label(name, ""),
                key=f"choice {case_id} {reader}",
            )
        else:
            scale = "  ·  ".join(f"{value} {said}" for value, said in RATING_LABELS.items())
            st.caption(scale)
            answers["ratings"] = {
                name: st.segmented_control(
                    words.class_label(name, "").capitalize(),
                    list(RATING_LABELS),
                    key=f"rating {case_id} {name} {reader}",
                    width="stretch",
                )
                for name in classes
            }
        confidence = st.segmented_control(
            "How confident are you?",
            list(CONFIDENCE_LABELS),
            format_func=CONFIDENCE_LABELS.__getitem__,
            key=f"confidence {case_id} {reader}",
            width="stretch",
        )
        locked = st.form_submit_button("Lock my opinion", type="primary", width="stretch")
    if not locked:
        return
    if missing := unanswered(answers, confidence):
        st.error(f"Not locked yet. Still to answer: {', '.join(missing)}.")
        return
    seconds = round(time.monotonic() - opened, 1)
    _save(lambda: store.save_opinion(reader, case_id, opinion(answers, confidence, seconds)))


def unanswered(answers: Mapping[str, Any], confidence: int | None) -> list[str]:
    """What is left open, in words."""
    missing = [
        words.class_label(name, "")
        for name, rating in (answers.get("ratings") or {}).items()
        if rating is None
    ]
    if "choice" in answers and answers["choice"] is None:
        missing.append("diagnosis")
    if "value" in answers and answers["value"] is None:
        missing.append("value")
    return missing + (["confidence"] if confidence is None else [])


def opinion(answers: Mapping[str, Any], confidence: int | None, seconds: float) -> Opinion:
    """The form's answers as an Opinion."""
    return Opinion.model_validate({**answers, "confidence": confidence, "seconds": seconds})


def ask_verdict(store: ReviewStore, reader: str, case_id: str, reading: Reading) -> None:
    """Agree or not, why, and a comment; what was saved before stands in the form."""
    before = reading.verdict
    with st.form(f"verdict {case_id}", border=True):
        st.markdown("**Your verdict on the model**")
        verdict = st.segmented_control(
            "Verdict",
            list(VERDICT_LABELS),
            default=before.verdict if before else None,
            format_func=VERDICT_LABELS.__getitem__,
            key=f"verdict {case_id} {reader}",
            label_visibility="collapsed",
            width="stretch",
        )
        codes = list(REASONS)
        reason = st.selectbox(
            "Reason (needed unless you agree)",
            codes,
            index=codes.index(before.reason) if before and before.reason else None,
            format_func=REASONS.__getitem__,
            placeholder="Choose a reason",
            key=f"reason {case_id} {reader}",
        )
        comment = st.text_area(
            "Comment",
            value=before.comment if before else "",
            height=80,
            max_chars=4000,
            placeholder="No names or numbers that identify a patient",
            key=f"comment {case_id} {reader}",
        )
        saved = st.form_submit_button(
            "Save verdict" if before is None else "Save a new verdict",
            type="primary" if before is None else "secondary",
            width="stretch",
        )
    if before is not None and reading.verdict_at is not None:
        st.caption(f"Saved {reading.verdict_at:%Y-%m-%d %H:%M} UTC. Earlier verdicts are kept.")
    if not saved:
        return
    if verdict is None:
        st.error("Not saved yet. Choose agree, partly or disagree.")
        return
    try:
        given = Verdict(verdict=verdict, reason=reason, comment=comment)
    except ValidationError as error:
        said = "; ".join(str(one["msg"]).removeprefix("Value error, ") for one in error.errors())
        st.error(f"Not saved yet: {said}")
        return
    _save(lambda: store.save_verdict(reader, case_id, given))


def _save(action: Any) -> None:
    try:
        action()
    except InputError as refused:
        st.error(str(refused))
        return
    st.rerun()
