"""Keeps what is typed while it is typed: a text box alone tells the server when it is left."""

from pathlib import Path

import streamlit as st

_mount = st.components.v2.component(
    "clinmm_typed", js=(Path(__file__).parent / "typed.js").read_text(encoding="utf-8")
)


def keep() -> None:
    """Sends the comment of the form on each pause. Draw it once on a page with the form."""
    _mount(key="typed")
