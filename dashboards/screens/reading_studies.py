"""Reading studies, for those who run them: what came out, how far they are, a form for another."""

import pandas as pd
import streamlit as st

from clinmm.errors import InputError
from clinmm.review.desk import Desk
from clinmm.review.progress import progress, waiting
from clinmm.review.results import study_results
from clinmm.review.room import ReadingStudy
from clinmm.runs import Run
from dashboards import reading_making, reading_progress, reading_results, run_data, seat
from dashboards.language import t


@st.cache_data(show_spinner=False, max_entries=8)
def results(
    folder: str, study: int, n_answers: int, _run: Run, _desk: Desk
) -> dict[str, pd.DataFrame]:
    """The tables of results, until another answer is locked. Ask `progress` first: it refuses those
    who may not see them."""
    return study_results(_run, _desk)


def show(study: ReadingStudy, person: str) -> None:
    """Progress and results of a study, if its desk allows them to this person."""
    room = run_data.room()
    try:
        desk = room.desk(person, study.name, run_data.output())
        table = progress(room, desk)
        wait = waiting(room, desk)
        n_answers = len(desk.readings())
        found = results(str(run_data.run().folder), study.id, n_answers, run_data.run(), desk)
    except InputError as refused:
        st.info(str(refused))
        return
    if n_answers:
        reading_results.section(found["reading_results"], found["reading_agreement"])
    st.header(t("Progress"))
    st.html(reading_progress.by_reader(table))
    st.caption(reading_progress.sentence(table, wait))


st.title(t("Reading studies"))
person = seat.needed(seat.desk()).person
offered = reading_progress.administered()
known, new = st.tabs([t("Studies"), t("New study")])
with new:
    reading_making.section(person)
with known:
    if not offered:
        st.info(
            t(
                "You administer no reading study of this run. Make one under New study, or on the "
                "command line with: clinmm reading new"
            )
        )
    else:
        names = [one.name for one in offered]
        name = names[-1]
        if len(names) > 1:
            name = st.selectbox(t("Reading study"), names, index=len(names) - 1, key="which study")
        show(offered[names.index(name)], person)
