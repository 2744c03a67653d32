"""Every reader's final answer on one case, side by side, what is disputed standing out."""

from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from clinmm.review.answers import Draft, Mark, Span
from clinmm.review.desk import State
from dashboards import panels, words
from dashboards.language import t
from dashboards.reading import said


def show(
    others: Sequence[tuple[str, State]],
    classes: Sequence[str],
    target: Mapping[str, Any],
    disputed: Collection[str] = (),
    named: bool = False,
) -> None:
    """The table and, below it, reasons and comments.

    Args:
        others: as `Desk.others`.
        disputed: class names, `choice` or `value`.
        named: readers by name; else by number, in an order that stays the same on this case.
    """
    finals = [(name, state.final) for name, state in others if state.final is not None]
    if not finals:
        st.caption(t("Nobody has finished this case."))
        return
    names = [
        name if named else t("Reader {number}", number=i) for i, (name, _) in enumerate(finals, 1)
    ]
    answers = [answer for _, answer in finals]
    st.html(table(names, answers, classes, target, disputed))
    for name, answer in zip(names, answers, strict=True):
        told = "; ".join(said.REASONS[code] for code in answer.reasons)
        parts = [one for one in (told, answer.comment, _where(answer)) if one]
        if parts:
            st.html(panels.small(t("{reader}: {said}", reader=name, said=". ".join(parts))))


def table(
    names: Sequence[str],
    answers: Sequence[Draft],
    classes: Sequence[str],
    target: Mapping[str, Any],
    disputed: Collection[str] = (),
) -> str:
    """HTML: a line for each thing judged, a column for each reader.

    >>> two = [Draft(ratings={"mass": 5}, confidence=1), Draft(ratings={"mass": 1}, confidence=4)]
    >>> "disputed" in table(["A", "B"], two, ["mass"], {"kind": "binary"}, ["mass"])
    True
    """
    heads = "".join(f'<th scope="col">{escape(one)}</th>' for one in ("", *names))
    rows = []
    for key, label, cells in lines(answers, classes, target):
        mark = ' class="disputed"' if key in disputed else ""
        label = t("{finding} (disputed)", finding=label) if mark else label
        told = "".join(f"<td>{escape(one)}</td>" for one in cells)
        rows.append(f'<tr{mark}><th scope="row">{escape(label)}</th>{told}</tr>')
    body = f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<table class="answers">{body}</table>'


def lines(
    answers: Sequence[Draft], classes: Sequence[str], target: Mapping[str, Any]
) -> list[tuple[str, str, list[str]]]:
    """Of each thing judged, and of the confidence: its key, its name, what each answer says."""
    sure = ("confidence", t("confidence"), [said.confidence(one) for one in answers])
    if target["kind"] == "multiclass":
        told = [words.class_label(one.choice or "", "") for one in answers]
        return [("choice", t("Diagnosis"), told), sure]
    if target["kind"] == "continuous":
        told = ["" if one.value is None else f"{one.value:g}" for one in answers]
        return [("value", words.class_label(str(target["name"]), ""), told), sure]
    lines = [
        (name, words.class_label(name, ""), [said.judgement(one, name) for one in answers])
        for name in classes
    ]
    return [*lines, sure]


def _where(answer: Draft) -> str:
    """How many places were marked, in image and note."""
    marks: list[Mark | Span] = [*answer.marks, *answer.spans]
    inputs = ", ".join(dict.fromkeys(one.input for one in marks))
    return t("{n} marked in {inputs}", n=len(marks), inputs=inputs) if marks else ""
