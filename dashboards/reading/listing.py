"""A table of cases whose lines open a case, by click or Enter."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "clinmm_listing",
    html=(_HERE / "listing.html").read_text(encoding="utf-8"),
    css=(_HERE / "listing.css").read_text(encoding="utf-8"),
    js=(_HERE / "listing.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Line:
    """A line. place: what is given back when it is opened; shut: it cannot be opened now."""

    place: str
    cells: Sequence[str]
    status: str = "new"
    shut: bool = False


def show(
    label: str, heads: Sequence[str], lines: Sequence[Line], key: str, wide: Sequence[int] = ()
) -> str | None:
    """Draws the table; the place of the line just opened, else None.

    Args:
        label: of the table, for readers who cannot see it.
        wide: columns whose text may break.
    """
    rows = [
        {"place": one.place, "cells": list(one.cells), "status": one.status, "shut": one.shut}
        for one in lines
    ]
    kinds = ["wide" if i in wide else "" for i in range(len(heads))]
    data = {"label": label, "heads": list(heads), "kinds": kinds, "rows": rows}
    opened = _mount(data=data, key=key, on_opened_change=lambda: None).opened
    return None if opened is None else str(opened)
