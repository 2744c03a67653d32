"""The reading room's frame: navigation, notice, style. Started by `clinmm review RUN`."""

from pathlib import Path

import streamlit as st

from clinmm.errors import InputError
from dashboards import run_data, words

HERE = Path(__file__).parent
PAGES = {
    "overview": "Overview",
    "cases": "Cases",
    "performance": "Performance",
    "calibration": "Calibration",
    "decisions": "Decisions",
    "sets": "Sets and deferral",
    "fairness": "Fairness",
    "explanations": "Explanations",
    "intake": "Intake",
}
"""File under screens/ -> title.

Not `pages/`: a folder of that name is served by Streamlit without this frame on a direct link.
No icons: Streamlit would fetch them from another host.
"""

st.set_page_config(page_title="clinmm", layout="wide", initial_sidebar_state="collapsed")
st.html(f"<style>{(HERE / 'style.css').read_text(encoding='utf-8')}</style>")
pages = [
    st.Page(HERE / "screens" / f"{file}.py", title=title, default=file == "overview")
    for file, title in PAGES.items()
]
page = st.navigation(pages, position="top")
try:
    run_data.run()
except InputError as refused:
    run_data.stop(refused)
st.html(f'<p class="notice">{words.NOT_FOR_CARE}</p>')
page.run()
