"""Which case is open, who reads, and what is left to read."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st


def statuses(readings: pd.DataFrame, reader: str) -> dict[str, str]:
    """case_id -> `opinion` or `verdict` for the cases that this reader has begun."""
    mine = readings[readings["reader"] == reader]
    return {
        row.case_id: "verdict" if isinstance(row.verdict, str) else "opinion"
        for row in mine.itertuples()
    }


def label(case_id: str, status: dict[str, str]) -> str:
    """
    >>> label("c1", {"c1": "opinion"}), label("c2", {})
    ('c1  (opinion locked)', 'c2')
    """
    said = {"opinion": "  (opinion locked)", "verdict": "  (done)"}
    return case_id + said.get(status.get(case_id, ""), "")


def step(case_ids: Sequence[str], open_case: str, by: int) -> str:
    """The case before or after; the ends stay.

    >>> step(["a", "b"], "a", 1), step(["a", "b"], "b", 1), step(["a", "b"], "z", 1)
    ('b', 'b', 'a')
    """
    if open_case not in case_ids:
        return case_ids[0]
    return case_ids[min(max(case_ids.index(open_case) + by, 0), len(case_ids) - 1)]


def next_unread(case_ids: Sequence[str], open_case: str, status: dict[str, str]) -> str:
    """The next case after the open one without a verdict, wrapping round; else the open one.

    >>> next_unread(["a", "b", "c"], "b", {"b": "verdict", "c": "verdict"})
    'a'
    """
    at = case_ids.index(open_case) if open_case in case_ids else -1
    order = [*case_ids[at + 1 :], *case_ids[: max(at, 0)]]
    return next((case for case in order if status.get(case) != "verdict"), open_case)


def explained_first(case_ids: Sequence[str], explained: set[str]) -> list[str]:
    """The worklist: cases with an explanation before those without, else in the run's order.

    >>> explained_first(["a", "b", "c"], {"b"})
    ['b', 'a', 'c']
    """
    return sorted(case_ids, key=lambda case_id: case_id not in explained)


def choose(case_ids: Sequence[str], status: dict[str, str], n_explained: int) -> str:
    """Draws select box and buttons; the open case also stands in the address bar.

    N: next, P: previous, U: next without a verdict. Streamlit forgets a widget's state when another
    page is opened, so the case is kept beside it.
    """
    wanted = (
        st.session_state.get("open_case"),
        st.query_params.get("case"),
        st.session_state.get("last_case"),
    )
    known = [case_id for case_id in wanted if case_id in case_ids]
    st.session_state.open_case = known[0] if known else case_ids[0]

    def go(case_id: str) -> None:
        st.session_state.open_case = case_id

    now = st.session_state.open_case
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            f"Case ({len(status)} of {len(case_ids)} begun; type to search)",
            case_ids,
            key="open_case",
            format_func=lambda case_id: label(case_id, status),
            width=300,
            help=f"Held-out cases. {n_explained} of {len(case_ids)} have an explanation and come "
            "first.",
        )
        moves = {
            "Previous": ("P", step(case_ids, now, -1)),
            "Next": ("N", step(case_ids, now, 1)),
            "Next unread": ("U", next_unread(case_ids, now, status)),
        }
        for name, (key, there) in moves.items():
            st.button(name, shortcut=key, on_click=go, args=(there,), disabled=there == now)
    st.session_state.last_case = st.session_state.open_case
    st.query_params["case"] = st.session_state.open_case
    return str(st.session_state.open_case)
