"""The case itself: images, signals, note and record, with what was explained drawn over them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from clinmm.review.answers import Draft
from clinmm.review.desk import Desk
from dashboards import (
    case_data,
    case_images,
    charts,
    note_view,
    panels,
    reasons,
    run_data,
    selections,
    values,
    viewer,
    words_explained,
)
from dashboards.case_data import Picture
from dashboards.case_images import CaseImage
from dashboards.explained import Explanation
from dashboards.language import t

VIEWER_HEIGHT = 520
NOTE_HEIGHT = 230
LEAST_SPECIAL = 0.01
"""Share on special pieces of a note from which it is told."""


@dataclass(frozen=True)
class Over:
    """What is drawn over a case.

    found: the explanation; None where none may be seen. key: names what was explained. draft: whose
    marks and spans are drawn. keep: takes new ones; None where the reader may not mark.
    """

    found: Explanation | None = None
    key: str = ""
    draft: Draft = field(default_factory=Draft)
    keep: Callable[..., None] | None = None
    classes: Sequence[str] = ()


class Page(NamedTuple):
    """Where a page of a case puts what it shows; the sides stand one over the other on a tablet."""

    wide: DeltaGenerator
    top: DeltaGenerator
    left: DeltaGenerator
    middle: DeltaGenerator
    right: DeltaGenerator


def page(right: float = 3.8) -> Page:
    """Draws the columns. right: share of the right one, of 12."""
    with st.container(key="case"):
        wide, column = st.columns([12 - right, right])
    top = wide.container()
    with wide.container(key="sides"):
        left, middle = st.columns([5, 3.3])
    return Page(wide, top, left, middle, column)


def show(desk: Desk, case: "pd.Series[Any]", over: Over, page: Page) -> None:
    """Images and signals in the left column, notes and record in the middle one.

    desk: of whoever looks at the case; says which of the patient's other images may be seen.
    """
    cohort = run_data.cohort()
    kinds = {one.get("kind") for one in cohort["inputs"].values()}
    with page.left:
        if "image" in kinds or "signal" not in kinds:
            _images(desk, case, cohort, over)
        _signals(case, cohort, over)
    with page.middle:
        _notes(case, cohort, over)
        _records(case, cohort, over)


# --- images ----------------------------------------------------------------------------------
def _images(desk: Desk, case: "pd.Series[Any]", cohort: Mapping[str, Any], over: Over) -> None:
    names = case_data.names_of_kind(cohort, "image")
    if not names:
        st.caption(t("This study has no image."))
        return
    own = case_images.images_of(run_data.run(), cohort, case)
    for name in names:
        if name not in {one.name for one in own}:
            _absent(name)
    if not own:
        return
    number = run_data.case_number(str(case["case_id"]))
    allowed = case_images.allowed(desk)
    others = case_images.priors_of(run_data.run(), run_data.table("cases"), cohort, case, allowed)
    every = [*own, *others]
    labels = [_label(one, i - len(own)) for i, one in enumerate(every)]
    picked = [0]
    if len(every) > 1:
        picked = st.pills(
            t("Images, side by side"),
            range(len(every)),
            selection_mode="multi",
            default=[0],
            format_func=labels.__getitem__,
            key=f"images {number}",
        )[:2] or [0]
    for place, (column, at) in enumerate(zip(st.columns(len(picked)), picked, strict=True)):
        with column:
            _image(every[at], labels[at], Over() if every[at].when else over, place, number)
    if run_data.patients_come_again():
        st.caption(case_images.in_words(allowed, cohort))


def _label(image: CaseImage, other: int) -> str:
    """An image by its input; those of the patient's other cases with when they were made."""
    if not image.when:
        return image.name
    when = case_images.IN_WORDS[image.when]
    return t("{name}, {when} ({number})", name=image.name, when=when, number=other + 1)


def _image(image: CaseImage, said: str, over: Over, place: int, number: int) -> None:
    picture = _picture(str(run_data.run().folder), image.display)
    if picture is None:
        _quiet(t("The {name} is not in the run.", name=image.name))
        return
    found = over.found
    attribution = found.map(image.name) if found else None
    logits = found is not None and found.logits
    unit = scale_unit()
    marks = viewer.show(
        picture,
        f"{number} {said}",
        t("{name} of case {number}", name=said, number=number),
        attribution,
        found.scale if found else 1.0,
        t("{unit} per patch", unit=unit) if logits else t("relative"),
        f"{number} {image.name} {over.key}",
        VIEWER_HEIGHT,
        spacing=image.spacing,
        on_detector=image.on_detector,
        marks=over.draft.marks,
        marking=over.keep is not None,
        classes=over.classes,
        name=image.name,
        key=f"viewer {place}",
    )
    if marks is not None and over.keep is not None:
        over.keep(marks=marks)
    wheel = t("Wheel: zoom.") if picture.stack is None else t("Wheel or arrow keys: slices.")
    st.caption(
        t("Drag: window and level. {wheel} Shift-drag: pan. Double click: reset.", wheel=wheel)
    )
    if attribution is not None and logits:
        st.caption(t("Map: sums over small patches, whole image."))
    told = not_drawn(found, image.name, t("Map of the {name}", name=image.name))
    if found and attribution is None and not told:
        st.caption(t("This method tells no parts of the {name} apart.", name=image.name))


