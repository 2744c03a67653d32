"""What is predicted, for whom, when and from what; whether fusion was worth it; plain answers."""

from typing import Any

import pandas as pd
import streamlit as st

from clinmm.fairness import told
from clinmm.rivals import headline_arm
from dashboards import (
    audit_rows,
    fusion,
    panels,
    reading_progress,
    run_data,
    selections,
    values,
    words,
)
from dashboards.language import t, tn
from dashboards.panels import Line

facts = run_data.facts()
metrics = run_data.table_if_made("metrics")
comparisons = run_data.table_if_made("comparisons")
unit = facts.get("unit_name", "patient")
target = facts["target"]["name"]
MOST_GAPS = 6
KINDS = {"raw": t("raw"), "calibrated": t("calibrated")}


def purpose() -> None:
    """The first lines of every report: predicted what, for whom, when, from what."""
    classes = [words.class_label(name, target) for name in selections.classes(facts)]
    st.title(facts["cohort"]["name"])
    source = words.listing(list(facts["inputs"])) if facts["inputs"] else t("a model elsewhere")
    said = t(
        "Estimates {findings} for each {unit}, from {source}. When: {when}. "
        "{cases} cases of {patients} {units}.",
        findings=words.listing(classes),
        unit=unit,
        source=source,
        when=facts.get("predicted_when") or t("not stated"),
        cases=facts["n_cases"],
        patients=facts["n_patients"],
        units=words.several(unit),
    )
    st.html(panels.lead(said))


def how_good(class_name: str) -> str:
    """All inputs together: the mean over findings first, then every finding."""
    rows = selections.pooled(metrics, "auroc", arm="fused")
    rows = rows[(rows["status"] == "ok") & (rows["class_name"] != "micro")]
    rows = rows.sort_values("class_name", key=lambda name: name != class_name, kind="stable")
    lines = [
        Line(
            words.class_label(row.class_name, target),
            str(row.n_patients),
            row.value,
            row.low,
            row.high,
            strong=row.class_name == class_name,
        )
        for row in rows.itertuples()
    ]
    if lines and lines[0].strong:
        ends = words.interval(lines[0].low, lines[0].high)
        value = words.number(lines[0].value)
        said = t("AUROC {value} ({interval}) with all inputs.", value=value, interval=ends)
    else:
        said = t("No estimate for all inputs together: too few patients, or not made.")
    low, high = panels.scale(lines, 0.0, 1.0)
    heading = (t("All inputs together"), words.several(unit), t("AUROC, 95 %"))
    detail = panels.forest(lines, min(low, 0.5), max(high, 0.6), 0.5, heading)
    return panels.answer(t("How good are the estimates?"), said, detail)


def differences(lines: list[Line], what: str) -> str:
    """Differences on one scale with zero in the middle."""
    return panels.forest(lines, *panels.middle(lines), 0.0, (what, words.several(unit), t("95 %")))


def calibrated(class_name: str) -> str:
    question = t("Do the risk estimates match what happened?")
    values = {}
    for kind in ("raw", "calibrated"):
        for metric in ("log_loss", "ece", "brier"):
            found = selections.pooled(
                metrics, metric, arm="fused", class_name=class_name, probability=kind
            )
            if len(found):
                values[metric, kind] = found.iloc[0]
    after, before = values.get(("log_loss", "calibrated")), values.get(("log_loss", "raw"))
    if after is None or before is None:
        return panels.answer(question, t("Not measured in this run."))
    said = words.calibration(after["value"], before["value"])
    lines = [
        Line(f"{words.metric(name)}, {KINDS[kind]}", "", *found[["value", "low", "high"]])
        for (name, kind), found in values.items()
        if name == "log_loss"
    ]
    low, high = panels.scale(lines, 0.0, 5.0)
    detail = panels.forest(lines, low, high, None, (t("lower is better"), "", t("95 %")))
    detail += panels.small(judged())
    for metric in ("ece", "brier"):
        found = values.get((metric, "calibrated"))
        if found is not None:
            detail += panels.small(
                t(
                    "{measure} {value} ({interval}): {meaning}.",
                    measure=words.metric(metric),
                    value=words.number(found["value"]),
                    interval=words.interval(found["low"], found["high"]),
                    meaning=words.MEANINGS[metric],
                )
            )
    return panels.answer(question, said, detail)


def judged() -> str:
    """How many findings calibration helped, by the verdicts."""
    if comparisons is None:
        return ""
    rows = selections.calibration_comparisons(comparisons)
    counts = rows["verdict"].map(words.VERDICTS).value_counts(sort=False)
    said = [
        t("{verdict} for {n} of {all}", verdict=name, n=n, all=len(rows))
        for name, n in counts.items()
    ]
    return t("Log loss after calibration: {said}.", said=", ".join(said)) if said else ""


