"""Is acting on the estimates better than treating everybody or nobody? Decision curves."""

import streamlit as st

from dashboards import charts, panels, run_data, selections, values, words

facts = run_data.facts()
unit = facts.get("unit_name", "patient")
target = facts["target"]["name"]
values.stop_if_of_values(
    facts,
    "Decisions",
    "a decision needs a risk and a threshold. Errors are under Performance.",
)
MODEL, ALL, NOBODY = "calling by the estimate", "calling everybody", "calling nobody"

st.title("Decisions")
st.html(
    '<p class="lead">The threshold is the risk at which one would act: at 20 %, finding one is '
    "held to be worth four false alarms. Net benefit counts what was found, less the false alarms "
    "at that price. The model is of use at the thresholds where its line is the highest.</p>"
)
curves = run_data.table_or_stop("curves")
overall = selections.matching(curves, {"group_by": "all", "pattern": "any"})
drawn = overall[overall["kind"] == "decision"]
if not len(drawn):
    st.info(f"No decision curve in this run; run: clinmm evaluate {run_data.run().folder}")
    st.stop()

left, right = st.columns(2)
arm = left.selectbox("Inputs", selections.arms(drawn), format_func=words.arm)
names = list(dict.fromkeys(drawn.loc[drawn["arm"] == arm, "class_name"]))
chosen = right.selectbox("Finding", names, format_func=lambda name: words.class_label(name, target))
where = {"arm": arm, "class_name": chosen}
model = selections.matching(drawn, where).sort_values("x")
everybody = selections.matching(overall, where | {"kind": "decision_treat_all"})

thresholds = model["x"].tolist()
x = st.select_slider(
    "Threshold: the risk at which one would act",
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
rows.append((NOBODY, words.number(0.0), "by definition"))
st.html(panels.table((f"At {100 * x:.0f} %", "Net benefit", "Interval"), rows))
lines = {MODEL: model} | ({ALL: everybody} if len(everybody) else {})
st.plotly_chart(
    charts.bands(lines, ("threshold", "net benefit per case"), x, zero=NOBODY),
    theme=None,
    config={"displaylogo": False},
    alt="Net benefit against threshold",
)
st.caption(
    f"Held-out {unit}s, calibrated estimates. Band: 95 %, at each threshold. Drawn up to the "
    "highest threshold at which five are called. Vickers and Elkin, Med Decis Making 2006."
)