@st.cache_resource(show_spinner=False, max_entries=12)
def _picture(folder: str, display: str) -> Picture | None:
    from pathlib import Path

    return case_data.picture(Path(folder), display)


# --- note and record -------------------------------------------------------------------------
def _notes(case: "pd.Series[Any]", cohort: Mapping[str, Any], over: Over) -> None:
    found = over.found
    for name in case_data.names_of_kind(cohort, "note"):
        _title(name)
        text = case_data.note_text(case, cohort, name)
        if not text:
            _absent(name)
            continue
        start, end, score = (
            found.array(name, what) if found else None for what in ("start", "end", "score")
        )
        there = found is not None and start is not None
        lines = _denied(text) if there else []
        scale = found.scale if found else None
        spans = note_view.show(
            text,
            start,
            end,
            score,
            scale,
            lines,
            spans=over.draft.spans,
            marking=over.keep is not None,
            classes=over.classes,
            name=name,
            note_id=f"{run_data.case_number(str(case['case_id']))} {name}",
            height=NOTE_HEIGHT,
            key=f"note {name}",
        )
        if spans is not None and over.keep is not None:
            over.keep(spans=spans)
        if not_drawn(found, name, t("Colours of the {name}", name=name)) or not there:
            continue
        st.html(panels.colour_key(found.scale, _unit_of(found)))
        special = float(found.rows.loc[found.rows["input"] == name, "special"].iloc[0])
        told = [words_explained.DENIED] if lines else []
        if special > LEAST_SPECIAL:
            told.append(words_explained.special(special, name))
        if told:
            st.caption(" ".join(told))


def _records(case: "pd.Series[Any]", cohort: Mapping[str, Any], over: Over) -> None:
    found = over.found
    for name in case_data.names_of_kind(cohort, "record"):
        _title(name)
        scores, marks = [found.by_column(name, k) if found else {} for k in ("score", "mark")]
        rows = case_data.record_rows(case, cohort, name, scores, marks, run_data.spread())
        shown = case_data.strongest(rows)
        if shown:
            st.html(panels.record(shown, found.scale if found else 1.0))
        hidden = len(rows) - len(shown)
        if hidden and not shown:
            st.caption(t("None of {n} columns is recorded.", n=len(rows)))
        elif hidden and found:
            st.caption(t("And {n} more columns, not recorded or of less weight.", n=hidden))
        elif hidden:
            st.caption(t("And {n} more columns.", n=hidden))
        if not not_drawn(found, name, t("Bars of the {name}", name=name)) and found and scores:
            st.html(panels.colour_key(found.scale, _unit_of(found)))
            if marks:
                st.caption(words_explained.MARKED)


def _signals(case: "pd.Series[Any]", cohort: Mapping[str, Any], over: Over) -> None:
    found = over.found
    number = run_data.case_number(str(case["case_id"]))
    for name in case_data.names_of_kind(cohort, "signal"):
        _title(name)
        display = selections.text(case.get(f"{name}_display"))
        curve = case_data.curve(run_data.run().folder, display)
        if curve is None:
            _absent(name)
            continue
        keys = ("channel", "start", "end", "score")
        spans = [found.array(name, key) if found else None for key in keys]
        scale = found.scale if found else 1.0
        st.plotly_chart(charts.signal(curve, spans, scale), key=f"{number} {name}")
        drawn = found is not None and spans[0] is not None
        if not not_drawn(found, name, t("Shading of the {name}", name=name)) and drawn:
            st.html(panels.colour_key(scale, _unit_of(found)))


# --- what they share -------------------------------------------------------------------------
def not_drawn(found: Explanation | None, name: str, what: str) -> bool:
    """Says why nothing of the input is drawn, in its place; whether there was something to say."""
    if found is None:
        return False
    if reason := found.withheld(name):
        st.html(reasons.block(t("{what} withheld", what=what), reason))
        return True
    if not found.reads(name):
        st.caption(t("This method says nothing of the {name}.", name=name))
        return True
    return False


def scale_unit() -> str:
    """What attributions are measured in."""
    facts = run_data.facts()
    return values.unit_of(facts) if values.is_of_values(facts) else "logits"


def _unit_of(found: Explanation) -> str:
    return scale_unit() if found.logits else t("relative")


def _denied(text: str) -> list[tuple[int, int]]:
    """Where the note denies something."""
    from clinmm.explain.negation import negated_spans

    return negated_spans(text)


def _title(name: str) -> None:
    st.html(f'<p class="panel-title">{escape(name.capitalize())}</p>')


def _absent(name: str) -> None:
    _quiet(t("No {name} for this case.", name=name))


def _quiet(said: str) -> None:
    st.html(f'<div class="quiet">{escape(said)}</div>')
