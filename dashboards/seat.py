"""Who sits at this desk: a person, by name or by password, and the reading study they work in.

Without a people file (CLINMM_PEOPLE) a name is typed once; with one, everybody signs in and is
signed out when nothing was done for half an hour.
"""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from clinmm.errors import InputError
from clinmm.review.desk import Desk
from clinmm.review.protocol import OPEN
from clinmm.review.room import ReadingStudy
from dashboards import run_data
from dashboards.language import t

if TYPE_CHECKING:
    from clinmm.review.people import Gate

IDLE_SECONDS = 30 * 60
_PERSON, _STUDY, _SEEN = "seat person", "seat study", "seat seen"


def people_file() -> Path | None:
    """Where names and passwords are kept; None where nobody signs in."""
    named = os.environ.get("CLINMM_PEOPLE", "")
    return Path(named) if named else None


def person() -> str:
    """Who sits here; empty where nobody does."""
    return str(st.session_state.get(_PERSON, ""))


def sit(name: str) -> None:
    """This person works here from now on, on the case that the address names."""
    _clear()
    st.session_state[_PERSON] = name.strip()
    touch()


def leave() -> None:
    """Nobody sits here any more; whatever was on the desk is gone from this window."""
    _clear()
    st.query_params.clear()


def touch() -> None:
    """Something was done: the half hour begins again."""
    st.session_state[_SEEN] = time.monotonic()


def idle() -> bool:
    """Whether whoever signed in has done nothing for too long."""
    since = st.session_state.get(_SEEN)
    return bool(people_file() and person() and since and time.monotonic() - since > IDLE_SECONDS)


def studies() -> list[ReadingStudy]:
    """The studies this person may work in.

    Whoever reads or adjudicates in a study that is not open keeps out of the open room, where the
    model of every case can be seen.
    """
    room, name = run_data.room(), person()
    everywhere = _administers()
    mine = [
        one for one in room.studies() if everywhere or one.protocol.open or name in _members(one)
    ]
    blind = any(name in (*p.readers, *p.adjudicators) for p in (one.protocol for one in mine))
    return mine if blind else [room.study(OPEN.name), *mine]


def desk() -> Desk | None:
    """The desk of whoever sits here, in the study they chose; None where nobody does.

    Raises:
        InputError: the name cannot be used, or the database does not answer.
    """
    if not person():
        return None
    offered = {one.name: one for one in studies()}
    chosen = st.session_state.get(_STUDY)
    if chosen not in offered:
        chosen = st.session_state[_STUDY] = list(offered)[-1]  # the newest
    study, room = offered[chosen], run_data.room()
    if not study.protocol.open and person() not in _members(study):
        return room.steward(chosen, run_data.output())  # administers every study
    return room.desk(person(), chosen, run_data.output())


def bar(sitting: Desk | None) -> None:
    """Who sits here, in which study, and the way out."""
    if sitting is None:
        return
    with st.popover(who_in_words(sitting), width="stretch"):
        offered = [one.name for one in studies()]
        if len(offered) > 1:
            st.selectbox(
                t("Reading study"),
                offered,
                index=offered.index(sitting.study.name),
                key="seat study field",
                format_func=study_in_words,
                on_change=_choose,
            )
        else:
            st.caption(study_in_words(sitting.study.name))
        way_out()


def way_out() -> None:
    """The button of whoever goes."""
    st.button(
        t("Sign out") if people_file() else t("Somebody else reads"),
        on_click=leave,
        key="seat leave",
    )


def who_in_words(sitting: Desk) -> str:
    """The person and where they sit, for the head of each page."""
    if sitting.study.protocol.open:
        return t("{person}", person=_plain(sitting.person))
    return t("{person} in {study}", person=_plain(sitting.person), study=_plain(sitting.study.name))


def study_in_words(name: str) -> str:
    """A study's name; the open room has none of its own."""
    return t("Open room: any case, no study") if name == OPEN.name else name


def ask_name() -> None:
    """The name of whoever reads, where nobody signs in."""
    with st.form("who", border=True, width=460):
        name = st.text_input(
            t("Reader"), max_chars=80, placeholder=t("Your name or initials"), key="name field"
        )
        st.caption(
            t(
                "Kept with your readings: use the same name each time. This tool runs on this "
                "machine only and asks for no password."
            )
        )
        began = st.form_submit_button(t("Begin to read"), type="primary", key="begin")
    if not began:
        return
    if not name.strip():
        st.error(t("Write your name or initials."), width=460)
        return
    sit(name)
    st.rerun()


def needed(sitting: Desk | None) -> Desk:
    """The desk; or the page asks who sits here, and ends."""
    if sitting is None:
        ask_name()
        st.stop()
    return sitting


@st.fragment(run_every=60)
def watch() -> None:
    """Signs out, and takes the case off the screen, when nothing was done for too long."""
    if idle():
        leave()
        st.session_state["seat was idle"] = True
        st.rerun()


def sign_in() -> None:
    """The page of a name and a password. Raises nothing: what is wrong is said on the page."""
    from clinmm.review.people import TooManyAttempts

    st.title(t("Sign in"))
    if st.session_state.pop("seat was idle", False):
        st.info(t("You were signed out after 30 minutes. What you had said is kept."), width=460)
    with st.form("sign in", border=True, width=460):
        name = st.text_input(t("Name"), max_chars=80, key="sign in name")
        password = st.text_input(t("Password"), type="password", key="sign in password")
        asked = st.form_submit_button(t("Sign in"), type="primary", key="sign in button")
    if not asked:
        return
    try:
        right = _gate(str(people_file())).try_in(name.strip(), password)
    except (TooManyAttempts, InputError) as refused:
        st.error(str(refused), width=460)
        return
    if not right:
        st.error(t("Name and password do not go together."), width=460)
        return
    sit(name)
    st.rerun()


@st.cache_resource(show_spinner=False, max_entries=4)
def _gate(path: str) -> "Gate":
    """One for all windows: it counts wrong passwords."""
    from clinmm.review.people import Gate, People

    return Gate(People(path))


def _administers() -> bool:
    """Whether whoever signed in may see every study."""
    from clinmm.review.people import People

    path = people_file()
    return path is not None and People(path).is_administrator(person())


def _clear() -> None:
    for key in list(st.session_state):
        del st.session_state[key]


def _choose() -> None:
    st.session_state[_STUDY] = st.session_state["seat study field"]
    st.query_params.clear()


def _members(study: ReadingStudy) -> set[str]:
    said = study.protocol
    return {*said.readers, *said.adjudicators, *said.administrators}


def _plain(name: str) -> str:
    """A name as a label of Streamlit, in which markdown is to have no meaning."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!:$<>~|" else c for c in name)
