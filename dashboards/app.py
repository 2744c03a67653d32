"""The reading room's frame: who sits here, the pages they may open, notice and style."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from clinmm.errors import ClinmmError, InputError
from clinmm.review.desk import Desk
from dashboards import run_data, seat, theme, words
from dashboards.language import t

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Screen:
    """A page. `roles`: who may open it in a study that is not open; `open`: in the open room."""

    title: str
    roles: frozenset[str] = frozenset({"administrator"})
    open: bool = True


EVERYBODY = frozenset({"reader", "adjudicator", "administrator"})
PAGES = {
    "overview": Screen(t("Overview")),
    "worklist": Screen(t("Worklist"), EVERYBODY),
    "cases": Screen(t("Case"), frozenset({"reader", "administrator"})),
    "adjudication": Screen(t("Adjudication"), frozenset({"adjudicator"}), open=False),
    "reading_studies": Screen(t("Reading studies")),
    "performance": Screen(t("Performance")),
    "calibration": Screen(t("Calibration")),
    "decisions": Screen(t("Decisions")),
    "sets": Screen(t("Sets and deferral")),
    "fairness": Screen(t("Fairness")),
    "explanations": Screen(t("Explanations")),
    "intake": Screen(t("Intake")),
}
# File under screens/ -> page, the first one allowed opens first.
# Not `pages/`: a folder of that name is served by Streamlit without this frame on a direct link.
# No icons: Streamlit would fetch them from another host.
LEAD_TO_CASES = {"worklist", "cases", "adjudication"}


def allowed(sitting: Desk | None) -> list[str]:
    """The pages of whoever sits here. A page that is not among them has no address."""
    here = [name for name in PAGES if (HERE / "screens" / f"{name}.py").is_file()]
    if sitting is None or sitting.study.protocol.open:
        return [name for name in here if PAGES[name].open]
    return [name for name in here if PAGES[name].roles & sitting.roles]


st.set_page_config(page_title="clinmm", layout="wide", initial_sidebar_state="collapsed")
css = "".join((HERE / name).read_text(encoding="utf-8") for name in ("style.css", "reading.css"))
st.html(f"<style>{css}{theme.scheme()}</style>")
sitting, refusal = None, None
try:
    run_data.run()
    if seat.idle():
        seat.leave()
        st.session_state["seat was idle"] = True
    sitting = seat.desk()
except InputError as refused:
    refusal = refused
shut = seat.people_file() is not None and not seat.person()
names = list(PAGES) if shut else allowed(sitting)
pages = [
    st.Page(
        HERE / "screens" / f"{'sign_in' if shut else name}.py",
        title=t("Sign in") if shut else PAGES[name].title,
        url_path=name,  # whoever followed a link is there once they have signed in
        default=name == names[0],
    )
    for name in names
]
page = st.navigation(pages, position="hidden" if shut else "top")
with st.container(horizontal=True, vertical_alignment="center", key="head"):
    st.html(f'<p class="notice">{words.NOT_FOR_CARE}</p>')
    seat.bar(sitting)
if refusal is not None:
    if seat.person():
        seat.way_out()
    run_data.stop(refusal)
seat.touch()
if seat.people_file() and sitting is not None:
    seat.watch()
try:
    page.run()
except ClinmmError as refused:
    run_data.stop(refused)
finally:  # once the page is drawn
    if sitting is not None and page.url_path in LEAD_TO_CASES:
        run_data.warm()
