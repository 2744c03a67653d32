"""The cases that a finding of the intake points at: pictures side by side, words in context."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from clinmm.readers.pixels import PERCENTILES
from dashboards import case_data, note, panels, run_data
from dashboards.language import t

HEIGHT, WIDTH = 360, 320
"""Of a picture, in pixels: as sent, as drawn."""


def show(rows: pd.DataFrame, cases: pd.DataFrame, cohort: dict[str, Any]) -> None:
    """Draws the examples of one finding.

    Args:
        rows: schema.INTAKE_EXAMPLES, of one finding.
        cases: the run's case table, index case_id.
        cohort: the run's cohort file.
    """
    for row in rows.fillna({"other_case_id": "", "words": ""}).itertuples():
        pair = [row.case_id, *([row.other_case_id] if row.other_case_id else [])]
        kind = cohort["inputs"].get(row.input, {}).get("kind")
        with st.container(border=True):
            if kind == "note" and row.case_id in cases.index:
                st.html(panels.small(t("Case {case_id}", case_id=row.case_id)))
                text = case_data.note_text(cases.loc[row.case_id], cohort, row.input)
                st.html(note.excerpt(text, row.words))
            else:
                columns = st.columns(len(pair)) if len(pair) > 1 else [st.container()]
                for column, case_id in zip(columns, pair, strict=True):
                    with column:
                        _case(cases, case_id, row.input, kind)
            if pd.notna(row.value):
                said = t("distance {value:.4g}") if len(pair) > 1 else t("value {value:.4g}")
                st.html(panels.small(said.format(value=row.value)))


def _case(cases: pd.DataFrame, case_id: str, name: str, kind: str | None) -> None:
    """One case: its picture, or its id alone where there is none to show."""
    if kind != "image" or case_id not in cases.index:
        st.html(panels.small(t("Case {case_id}", case_id=case_id)))
        return
    copy = str(cases.loc[case_id].get(f"{name}_display") or "")
    picture = case_data.picture(run_data.run().folder, copy)
    if picture is None:
        st.html(panels.small(t("Case {case_id}: no display copy is in the run.", case_id=case_id)))
    else:
        st.image(eight_bits(picture), caption=t("Case {case_id}", case_id=case_id), width=WIDTH)


def eight_bits(picture: case_data.Picture) -> NDArray[np.uint8]:
    """The picture for the browser, thinned to about HEIGHT rows: (H, W), or (H, W, 3) in colour.

    Of a volume the middle slice, from its 0.5th to its 99.5th percentile.
    """
    pixels = picture.pixels
    if picture.stack is not None:
        pixels = pixels[len(pixels) // 2]
        low, high = np.percentile(pixels, PERCENTILES)
        pixels = (np.clip((pixels - low) / max(high - low, 1), 0, 1) * 65535).astype(np.uint16)
    step = max(1, pixels.shape[0] // HEIGHT)
    small = pixels[::step, ::step]
    shown: NDArray[np.uint8] = (small >> 8).astype(np.uint8) if small.dtype == np.uint16 else small
    return shown
