"""Whether explanations hold: which may be drawn, which are withheld, and by which tests."""

import pandas as pd
import streamlit as st

from dashboards import audit_panels, audit_rows, panels, reasons, run_data, selections, words
from dashboards import words_explained as said
from dashboards.audit_panels import Judged
from dashboards.language import t, tn
from dashboards.panels import Line

EVERY = t("every finding")
MOST_EFFECTS = 24

facts = run_data.facts()
unit = facts.get("unit_name", "patient")
target = facts["target"]["name"]


def finding(name: str) -> str:
    """A class as a choice; `all` where its rows are pooled."""
    return name if name in (EVERY, audit_rows.ALL) else words.class_label(name, target)


def in_order(names: "pd.Series[str]") -> list[str]:
    """Classes once each, in the order of the study."""
    order = [*selections.classes(facts), *names]
    return sorted(set(names), key=order.index)


def opening(table: pd.DataFrame) -> None:
    """Which may be drawn, which not, and what failed most often."""
    told = [audit_rows.drawn(table), audit_rows.most_often(table)]
    st.html(
        f'<p class="lead"><b>{panels.escape(audit_rows.sentence(table))}</b> '
        f"{panels.escape(' '.join(one for one in told if one))}</p>"
        + panels.small(t("An explanation is here a method, an input and a finding together."))
    )


def matrix(table: pd.DataFrame) -> None:
    """Verdicts of methods and inputs, for every finding or for one."""
    rows = audit_rows.judged(table)
    inputs = sorted(set(rows["input"]), key=[*facts["inputs"], *rows["input"]].index)
    names = in_order(rows["class_name"])
    chosen = EVERY
    if len(names) > 1:
        chosen = st.segmented_control(
            t("Finding"),
            [EVERY, *names],
            default=EVERY,
            required=True,
            format_func=finding,
            key="matrix of",
        )
    if chosen != EVERY:
        rows = rows[rows["class_name"] == chosen]
    st.html(audit_panels.matrix(rows, inputs, audit_rows.refused(table)))
    st.caption(said.HOW_MATRIX)


def cell(table: pd.DataFrame) -> None:
    """Every test of one method, input and finding."""
    st.header(t("The tests behind a cell"))
    rows = audit_rows.judged(table)
    left, middle, right = st.columns(3)
    methods = list(dict.fromkeys(rows["method"]))
    method = left.selectbox(t("Method"), methods, format_func=said.method, key="method of cell")
    inputs = list(dict.fromkeys(rows.loc[rows["method"] == method, "input"]))
    name = middle.selectbox(t("Input"), inputs, key="input of cell")
    rows = selections.matching(rows, {"method": str(method), "input": str(name)})
    names = in_order(rows["class_name"])
    class_name = right.selectbox(t("Finding"), names, format_func=finding, key="finding of cell")
    verdict = rows[rows["class_name"] == class_name].iloc[0]
    why = selections.text(verdict["reason"])
    st.html(
        f"<p>{audit_panels.tag(str(verdict['shown_as']))} "
        f"{panels.escape(said.method(str(method)))}, {panels.escape(str(name))}, "
        f"{panels.escape(finding(str(class_name)))}</p>"
        + (reasons.block(t("Withheld"), why) if why else "")
    )
    own = audit_rows.tests(table, str(method), str(name), str(class_name))
    joint = audit_rows.tests(table, str(method), audit_rows.JOINT, str(class_name))
    ruled = [part[part["bound"].notna()] for part in (own, joint)]
    st.html(audit_panels.tests(lines(ruled[0])))
    st.caption(said.HOW_TESTS)
    if len(ruled[1]):
        st.html(panels.title(t("All inputs together (counts for each of them)")))
        st.html(audit_panels.tests(lines(ruled[1])))
    others = pd.concat([part[part["bound"].isna()] for part in (own, joint)])
    if len(others):
        with st.expander(
            tn(
                "{n} more measure without a bound",
                "{n} more measures without a bound",
                len(others),
            )
        ):
            st.html(audit_panels.tests(lines(others)))
    groups(table, str(method), str(name))


