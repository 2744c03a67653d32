"""Cases that illustrate a finding, each a link that opens it in the Cases page."""

import re

import streamlit as st

from dashboards import panels, run_data
from dashboards.language import t

MOST = 8


def show(said: str, case_ids: list[str]) -> None:
    """The first few cases, or nothing where there are none.

    Args:
        said: what they illustrate.
        case_ids: their ids.
    """
    ids = case_ids[:MOST]
    if not ids:
        return
    if not run_data.run().has("cases"):
        listed = t("{what}: {cases}.", what=said, cases=", ".join(ids))
        st.html(panels.small(listed))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(panels.small(t("{what}:", what=said)), width="content")
        for case_id in ids:
            # an address tells no id: it stays in histories and logs
            number = {"case": str(run_data.case_number(case_id))}
            st.page_link("screens/cases.py", label=_plain(case_id), query_params=number)


def _plain(text: str) -> str:
    r"""As text in a label, which Streamlit reads as Markdown.

    >>> print(_plain("a_b[1]"))
    a\_b\[1\]
    """
    return re.sub(r"([^\w\s]|_)", r"\\\1", text)