def fails_whom() -> str:
    question = t("Whom does it serve worst?")
    if comparisons is None:
        return panels.answer(question, t("Not compared in this run."))
    verdicts = run_data.table_if_made("bias_verdicts")
    arm = headline_arm(list(metrics["arm"].unique()) or ["fused"])
    if verdicts is not None and (found := told.by_attribute(verdicts, arm)):
        return concluded(question, found)
    worst = selections.worst_gap(comparisons)
    if worst is None:
        return panels.answer(question, t("No group could be compared with the others."))
    metric = worst["metric"]
    said = words.gap(worst["group_by"], worst["group"], metric, worst["difference"])
    rows = selections.gaps(comparisons, metric, worst["class_name"])
    rows = selections.matching(rows, {c: worst[c] for c in ("group_by", "class_name")})
    lines = [
        Line(f"{row.group_by} {row.group}", str(row.n_patients), row.difference, row.low, row.high)
        for row in rows.head(4).itertuples()
    ]
    detail = differences(lines, t("{measure}, group − others", measure=words.metric(metric)))
    detail += panels.small(
        t("Verdict: {verdict}, of all groups' gaps.", verdict=words.VERDICTS[worst["verdict"]])
    )
    for row in selections.served_better(comparisons).head(3).itertuples():
        gap = words.gap(row.group_by, row.group, row.metric, row.difference)
        detail += panels.small(
            t("Shown to be served better: {gap}.", gap=f"{of_class(row.class_name)}{gap}")
        )
    detail += too_few()
    gap = f"{of_class(worst['class_name'])}{said}."
    if worst["verdict"] != "worse":
        gap = t("No group was shown to be served worse. Largest gap seen: {gap}", gap=gap)
    return panels.answer(question, gap, detail)


def concluded(question: str, found: dict[str, pd.DataFrame]) -> str:
    """The verdicts of the audit, as the Fairness page has them, from `told.by_attribute`."""
    rows = [row for of in found.values() for row in of.itertuples()]
    lines = [
        Line(
            f"{words.metric(row.metric)}, {told.who(row.group_by, row.group)}",
            str(row.n_patients),
            row.difference,
            row.low,
            row.high,
            strong=row.verdict == told.GAP_SHOWN,
        )
        for row in rows
        if selections.text(row.group)
    ]
    detail = (
        differences(lines[:MOST_GAPS], t("Group served worst, group − others")) if lines else ""
    )
    detail += panels.small(told.NOT_ABSENT) + too_few()
    return panels.answer(question, told.lead(found), detail)


def too_few() -> str:
    """Groups without an estimate."""
    if hidden := [f"{who} ({n})" for who, n in selections.suppressed(metrics, "auroc").items()]:
        more = [tn("{n} more", "{n} more", len(hidden) - 6)] if len(hidden) > 6 else []
        listed = words.listing([*hidden[:6], *more])
        units = words.several(unit)
        return panels.small(
            t("Too few {units} for an estimate: {listed}.", units=units, listed=listed)
        )
    return ""


def of_class(name: str) -> str:
    """What a gap is about, before it; nothing where there is one class."""
    several = len(selections.classes(facts)) > 1
    return f"{words.class_label(name, target)}, " if several else ""


def explained() -> str:
    question = t("Do explanations hold?")
    table = run_data.table_if_made("explanation_audit")
    if table is None:
        return panels.answer(question, t("Not tested in this run, so none is drawn."))
    drawn = audit_rows.drawn(table)
    detail = panels.small(drawn) if drawn else ""
    return panels.answer(question, audit_rows.sentence(table), detail)


def intake() -> str:
    question = t("What did the check of the data find?")
    findings = run_data.table_if_made("intake")
    if findings is None:
        return panels.answer(question, t("No intake check in this run."))
    counts = findings["severity"].value_counts()
    said = t(
        "{errors}, {warnings}, {remarks}.",
        errors=tn("{n} error", "{n} errors", int(counts.get("error", 0))),
        warnings=tn("{n} warning", "{n} warnings", int(counts.get("warning", 0))),
        remarks=tn("{n} remark", "{n} remarks", int(counts.get("info", 0))),
    )
    first = findings[findings["severity"] != "info"].head(3)
    detail = "".join(
        panels.small(f"{row.check.replace('_', ' ')}, {row.subject}: {row.detail}{accepted(row)}")
        for row in first.itertuples()
    )
    return panels.answer(question, said, detail)


def accepted(row: Any) -> str:
    reason = selections.text(row.accepted)
    return " " + t("Accepted: {reason}.", reason=reason) if reason else ""


def made_how() -> str:
    seconds = sum(stage.get("seconds", 0) for stage in facts.get("stages", {}).values())
    folds = facts.get("n_folds") or 0
    test = t("held-out part")
    if folds:
        repeats = facts.get("n_repeats", 1)
        test = t("{folds} folds, {repeats} repeats", folds=folds, repeats=repeats)
    when = facts["created"][:16].replace("T", " ")
    stages = ", ".join(facts.get("stages", {})) or t("none")
    mark = str(facts["cohort"].get("fingerprint", ""))[:16]
    pairs = [
        (t("Made"), t("{when} UTC by clinmm {version}", when=when, version=facts["clinmm"])),
        (t("Stages"), t("{stages} ({seconds} s)", stages=stages, seconds=f"{seconds:.0f}")),
        (t("Test"), test),
        (t("Seed"), str(facts.get("seed", t("not given")))),
        (t("Cohort"), t("fingerprint {mark}", mark=mark)),
    ]
    said = t("A {kind} run.", kind=facts["kind"])
    return panels.answer(t("How was this made?"), said, panels.facts(pairs))


purpose()
if facts["kind"] == "study":
    fusion.show(facts)
cards = []
if metrics is None:
    study = facts.get("study", {}).get("folder")
    if study:
        st.info(
            t("New cases, predicted by the study in {study}; its figures are there.", study=study)
        )
    else:
        folder = run_data.run().folder
        st.info(t("No figures yet. Make them with: clinmm evaluate {folder}", folder=folder))
elif values.is_of_values(facts):
    cards = values.cards(facts, metrics)
else:
    headline = selections.headline_class(metrics, facts)
    cards = [how_good(headline), calibrated(headline), fails_whom()]
cards += [explained(), intake(), *reading_progress.card(), made_how()]
st.html(f'<div class="answers">{"".join(cards)}</div>')
