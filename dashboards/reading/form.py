"""The form of a reading, keyboard first: digits answer the question in hand, L locks.

It is a fragment of the page: a key neither draws the image again nor loses its window and zoom.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from clinmm.review.protocol import Arm
from dashboards import words
from dashboards.language import t
from dashboards.reading import said
from dashboards.reading.work import Asked, Work, answered, in_hand, questions, step

STEPS = {
    "opinion": t("Your opinion"),
    "final": t("Final opinion"),
    "done": t("Done"),
}


@st.fragment
def show(work: Work, classes: Sequence[str], target: Mapping[str, Any]) -> None:
    """The form of the phase that the reading is in, with what is kept of it.

    Args:
        classes: those judged.
        target: as in run.json.
    """
    asked = questions(target["kind"], list(classes))
    with st.container(key="form", border=True, gap="small"):
        if work.superseded:
            _choice_between_windows(work)
            return
        now = in_hand(work.draft, asked, work.hand)
        missing = [one for one in asked if not answered(work.draft, one)]
        _question(work, now, asked, target)
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lock"):
            pressed = st.button(
                _lock_label(work),
                shortcut="L",
                type="secondary" if missing else "primary",
                key=f"lock {work.key}",
            )
            st.button(
                t("Other question"),
                key=f"question {work.key}",
                shortcut="Q",
                type="tertiary",
                on_click=_take,
                args=(work, step(asked, now)),
            )
        if pressed:
            _lock(work, missing, target)
        _told(work)
        _answers(work, asked, target)
        _beside(work)


def steps(work: Work, arm: Arm) -> None:
    """Where the reading is, and what comes next."""
    shown = {"blind_first": t("The model"), "model_first": t("The model and your opinion")}
    order = {
        "blind_first": [("opinion", STEPS["opinion"]), ("final", t("The model, final opinion"))],
        "model_first": [("final", shown["model_first"])],
        "without_model": [("final", STEPS["opinion"])],
    }[arm.mode]
    items = []
    for number, (name, label) in enumerate([*order, ("done", STEPS["done"])], 1):
        now = ' class="now" aria-current="step"' if name == work.state.phase else ""
        items.append(f"<li{now}><b>{number}</b> {escape(label)}</li>")
    st.html(f'<ol class="steps">{"".join(items)}</ol>')


def _lock_label(work: Work) -> str:
    """What the key L does now. An arm with one answer has no first opinion to set it against."""
    if work.correcting:
        return t("Save the correction")
    arm = work.desk.study.protocol.arms[work.state.arm]
    later = len(arm.steps) > 1 and work.state.phase == "final"
    return t("Lock my final opinion") if later else t("Lock my opinion")


def label_of(one: Asked, target: Mapping[str, Any]) -> str:
    """A question as a heading."""
    if one.kind == "confidence":
        return t("Confidence")
    if one.kind == "choice":
        return t("Diagnosis")
    name = one.name or str(target.get("name", ""))
    label = words.class_label(name, "").capitalize()
    unit = str(target.get("unit", ""))
    return f"{label}, {unit}" if one.kind == "value" and unit else label


def _question(
    work: Work, now: Asked | None, asked: Sequence[Asked], target: Mapping[str, Any]
) -> None:
    """The question that the digits answer."""
    if now is None:
        ask = t("All is answered. L locks, Q changes an answer.")
    elif now.kind == "confidence":
        ask = t("How confident are you?")
    else:
        ask = t("{finding}?", finding=label_of(now, target))
    st.html(f'<p class="ask" aria-live="polite">{escape(ask)}</p>')
    digits = _digits(work, now, target)
    if now is None or not digits:
        return
    with st.container(horizontal=True, gap="xsmall", key="digits"):
        for digit, label, change in digits:
            st.button(
                label,
                key=f"say {now.key} {digit} {work.key}",
                shortcut=str(digit),
                on_click=_say,
                args=(work, asked, now, change),
                width="stretch",
            )


def _digits(
    work: Work, now: Asked | None, target: Mapping[str, Any]
) -> list[tuple[int, str, dict[str, Any]]]:
    """Digit, words and what it would say of the question in hand."""
    if now is None or now.kind == "value":
        return []
    if now.kind == "confidence":
        return [(n, label, {"confidence": n}) for n, label in said.CONFIDENCES.items()]
    if now.kind == "choice":
        names = list(target["classes"])[:9]
        return [
            (i, words.class_label(name, ""), {"choice": name}) for i, name in enumerate(names, 1)
        ]
    return [
        (n, label, {"ratings": {**work.draft.ratings, now.name: n}})
        for n, label in said.RATINGS.items()
    ]


def _say(work: Work, asked: Sequence[Asked], one: Asked, change: dict[str, Any]) -> None:
    """Answers the question, unless another one is in hand by now: a key struck too early, while the
    screen still showed the question before, says nothing of either."""
    if in_hand(work.draft, list(asked), work.hand) != one:
        return
    work.hand = ""
    work.change(**change)


def _take(work: Work, question: str) -> None:
    work.hand = question


def _answers(work: Work, asked: Sequence[Asked], target: Mapping[str, Any]) -> None:
    """Every question with its answer, to look at and to click."""
    with st.container(key="answers", gap=None):
        for one in asked:
            name = f"{one.key} {work.key}"
            label = label_of(one, target)
            if one.kind == "value":
                low, high = target.get("range") or (None, None)
                _begin_with(name, work.draft.value)
                st.number_input(
                    label,
                    min_value=low,
                    max_value=high,
                    value=None,
                    key=name,
                    on_change=_clicked,
                    args=(work, one, name),
                )
                continue
            if one.kind == "choice":
                options, words_of = list(target["classes"]), _class_words
            else:
                scale = said.RATINGS if one.kind == "rating" else said.CONFIDENCES
                options, words_of = list(scale), str
            st.session_state[name] = _answer(work, one)
            draw = st.radio if one.kind == "choice" else st.segmented_control
            draw(
                label,
                options,
                format_func=words_of,
                key=name,
                on_change=_clicked,
                args=(work, one, name),
                **({"index": None} if one.kind == "choice" else {}),
            )
    if any(one.kind == "rating" for one in asked):
        st.caption("  ·  ".join(f"{n} {label}" for n, label in said.RATINGS.items()))
    sure = "  ·  ".join(f"{n} {label}" for n, label in said.CONFIDENCES.items())
    st.caption(t("Confidence: {scale}", scale=sure))


def _class_words(name: str) -> str:
    return words.class_label(name, "")


def _answer(work: Work, one: Asked) -> Any:
    return (
        work.draft.ratings.get(one.name) if one.kind == "rating" else getattr(work.draft, one.kind)
    )


def _clicked(work: Work, one: Asked, name: str) -> None:
    """What was clicked; a second click on an answer takes it back."""
    value = st.session_state[name]
    work.hand = ""
    if one.kind != "rating":
        work.change(**{one.kind: value})
        return
    others = {k: v for k, v in work.draft.ratings.items() if k != one.name}
    work.change(ratings=others if value is None else {**others, one.name: value})


def _beside(work: Work) -> None:
    """Reasons and a comment; reasons first where they are needed."""
    name, comment = f"reasons {work.key}", f"comment {work.key}"
    _begin_with(name, list(work.draft.reasons))
    st.multiselect(
        t("Reasons (at least one, for the change)") if _needs_reason(work) else t("Reasons"),
        list(said.REASONS),
        format_func=said.REASONS.__getitem__,
        key=name,
        placeholder=t("Choose where one applies"),
        on_change=lambda: work.change(reasons=tuple(st.session_state[name])),
    )
    _begin_with(comment, work.draft.comment)
    st.text_area(
        t("Comment"),
        key=comment,
        height=68,
        max_chars=4000,
        placeholder=t("No names or numbers that identify a patient"),
        on_change=lambda: work.change(comment=st.session_state[comment]),
    )


def _needs_reason(work: Work) -> bool:
    """Whether the store will ask for a reason."""
    first = work.state.opinion
    changed = first is not None and not work.draft.same_judgement(first)
    return work.correcting or (work.state.phase == "final" and changed)


def _begin_with(name: str, value: Any) -> None:
    """What stands in a field when it is drawn for the first time."""
    if name not in st.session_state:
        st.session_state[name] = value


def _lock(work: Work, missing: Sequence[Asked], target: Mapping[str, Any]) -> None:
    """Locks; or what is in the way becomes the problem."""
    if missing:
        names = ", ".join(label_of(one, target).lower() for one in missing)
        work.problem = t("Not locked yet. Still to answer: {names}.", names=names)
    elif _needs_reason(work) and not work.draft.reasons:
        work.problem = t("Not locked yet. Choose at least one reason for the change.")
    elif work.lock() or work.superseded:
        st.rerun()


def _told(work: Work) -> None:
    """What is in the way, or since when everything said is kept."""
    if work.problem:
        st.error(work.problem)
        work.problem = ""
    elif work.correcting:
        st.caption(t("What you locked before stays on record."))
    elif work.state.saved_at is not None:
        st.caption(t("Kept at {when:%H:%M:%S} UTC", when=work.state.saved_at))


def _choice_between_windows(work: Work) -> None:
    """Another window was first: nothing is overwritten until the reader says which one counts."""
    st.warning(
        t(
            "This reading was changed in another window since it was opened here. Nothing was "
            "overwritten. What you said last in this window is not kept yet."
        )
    )
    if st.button(t("Look at what is kept"), key=f"take kept {work.key}", width="stretch"):
        work.take_kept()
        st.rerun()
    if st.button(t("Keep mine"), key=f"keep mine {work.key}", width="stretch"):
        work.keep_mine()
        st.rerun()
    if not work.done_elsewhere:
        st.caption(t("Either way both stay on record."))
