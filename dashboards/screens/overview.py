"""What is predicted, for whom, when and from what; whether fusion was worth it; plain answers."""

from typing import Any

import pandas as pd
import streamlit as st

from clinmm.fairness import told
from clinmm.rivals import headline_arm
from dashboards import audit_rows, fusion, panels, run_data, selections, values, words
from dashboards.panels import Line

facts = run_data.facts()
metrics = run_data.table_if_made("metrics")
comparisons = run_data.table_if_made("comparisons")
unit = facts.get("unit_name", "patient")
target = facts["target"]["name"]
MOST_GAPS = 6


def purpose() -> None:
    """The first lines of every report: predicted what, for whom, when, from what."""
    classes = [words.class_label(name, target) for name in selections.classes(facts)]
    st.title(facts["cohort"]["name"])
    source = words.listing(list(facts["inputs"])) if facts["inputs"] else "a model elsewhere"
    when = facts.get("predicted_when") or "not stated"
    said = (
        f"Estimates {words.listing(classes)} for each {unit}, from {source}. "
        f"When: {when}. {facts['n_cases']} cases of {facts['n_patients']} {unit}s."
    )
    st.html(f'<p class="lead">{panels.escape(said)}</p>')


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
        said = f"AUROC {words.number(lines[0].value)} ({ends}) with all inputs."
    else:
        said = "No estimate for all inputs together: too few patients, or not made."
    low, high = panels.scale(lines, 0.0, 1.0)
    heading = ("All inputs together", f"{unit}s", "AUROC, 95 %")
    detail = panels.forest(lines, min(low, 0.5), max(high, 0.6), 0.5, heading)
    return panels.answer("How good are the estimates?", said, detail)


def differences(lines: list[Line], what: str) -> str:
    """Differences on one scale with zero in the middle."""
    return panels.forest(lines, *panels.middle(lines), 0.0, (what, f"{unit}s", "95 %"))


def calibrated(class_name: str) -> str:
    question = "Do the risk estimates match what happened?"
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
        return panels.answer(question, "Not measured in this run.")
    said = words.calibration(after["value"], before["value"])
    lines = [
        Line(f"{words.metric(name)}, {kind}", "", *found[["value", "low", "high"]])
        for (name, kind), found in values.items()
        if name == "log_loss"
    ]
    low, high = panels.scale(lines, 0.0, 5.0)
    detail = panels.forest(lines, low, high, None, ("lower is better", "", "95 %"))
    detail += panels.small(judged())
    for metric in ("ece", "brier"):
        found = values.get((metric, "calibrated"))
        if found is not None:
            detail += panels.small(
                f"{words.metric(metric)} {words.number(found['value'])} "
                f"({words.interval(found['low'], found['high'])}): {words.MEANINGS[metric]}."
            )
    return panels.answer(question, said, detail)


def judged() -> str:
    """How many findings calibration helped, by the verdicts."""
    if comparisons is None:
        return ""
    rows = selections.calibration_comparisons(comparisons)
    counts = rows["verdict"].map(words.VERDICTS).value_counts(sort=False)
    said = ", ".join(f"{name} for {n} of {len(rows)}" for name, n in counts.items())
    return f"Log loss after calibration: {said}." if said else ""


def fails_whom() -> str:
    question = "Whom does it serve worst?"
    if comparisons is None:
        return panels.answer(question, "Not compared in this run.")
    verdicts = run_data.table_if_made("bias_verdicts")
    arm = headline_arm(list(metrics["arm"].unique()) or ["fused"])
    if verdicts is not None and (found := told.by_attribute(verdicts, arm)):
        return concluded(question, found)
    worst = selections.worst_gap(comparisons)
    if worst is None:
        return panels.answer(question, "No group could be compared with the others.")
    metric = worst["metric"]
    said = words.gap(worst["group_by"], worst["group"], metric, worst["difference"])
    rows = selections.gaps(comparisons, metric, worst["class_name"])
    rows = selections.matching(rows, {c: worst[c] for c in ("group_by", "class_name")})
    lines = [
        Line(f"{row.group_by} {row.group}", str(row.n_patients), row.difference, row.low, row.high)
        for row in rows.head(4).itertuples()
    ]
    detail = differences(lines, f"{words.metric(metric)}, group − others")
    detail += panels.small(f"Verdict: {words.VERDICTS[worst['verdict']]}, of all groups' gaps.")
    for row in selections.served_better(comparisons).head(3).itertuples():
        gap = words.gap(row.group_by, row.group, row.metric, row.difference)
        detail += panels.small(f"Shown to be served better: {of_class(row.class_name)}{gap}.")
    detail += too_few()
    shown = worst["verdict"] == "worse"
    lead = "" if shown else "No group was shown to be served worse. Largest gap seen: "
    return panels.answer(question, f"{lead}{of_class(worst['class_name'])}{said}.", detail)


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
    detail = differences(lines[:MOST_GAPS], "Group served worst, group − others") if lines else ""
    detail += panels.small(told.NOT_ABSENT) + too_few()
    return panels.answer(question, told.lead(found), detail)


