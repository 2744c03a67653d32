"""Is acting on the estimates better than treating everybody or nobody? Decision curves."""

import streamlit as st

from dashboards import charts, panels, run_data, selections, values, words
from dashboards.language import t

facts = run_data.facts()
unit = facts.get("unit_name", "patient")
target = facts["target"]["name"]
values.stop_if_of_values(
    facts,
    t("Decisions"),
    t("a decision needs a risk and a threshold. Errors are under Performance."),
)
MODEL, ALL, NOBODY = t("calling by the estimate"), t("calling everybody"), t("calling nobody")

st.title(t("Decisions"))
st.html(
    panels.lead(
        t(
            "The threshold is the risk at which one would act: at 20 %, finding one is held to be "
            "worth four false alarms. Net benefit counts what was found, less the false alarms at "
            "that price. The model is of use at the thresholds where its line is the highest."
        )
    )
)
curves = run_data.table_or_stop("curves")
overall = selections.matching(curves, {"group_by": "all", "pattern": "any"})
drawn = overall[overall["kind"] == "decision"]
if not len(drawn):
    st.info(
        t(
            "No decision curve in this run; run: clinmm evaluate {folder}",
            folder=run_data.run().folder,
        )
    )
    st.stop()

left, right = st.columns(2)
arm = left.selectbox(t("Inputs"), selections.arms(drawn), format_func=words.arm)
names = list(dict.fromkeys(drawn.loc[drawn["arm"] == arm, "class_name"]))
chosen = right.selectbox(
    t("Finding"), names, format_func=lambda name: words.class_label(name, target)
)
where = {"arm": arm, "class_name": chosen}
model = selections.matching(drawn, where).sort_values("x")
everybody = selections.matching(overall, where | {"kind": "decision_treat_all"})

thresholds = model["x"].tolist()
x = st.select_slider(
    t("Threshold: the risk at which one would act"),
    thresholds,
    value=selections.nearest(thresholds, 0.2),
    format_func=lambda value: f"{100 * value:.0f} %",
    key=f"threshold {arm} {chosen}",
)
point = model[model["x"] == x].iloc[0]
st.markdown(f"**{words.net_benefit(*point[['x', 'y', 'low', 'high']], unit)}**")
rows = [(MODEL, words.number(point["y"]), words.interval(point["low"], point["high"]))]
for row in everybody[everybody["x"] == x].itertuples():
    rows.append((ALL, words.number(row.y), words.interval(row.low, row.high)))
rows.append((NOBODY, words.number(0.0), t("by definition")))
st.html(
    panels.table(
        (t("At {threshold:.0f} %", threshold=100 * x), t("Net benefit"), t("Interval")), rows
    )
)
lines = {MODEL: model} | ({ALL: everybody} if len(everybody) else {})
st.plotly_chart(
    charts.bands(lines, (t("threshold"), t("net benefit per case")), x, zero=NOBODY),
    theme=None,
    config={"displaylogo": False},
    alt=t("Net benefit against threshold"),
)
st.caption(
    t(
        "Held-out {unit}s, calibrated estimates. Band: 95 %, at each threshold. "
        "Drawn up to the highest threshold at which five are called. Vickers and "
        "Elkin, Med Decis Making 2006.",
        unit=unit,
    )
)
