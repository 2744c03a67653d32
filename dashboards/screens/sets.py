"""What the prediction sets promise and deliver, and whether handing cases back helps."""

import pandas as pd
import streamlit as st

from dashboards import charts, panels, run_data, selections, values, words
from dashboards.language import t
from dashboards.panels import Line

COVERAGES = ("set_coverage", "set_recall")
SET_MEASURES = (*COVERAGES, "set_size", "set_certain", "set_empty")
FOLD = ["repeat", "fold"]

facts = run_data.facts()
unit = facts.get("unit_name", "patient")
target = facts["target"]["name"]
values.stop_if_of_values(
    facts,
    t("Sets and deferral"),
    t("every value has an interval instead, shown with each case; whether it holds: see Overview."),
)
metrics = run_data.table_or_stop("metrics")


def line(row: object, label: str) -> Line:
    """A row of the metrics table; where it has no figure, why."""
    note = selections.text(row.reason)
    if row.status == "suppressed":
        note = t("suppressed: {note}", note=note)
    return Line(label, str(row.n_patients), row.value, row.low, row.high, note)


def sets(arm: str) -> None:
    st.header(t("Prediction sets"))
    rules = run_data.table_or_say("prediction_sets")
    if rules is None:
        return
    failed = selections.not_exchangeable(run_data.table_if_made("exchangeability"), arm)
    if failed:
        st.warning(t("No sets: the promise does not hold for these cases. {failed}", failed=failed))
        return
    rules = rules[rules["arm"] == arm]
    if not len(rules):
        st.info(t("No sets were made for these inputs."))
        return
    promised = float(rules["coverage"].iloc[0])
    st.html(
        panels.lead(
            t(
                "A set lists the classes that cannot be ruled out. Promised: it holds the truth "
                "for {promised:.0f} of 100 {unit}s. Measured on held-out {unit}s, each counting "
                "once.",
                promised=100 * promised,
                unit=unit,
            )
        )
    )
    delivered(arm, promised)
    without_promise(rules)
    with st.expander(t("Every rule: cell, limit, and the range of coverage to expect")):
        st.dataframe(rules.drop(columns="arm"), hide_index=True, height=260)


def delivered(arm: str, promised: float) -> None:
    """One measure of the sets for everyone and by class, pattern and group."""
    of_arm = selections.matching(metrics, {"arm": arm, "split": "test", "repeat": "all"})
    measures = [name for name in SET_MEASURES if (of_arm["metric"] == name).any()]
    if not measures:
        st.info(t("Not measured yet; run: clinmm evaluate {folder}", folder=run_data.run().folder))
        return
    metric = st.segmented_control(
        t("Measure of the sets"), measures, default=measures[0], format_func=words.metric
    )
    metric = metric or measures[0]
    rows = of_arm[of_arm["metric"] == metric]
    lines = []
    for label, where in selections.slices(rows).items():
        for row in selections.matching(rows, where).itertuples():
            flag = selections.text(row.flag)
            lines.append(line(row, f"{label}, {flag}" if flag else label))
    covers = metric in COVERAGES
    low, high = panels.scale(lines, 0.0, 1.0 if metric != "set_size" else 1000.0)
    if covers:
        low, high = min(low, promised), max(high, promised)
    heading = (t("Who"), words.several(unit), t("{measure}, 95 %", measure=words.metric(metric)))
    st.html(panels.forest(lines, low, high, promised if covers else None, heading))
    st.caption(words.meaning(metric))


def without_promise(rules: pd.DataFrame) -> None:
    """Cells with too few calibration patients, and why."""
    refused = rules[rules["status"] == "no_promise"]
    if not len(refused):
        st.caption(t("Every cell has a promise."))
        return
    n_models = len(rules[FOLD].drop_duplicates())
    rows = []
    for (by, cell, reason), part in refused.groupby(["by", "cell", "reason"], sort=False):
        who = t("everyone") if by == "all" else f"{by}: {cell.replace('_', ' ')}"
        rows.append((who, words.in_models(len(part), n_models), reason))
    st.html(panels.title(t("Without a promise of its own")))
    st.html(panels.table((t("Cell"), t("In"), t("Why")), rows))