def too_few() -> str:
    """Groups without an estimate."""
    if hidden := [f"{who} ({n})" for who, n in selections.suppressed(metrics, "auroc").items()]:
        listed = words.listing(hidden[:6]) + (f" and {len(hidden) - 6} more" * (len(hidden) > 6))
        return panels.small(f"Too few {unit}s for an estimate: {listed}.")
    return ""


def of_class(name: str) -> str:
    """What a gap is about, before it; nothing where there is one class."""
    several = len(selections.classes(facts)) > 1
    return f"{words.class_label(name, target)}, " if several else ""


def explained() -> str:
    question = "Do explanations hold?"
    table = run_data.table_if_made("explanation_audit")
    if table is None:
        return panels.answer(question, "Not tested in this run, so none is drawn.")
    drawn = audit_rows.drawn(table)
    detail = panels.small(drawn) if drawn else ""
    return panels.answer(question, audit_rows.sentence(table), detail)


def intake() -> str:
    question = "What did the check of the data find?"
    findings = run_data.table_if_made("intake")
    if findings is None:
        return panels.answer(question, "No intake check in this run.")
    counts = findings["severity"].value_counts()
    said = ", ".join(
        f"{counts.get(kind, 0)} {name}{'s' * (counts.get(kind, 0) != 1)}"
        for kind, name in (("error", "error"), ("warning", "warning"), ("info", "remark"))
    )
    first = findings[findings["severity"] != "info"].head(3)
    detail = "".join(
        panels.small(f"{row.check.replace('_', ' ')}, {row.subject}: {row.detail}{accepted(row)}")
        for row in first.itertuples()
    )
    return panels.answer(question, f"{said}.", detail)


def accepted(row: Any) -> str:
    reason = selections.text(row.accepted)
    return f" Accepted: {reason}." if reason else ""


def made_how() -> str:
    seconds = sum(stage.get("seconds", 0) for stage in facts.get("stages", {}).values())
    folds = facts.get("n_folds") or 0
    test = f"{folds} folds, {facts.get('n_repeats', 1)} repeats" if folds else "held-out part"
    pairs = [
        ("Made", f"{facts['created'][:16].replace('T', ' ')} UTC by clinmm {facts['clinmm']}"),
        ("Stages", f"{', '.join(facts.get('stages', {})) or 'none'} ({seconds:.0f} s)"),
        ("Test", test),
        ("Seed", str(facts.get("seed", "not given"))),
        ("Cohort", f"fingerprint {str(facts['cohort'].get('fingerprint', ''))[:16]}"),
    ]
    return panels.answer("How was this made?", f"A {facts['kind']} run.", panels.facts(pairs))


purpose()
if facts["kind"] == "study":
    fusion.show(facts)
cards = []
if metrics is None:
    study = facts.get("study", {}).get("folder")
    if study:
        st.info(f"New cases, predicted by the study in {study}; its figures are there.")
    else:
        st.info(f"No figures yet. Make them with: clinmm evaluate {run_data.run().folder}")
elif values.is_of_values(facts):
    cards = values.cards(facts, metrics)
else:
    headline = selections.headline_class(metrics, facts)
    cards = [how_good(headline), calibrated(headline), fails_whom()]
st.html(f'<div class="answers">{"".join([*cards, explained(), intake(), made_how()])}</div>')
