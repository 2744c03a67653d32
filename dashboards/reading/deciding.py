"""An adjudicator's decision on one case: what is agreed stands, what is disputed is asked."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import ValidationError

from clinmm.errors import InputError
from clinmm.review.answers import Answer, Draft, called
from clinmm.review.desk import Desk, Superseded
from dashboards import seat, words
from dashboards.language import t
from dashboards.reading import said


def agreed(
    answers: Sequence[Draft], classes: Sequence[str], disputed: Collection[str]
) -> dict[str, int]:
    """Rating of each class on which the readers agree: the one nearest to the middle of theirs.

    >>> two = [Draft(ratings={"mass": 5, "nodule": 2}), Draft(ratings={"mass": 4, "nodule": 5})]
    >>> agreed(two, ["mass", "nodule"], ["nodule"])
    {'mass': 4}
    """
    found = {}
    for name in classes:
        given = sorted(one.ratings[name] for one in answers if name in one.ratings)
        if given and name not in disputed:
            found[name] = given[(len(given) - 1) // 2]
    return found


def ask(
    desk: Desk,
    case_id: str,
    answers: Sequence[Draft],
    classes: Sequence[str],
    target: Mapping[str, Any],
    disputed: Collection[str],
    number: int,
) -> None:
    """The form. What was decided before stands in it; a changed decision is a further event."""
    before = desk.decision(case_id)
    seen = st.session_state.setdefault(f"decision seen {number}", before[2] if before else 0)
    given = before[0] if before else Draft(ratings=agreed(answers, classes, disputed))
    with st.form(f"decision {number}", border=True):
        st.markdown(t("**Your decision**"))
        chosen: dict[str, Any] = {}
        if target["kind"] == "multiclass":
            options = list(target["classes"])
            chosen["choice"] = st.radio(
                t("Diagnosis"),
                options,
                index=options.index(given.choice) if given.choice in options else None,
                format_func=lambda name: words.class_label(name, ""),
                key=f"decide choice {number}",
            )
        elif target["kind"] == "continuous":
            chosen["value"] = st.number_input(
                words.class_label(classes[0], "").capitalize(),
                value=given.value,
                key=f"decide value {number}",
            )
        with st.container(key="answers", gap=None):
            if target["kind"] not in ("multiclass", "continuous"):
                order = sorted(classes, key=lambda name: name not in disputed)
                chosen["ratings"] = {
                    name: st.segmented_control(
                        words.class_label(name, "").capitalize(),
                        list(said.RATINGS),
                        default=given.ratings.get(name),
                        key=f"decide {number} {name}",
                    )
                    for name in order
                }
                st.caption("  ·  ".join(f"{n} {label}" for n, label in said.RATINGS.items()))
            confidence = st.segmented_control(
                t("Confidence"),
                list(said.CONFIDENCES),
                format_func=said.CONFIDENCES.__getitem__,
                default=given.confidence,
                key=f"decide confidence {number}",
            )
        comment = st.text_area(
            t("Comment"), given.comment, height=68, max_chars=4000, key=f"decide comment {number}"
        )
        locked = st.form_submit_button(
            t("Lock the decision"), type="primary", shortcut="L", width="stretch"
        )
    if before:
        st.caption(t("Decided by {person}. Earlier decisions stay on record.", person=before[1]))
    if locked:
        _lock(desk, case_id, {**chosen, "confidence": confidence, "comment": comment}, seen, number)


def _lock(desk: Desk, case_id: str, given: dict[str, Any], seen: int, number: int) -> None:
    seat.touch()
    ratings = given.get("ratings", {})
    missing = [words.class_label(name, "") for name, one in ratings.items() if one is None]
    missing += [t("diagnosis")] * ("choice" in given and given["choice"] is None)
    missing += [t("value")] * ("value" in given and given["value"] is None)
    missing += [t("confidence")] * (given["confidence"] is None)
    if missing:
        st.error(t("Not locked yet. Still to answer: {names}.", names=", ".join(missing)))
        return
    try:
        version = desk.adjudicate(case_id, Answer.model_validate(given), seen)
    except Superseded:
        st.warning(
            t(
                "Somebody has decided this case since you opened it. Nothing was overwritten. "
                "Their decision stands below; lock again to put yours after it."
            )
        )
        now = desk.decision(case_id)
        if now is not None:
            st.session_state[f"decision seen {number}"] = now[2]
            names = [name for name in ratings if called(now[0].ratings.get(name, 3)) is not None]
            for name in names:
                label = words.class_label(name, "")
                st.caption(f"{label}: {said.judgement(now[0], name)}")
        return
    except (InputError, ValidationError) as refused:
        st.error(str(refused))
        return
    st.session_state[f"decision seen {number}"] = version
    st.session_state["just decided"] = True
    st.rerun()