def lines(rows: pd.DataFrame) -> list[Judged]:
    """Rows of the audit table as lines."""
    return [
        Judged(
            str(row["test"]),
            int(row["n_patients"]),
            row["value"],
            row["low"],
            row["high"],
            row["bound"],
            audit_rows.good_side(row, rules),
            row["needed"] == "yes",
            said.shown_as(selections.text(row["verdict"]), selections.text(row["reason"])),
            selections.text(row["reason"]),
        )
        for row in rows.to_dict("records")
    ]


def groups(table: pd.DataFrame, method: str, name: str) -> None:
    """The tests of a method and input by sensitive group."""
    rows = audit_rows.of_groups(table, method, name)
    if not len(rows):
        return
    st.header(t("Is it worse for some?"))
    if told := audit_rows.worse(rows):
        st.warning("\n".join(f"- {one}" for one in told))
    else:
        st.markdown(t("No difference between groups was shown for this method and input."))
    names = list(dict.fromkeys(rows["test"]))
    test = st.selectbox(t("Test"), names, format_func=said.test, key="test by group")
    rows = rows[rows["test"] == test]
    drawn = [
        Line(
            f"{row.group_by} {row.group}",
            str(row.n_patients),
            row.value if row.n_patients >= selections.MIN_PATIENTS else float("nan"),
            row.low,
            row.high,
            note=t("{n_patients} {unit}s, too few to tell", n_patients=row.n_patients, unit=unit),
        )
        for row in rows.itertuples()
    ]
    bound = float(rows["bound"].iloc[0])
    low, high = panels.scale([*drawn, Line("", "", bound)], -1e6, 1e6)
    heading = (t("Group"), words.several(unit), t("mean, 95 %"))
    st.html(panels.forest(drawn, low, high, bound, heading, 2))
    st.caption(said.HOW_GROUPS)


def effects(table: pd.DataFrame) -> None:
    """What columns and words do over the cohort, and the mean share of each input."""
    st.header(t("What the model uses, over the cohort"))
    table = table[table["arm"] == "fused"]
    names = in_order(table["class_name"])
    left, right = st.columns(2)
    class_name = left.selectbox(t("Finding"), names, format_func=finding, key="effects of")
    rows = table[table["class_name"] == class_name]
    shares = rows[rows["kind"] == "input"]
    rest = rows[rows["kind"] != "input"]
    inputs = list(dict.fromkeys(rest["input"]))
    one, other = st.columns(2)
    if len(shares):
        drawn = [effect(row, str(row["input"])) for row in shares.to_dict("records")]
        one.html(
            panels.forest(
                drawn, 0.0, 1.0, None, (t("Input"), words.several(unit), t("share, 95 %")), 2
            )
        )
        one.caption(said.HOW_SHARES)
    if not inputs:
        return
    name = right.selectbox(t("Input"), inputs, key="effects in")
    rest = rest[rest["input"] == name].sort_values("size", ascending=False, kind="stable")
    drawn = [
        effect(
            row,
            t("{column}, not recorded", column=row["part"])
            if row["kind"] == "not_recorded"
            else str(row["part"]),
        )
        for row in rest.head(MOST_EFFECTS).to_dict("records")
    ]
    heading = (
        t("Column") if (rest["kind"] != "word").all() else t("Word"),
        words.several(unit),
        t("logits, 95 %"),
    )
    other.html(panels.forest(drawn, *panels.middle(drawn), 0.0, heading, 2))
    other.caption(
        t("{how} {shown} of {n}.", how=said.HOW_EFFECTS, shown=MOST_EFFECTS, n=len(rest))
        if len(rest) > MOST_EFFECTS
        else said.HOW_EFFECTS
    )


def effect(row: dict[str, object], label: str) -> Line:
    """A row of the effects table as a line."""
    value, low, high = (float(row[key]) for key in ("value", "low", "high"))  # type: ignore[arg-type]
    return Line(label, str(row["n_patients"]), value, low, high, t("too few to tell"))


st.title(t("Explanations"))
table = run_data.table_or_stop("explanation_audit")
rules = audit_rows.rules_of(run_data.config())
opening(table)
if len(audit_rows.judged(table)):
    matrix(table)
    cell(table)
found = run_data.table_if_made("effects")
if found is not None and len(found):
    effects(found)
st.download_button(
    t("Download the audit table (CSV)"),
    table.to_csv(index=False),
    file_name="explanation_audit.csv",
    mime="text/csv",
)
