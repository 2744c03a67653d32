"""What the check of the data found, the gravest first."""

import pandas as pd
import streamlit as st

from dashboards import examples, panels, run_data, selections, words
from dashboards.language import t

ORDER = {"error": 0, "warning": 1, "info": 2}

st.title(t("Intake"))
st.html(
    panels.lead(
        t(
            "What was found in the table and the files before anything was trained. An error stops "
            "a study unless the config accepts it with a reason."
        )
    )
)
findings = run_data.table_or_stop("intake")
if not len(findings):
    st.success(t("The checks ran and found nothing."))
    st.stop()
findings = findings.sort_values(
    "severity", key=lambda column: column.map(ORDER).fillna(3), kind="stable"
)
counts = findings["severity"].value_counts()
parts = [f"{name} {counts.get(kind, 0)}" for kind, name in words.SEVERITIES.items()]
st.markdown(f"**{' · '.join(parts)}**")


def draw(rows: pd.DataFrame) -> None:
    """Findings as a table: how grave, of what, what was found, what to do."""
    st.html(
        panels.findings(
            [
                (
                    row.severity,
                    f"{row.check.replace('_', ' ')}, {row.subject}",
                    row.detail,
                    "" if row.advice.startswith("Nothing") else row.advice,
                    selections.text(row.accepted),
                )
                for row in rows.itertuples()
            ]
        )
    )


told = findings["severity"] == "info"
if (~told).any():
    draw(findings[~told])
if told.any():
    with st.expander(t("{n} for information", n=int(told.sum())), expanded=bool(told.all())):
        draw(findings[told])

concerned = findings[findings["case_ids"].map(len) > 0]
if len(concerned):
    st.header(t("Look at a finding"))
    shown = run_data.table_if_made("intake_examples")
    names = {
        number: f"{row.check.replace('_', ' ')}, {row.subject}: {row.count}"
        for number, row in zip(concerned.index, concerned.itertuples(), strict=True)
    }
    chosen = st.selectbox(
        t("Finding"), list(names), format_func=names.__getitem__, width=480, key="finding"
    )
    row = concerned.loc[chosen]
    st.html(f"<p>{panels.escape(str(row['detail']))}</p>")
    if shown is not None and (shown["finding"] == chosen).any():
        cases = run_data.table("cases").set_index("case_id", drop=False)
        examples.show(shown[shown["finding"] == chosen], cases, run_data.cohort())
    ids = [str(case_id) for case_id in row["case_ids"]]
    with st.expander(t("{n} cases concerned", n=len(ids))):
        st.html(f'<p class="ids">{panels.escape(", ".join(ids))}</p>')

tested = run_data.table_if_made("intake_test")
if tested is not None and len(tested):
    st.header(t("The same on test patients"))
    st.html(
        panels.lead(
            t(
                "What was found on the other patients, measured by the evaluation on patients that "
                "it was not found on."
            )
        )
    )
    lines = [
        (
            f"{row.check.replace('_', ' ')}, {row.subject} {row.words or ''}".strip(),
            row.measure,
            row.class_name,
            f"{words.number(row.value)} ({words.interval(row.low, row.high)})",
            f"{row.n_patients}",
        )
        for row in tested.fillna({"words": ""}).itertuples()
    ]
    st.html(panels.table((t("Finding"), t("Measure"), t("Class"), t("Value"), t("n")), lines))

read = run_data.table_if_made("images")
if read is not None and len(read):
    st.header(t("What the files were"))
    columns = ["input", "format", "modality", "photometric", "transfer_syntax", "done"]
    kinds = read.fillna("").groupby(columns, sort=False).size().sort_values(ascending=False)
    lines = [(*map(str, key), str(n)) for key, n in kinds.head(20).items()]
    heading = (
        t("Input"),
        t("Format"),
        t("Modality"),
        t("Photometric"),
        t("Compression"),
        t("Done to it"),
        t("n"),
    )
    st.html(panels.table(heading, lines))
