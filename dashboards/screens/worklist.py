"""The worklist: what there is to read, why it is on the list, and how far the reader has come."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from clinmm.review.desk import Desk
from dashboards import run_data, seat, worklist
from dashboards.language import t, tn
from dashboards.reading import listing, said, strip
from dashboards.worklist import PER_PAGE


def reader(desk: Desk) -> None:
    """The list of one reader."""
    listed = worklist.of(desk)
    _progress(desk, listed)
    groups = _groups(listed)
    found = _filtered(listed, groups)
    again, why = listed["reading"].gt(1).any(), listed["why"].ne("").any()
    heads = [t("Case"), t("Status"), t("Inputs"), *(_group_label(name) for name in groups)]
    heads += [t("Read")] * bool(again) + [t("Why it is on the list")] * bool(why)
    shut = dict(zip(worklist.places(listed), worklist.closed(listed), strict=True))
    lines = []
    for row in _page(found).to_dict("records"):
        case_id, reading = str(row["case_id"]), int(row["reading"])
        waits = shut[case_id, reading] and row["status"] != "done"
        cells = [case_id, _not_before(row) if waits else said.STATUSES[row["status"]]]
        cells += [str(row["inputs"]), *(str(row[name]) for name in groups)]
        cells += [t("again") if reading > 1 else ""] * bool(again) + [str(row["why"])] * bool(why)
        lines.append(listing.Line(f"{row['number']} {reading}", cells, row["status"], waits))
    opened = listing.show(t("Cases to read"), heads, lines, "worklist", wide=[len(heads) - 1])
    if opened is not None:
        number, reading = opened.split(" ")
        _open((str(run_data.case_at(number)), int(reading)))


def _not_before(row: Mapping[Hashable, Any]) -> str:
    """When a repeat may be read."""
    later = row["available_from"]
    if pd.isna(later):
        return t("not before its first reading")
    return t("not before {day:%Y-%m-%d}", day=later)


def _progress(desk: Desk, listed: pd.DataFrame) -> None:
    """How many are done, how long the rest may take, and the next one."""
    done, total = int(listed["status"].eq("done").sum()), len(listed)
    told = t("{done} of {total} read", done=done, total=total)
    minutes = worklist.minutes_left(_seconds(desk), total - done) if total > done else None
    if minutes is not None and not desk.study.protocol.open:
        told = t(
            "{progress}; about {time} left",
            progress=told,
            time=tn("{n} minute", "{n} minutes", minutes),
        )
    unread = worklist.next_unread(worklist.places(listed), None, worklist.closed(listed))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="progress"):
        st.title(t("Worklist"), width="content")
        st.progress(done / total if total else 0.0, told, width=380)
        if st.button(t("Read the next one"), shortcut="N", type="primary", disabled=unread is None):
            assert unread is not None, "the button is disabled where nothing is unread"
            _open(unread)
    if unread is None and total:
        st.success(t("Everything that can be read now is read."))


def _seconds(desk: Desk) -> list[float]:
    """Time of each finished reading, its phases together."""
    answers = desk.readings()
    answers = answers[answers["kind"].isin(["opinion", "final"])]
    if not len(answers):
        return []
    spent = answers["answer"].map(lambda one: float(one.get("seconds", 0.0)))
    of_reading = spent.groupby([answers["case_id"], answers["reading"]])
    done = answers["kind"].eq("final").groupby([answers["case_id"], answers["reading"]]).any()
    return of_reading.sum()[done].tolist()


def _groups(listed: pd.DataFrame) -> list[str]:
    return [name for name in listed.columns if name not in (*worklist.COLUMNS, "inputs")]


def _group_label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _filtered(listed: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """The lines that search and filters leave."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="filters"):
        search = st.text_input(
            t("Search"), key="search", placeholder=t("Part of a case id"), width=180
        )
        statuses = st.multiselect(
            t("Status"),
            list(said.STATUSES),
            format_func=said.STATUSES.__getitem__,
            key="filter status",
            placeholder=t("any"),
            width=190,
        )
        names = sorted(
            {one for said in listed["inputs"].unique() for one in said.split(", ") if one}
        )
        present = st.multiselect(
            t("Inputs present"), names, key="filter inputs", placeholder=t("any"), width=190
        )
        chosen = {
            name: st.multiselect(
                _group_label(name),
                sorted(listed[name].dropna().astype(str).unique()),
                key=f"filter {name}",
                placeholder=t("any"),
                width=170,
            )
            for name in groups[:4]
        }
    found = worklist.kept(listed, search, statuses, present, chosen)
    if not len(found):
        st.info(t("No case matches. Take a filter away."))
    return found


def _page(found: pd.DataFrame) -> pd.DataFrame:
    """The lines of the page that is open."""
    pages, page = worklist.pages(len(found)), 1
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            page = int(
                st.number_input(
                    t("Page"), 1, pages, key="page of list", label_visibility="collapsed", width=130
                )
            )
            st.caption(t("Page {page} of {pages}, {n} cases", page=page, pages=pages, n=len(found)))
    return found.iloc[(page - 1) * PER_PAGE : page * PER_PAGE]


def _open(place: worklist.Place) -> None:
    st.switch_page("screens/cases.py", query_params=strip.address(place))


def administrator(desk: Desk) -> None:
    """Every finished reading of the study."""
    st.title(t("Worklist"))
    answers = desk.readings()
    answers = answers[answers["kind"] == "final"].drop_duplicates(
        ["reader", "case_id", "reading"], keep="last"
    )
    if not len(answers):
        st.info(t("No reading is finished yet."))
        return
    with st.container(horizontal=True, key="filters"):
        search = st.text_input(t("Search"), key="search", width=220)
        arms = st.multiselect(t("Arm"), sorted(answers["arm"].unique()), key="filter arm")
        readers = st.multiselect(
            t("Reader"), sorted(answers["reader"].unique()), key="filter reader"
        )
    for column, wanted in (("arm", arms), ("reader", readers)):
        answers = answers[answers[column].isin(wanted)] if wanted else answers
    answers = answers[answers["case_id"].str.contains(search, case=False, regex=False)]
    lines = [
        listing.Line(
            str(run_data.case_number(row["case_id"])),
            [
                row["case_id"],
                row["reader"],
                str(row["reading"]),
                row["arm"],
                f"{row['created']:%Y-%m-%d %H:%M}",
            ],
        )
        for row in _page(answers).to_dict("records")
    ]
    heads = [t("Case"), t("Reader"), t("Reading"), t("Arm"), t("Finished, UTC")]
    opened = listing.show(t("Finished readings"), heads, lines, "finished readings")
    if opened is not None:
        st.switch_page("screens/cases.py", query_params={"case": opened})


sitting = seat.needed(seat.desk())
if "reader" in sitting.roles:
    reader(sitting)
elif "administrator" in sitting.roles:
    administrator(sitting)
else:
    st.switch_page("screens/adjudication.py")
