"""What the check of the data found, the gravest first."""

import streamlit as st

from dashboards import panels, run_data, selections, words

ORDER = {"error": 0, "warning": 1, "info": 2}

st.title("Intake")
st.html(
    '<p class="lead">What was found in the table and the files before anything was trained. '
    "An error stops a study unless the config accepts it with a reason.</p>"
)
findings = run_data.table_or_stop("intake")
if not len(findings):
    st.success("The checks ran and found nothing.")
    st.stop()
findings = findings.sort_values(
    "severity", key=lambda column: column.map(ORDER).fillna(3), kind="stable"
)
counts = findings["severity"].value_counts()
parts = [f"{name} {counts.get(kind, 0)}" for kind, name in words.SEVERITIES.items()]
st.markdown(f"**{' · '.join(parts)}**")

st.html(
    panels.findings(
        [
            (
                row.severity,
                f"{row.check.replace('_', ' ')}, {row.subject}",
                row.detail,
                row.advice,
                selections.text(row.accepted),
            )
            for row in findings.itertuples()
        ]
    )
)

concerned = findings[findings["case_ids"].map(len) > 0]
if len(concerned):
    st.header("Cases concerned")
    names = [f"{row.check.replace('_', ' ')}, {row.subject}" for row in concerned.itertuples()]
    chosen = st.selectbox("Finding", range(len(names)), format_func=lambda i: names[i], width=480)
    row = concerned.iloc[chosen]
    ids = [str(case_id) for case_id in row["case_ids"]]
    st.html(f'<p class="ids">{panels.escape(", ".join(ids))}</p>')
    st.caption(f"{len(ids)} cases listed.")
