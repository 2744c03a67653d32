"""The strip over a case: which one it is, how many are left, and the keys to the others.

The case stands in the address as the number of its row; ids of cases stay out of addresses.
"""

from html import escape

import pandas as pd
import streamlit as st

from dashboards import run_data, worklist
from dashboards.language import t, tn
from dashboards.worklist import Place


def address(place: Place) -> dict[str, str]:
    """What the address says of a case and its reading."""
    case_id, reading = place
    said = {"case": str(run_data.case_number(case_id))}
    return said if reading == 1 else {**said, "reading": str(reading)}


def place_in_address(order: list[Place]) -> Place:
    """The case that the address names, else the one open before, else the first of the list."""
    case_id = run_data.case_at(st.query_params.get("case", ""))
    reading = 2 if st.query_params.get("reading") == "2" else 1
    for place in ((case_id, reading), st.session_state.get("last place")):
        if place in order:
            return place  # type: ignore[return-value]
    return order[0]


def heading(case_id: str, said: str = "") -> str:
    """HTML: the case, and what is said of it in small print."""
    case = escape(t("Case {case}", case=case_id))
    return f'<h1 class="case">{case} <span class="small">{escape(said)}</span></h1>'


def choose(listed: pd.DataFrame) -> Place:
    """Draws the strip, and gives the open case and its reading. listed: the whole worklist.

    N next, P previous, U the next one that is unread, W the list.
    """
    order, closed = worklist.places(listed), worklist.closed(listed)
    now = place_in_address(order)
    st.session_state["last place"] = now
    if dict(st.query_params) != address(now):
        st.query_params.from_dict(address(now))
    at = order.index(now)
    done = listed["status"].iloc[at] == "done"
    unread = worklist.next_unread(order, now, closed)
    moves = [
        (t("Previous"), "P", worklist.step(order, now, -1)),
        (t("Next"), "N", worklist.step(order, now, 1)),
        (t("Next unread"), "U", unread or now),
    ]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="strip"):
        st.html(_where(now, at, listed), width="content")
        for label, key, place in moves:
            st.button(
                label,
                shortcut=key,
                on_click=_go,
                args=(place,),
                disabled=place == now,
                type="primary" if key == "U" and done else "secondary",
            )
        if st.button(t("Worklist"), shortcut="W", type="tertiary"):
            st.switch_page("screens/worklist.py")
    return now


def _where(now: Place, at: int, listed: pd.DataFrame) -> str:
    """The case, where it stands in the list, and why it is on it."""
    line = listed.iloc[at]
    done = int(listed["status"].eq("done").sum())
    parts = [t("{place} of {total}", place=at + 1, total=len(listed))]
    parts.append(tn("{n} done", "{n} done", done))
    if now[1] > 1:
        parts.append(t("read before by you, to be read again"))
    if line["why"]:
        parts.append(str(line["why"]))
    return heading(now[0], " · ".join(parts))


def _go(place: Place) -> None:
    st.query_params.from_dict(address(place))