def deferral(arm: str) -> None:
    st.header(t("Deferral: handing uncertain cases back to people"))
    rules = run_data.table_or_say("deferral")
    if rules is None:
        return
    rules = rules[rules["arm"] == arm]
    if not len(rules):
        st.info(t("No rule was tried for these inputs; set `deferral` in the config."))
        return
    names = list(dict.fromkeys(rules["class_name"]))
    chosen = names[0]
    if len(names) > 1:
        chosen = st.selectbox(
            t("Finding"),
            names,
            format_func=lambda name: words.class_label(name, target),
            key="class of deferral",
        )
    decided(rules[rules["class_name"] == chosen])
    bought(arm, chosen)


def decided(rules: pd.DataFrame) -> None:
    """On or off in each model, and why."""
    n_on = int((rules["kept"] == "yes").sum())
    st.markdown(t("**On in {n_on} of {n} models.**", n_on=n_on, n=len(rules)))
    # the figures after the colon differ from model to model
    why = rules.assign(why=rules["reason"].str.split(":").str[0])
    rows = [
        (t("on") if kept == "yes" else t("off"), words.in_models(len(part), len(rules)), reason)
        for (kept, reason), part in why.groupby(["kept", "why"], sort=False)
    ]
    st.html(panels.table((t("Rule"), t("In"), t("Why")), rows))
    with st.expander(t("The decision of every model")):
        each = [
            (
                t("repeat {repeat}, fold {fold}", repeat=repeat, fold=fold),
                t("on") if kept == "yes" else t("off"),
                reason,
            )
            for repeat, fold, kept, reason in rules[[*FOLD, "kept", "reason"]].to_numpy()
        ]
        st.html(panels.table((t("Model"), t("Rule"), t("Why")), each))


def bought(arm: str, class_name: str) -> None:
    """What deferral does on held-out patients: share and risk, then work and misses."""
    shares = ("deferral_share", "risk_without_deferral", "retained_risk")
    counts = ("handed_back_per_1000", "misses_per_1000_without_deferral", "misses_per_1000")
    places = st.columns(2)
    heads = (t("share, 95 %"), t("of 1,000 {unit}s, 95 %", unit=unit))
    for place, names, head, digits in zip(places, (shares, counts), heads, (3, 0), strict=True):
        lines = []
        for name in names:
            rows = selections.pooled(metrics, name, arm=arm, class_name=class_name)
            lines += [line(row, words.metric(name)) for row in rows.itertuples()]
        if lines:
            low, high = panels.scale(lines, 0.0, 1.0 if digits else 100_000.0)
            heading = (t("Held-out"), words.several(unit), head)
            place.html(panels.forest(lines, min(low, 0.0), high, None, heading, digits))


def risk_coverage(arm: str) -> None:
    st.header(t("How many calls are wrong among the kept"))
    curves = run_data.table_or_say("curves")
    if curves is None:
        return
    points = selections.matching(curves, {"kind": "risk_coverage", "arm": arm})
    if not len(points):
        st.info(
            t("Not made in this run; run: clinmm evaluate {folder}", folder=run_data.run().folder)
        )
        return
    left, right = st.columns(2)
    names = list(dict.fromkeys(points["class_name"]))
    chosen = left.selectbox(
        t("Finding"),
        names,
        format_func=lambda name: words.class_label(name, target),
        key="curve of",
    )
    points = points[points["class_name"] == chosen]
    where = selections.slices(points)
    who = right.selectbox(t("Who"), list(where))
    points = selections.matching(points, where[who]).sort_values("x")
    kept = points["x"].tolist()
    x = st.select_slider(
        t("Share kept, the most certain first"),
        kept,
        value=selections.nearest(kept, 0.8),
        format_func=lambda share: f"{100 * share:.1f} %",
        key=f"kept {arm} {chosen} {who}",
    )
    point = points[points["x"] == x].iloc[0]
    st.markdown(f"**{words.kept(*point[['x', 'y', 'low', 'high', 'n_cases']])}**")
    st.plotly_chart(
        charts.bands({who: points}, (t("share of all cases kept"), t("wrong among the kept")), x),
        theme=None,
        config={"displaylogo": False},
        alt=t("Wrong calls among the kept against the share kept"),
    )
    st.caption(
        t(
            "Held-out cases at the limit as it stands, whether or not a rule is on: a "
            "curve to look at, not a rule to choose from. Band: 95 %, at each point."
        )
    )


st.title(t("Sets and deferral"))
arms = selections.arms(metrics)
arm = st.selectbox(t("Inputs"), arms, format_func=words.arm) if len(arms) > 1 else arms[0]
sets(arm)
deferral(arm)
risk_coverage(arm)
