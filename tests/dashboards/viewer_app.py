"""A page with two viewers and a note, served to the browser tests; nothing of a run."""

from pathlib import Path

import numpy as np
import streamlit as st

from clinmm.review.answers import Mark
from dashboards import note_view, viewer
from dashboards.case_data import Picture

NOTE = Path(__file__).with_name("hostile_note.txt").read_text(encoding="utf-8")
CLASSES = ["effusion", "nodule"]
# 400 x 300 pixels of .25 mm across and .5 mm down
RAMP = Picture(np.tile(np.arange(400, dtype=np.uint16) * 100, (300, 1)))


def page() -> None:
    kept = st.session_state
    kept.setdefault("kept_marks", (Mark(kind="point", input="other", x=1, y=1),))
    kept.setdefault("kept_spans", ())
    number = st.query_params.get("case", "1")
    side = int(st.query_params.get("side", "0"))
    left, right = st.columns(2)
    with left:
        if side:
            pixels = np.zeros((side, side), np.uint16)
            pixels[side // 4 - 5 : side // 4 + 5] = 1000 * int(number)
            shown = Picture(pixels)
            st.button("Turn", on_click=lambda: st.query_params.update(case=str(3 - int(number))))
        else:
            shown = RAMP
        said = viewer.show(
            shown,
            f"case {number}",
            "ramp",
            np.ones((3, 4), np.float32),
            map_id=f"map {number}",
            height=420,
            spacing=(0.5, 0.25),
            marks=kept.kept_marks,
            marking=True,
            classes=CLASSES,
        )
        if said is not None:
            kept.kept_marks = said
    with right:
        viewer.show(RAMP, "beside", "ramp beside", height=420, key="beside")
        spans = note_view.show(
            NOTE,
            np.array([NOTE.index("effusion")]),
            np.array([NOTE.index("effusion") + 8]),
            np.array([0.4]),
            spans=kept.kept_spans,
            marking=True,
            classes=CLASSES,
            note_id=number,
        )
        if spans is not None:
            kept.kept_spans = spans
    st.text_input("Comment")
    st.html(
        f'<p class="kept">marks {len(kept.kept_marks)}: '
        f"{[(m.kind, m.x, m.y, m.width, m.height, m.class_name) for m in kept.kept_marks[1:]]}</p>"
        f'<p class="spans">spans: {[(s.start, s.end, s.class_name) for s in kept.kept_spans]}</p>'
    )


if __name__ == "__main__":  # as Streamlit runs it
    page()
