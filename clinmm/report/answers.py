"""Plain answers to the questions that come first, each with the figures it rests on."""

import pandas as pd

from clinmm.report.answer import Answer
from clinmm.report.fails import whom_it_fails
from clinmm.report.forest import forest
from clinmm.report.lines import difference_line, each, metric_line
from clinmm.report.material import Material, matching
from clinmm.report.wording import (
    arm,
    class_label,
    counted,
    listing,
    metric,
    number,
    unstopped,
    verdict,
)
from clinmm.summary import fusion_verdict


def answers(material: Material) -> list[Answer]:
    return [
        _apart(material),
        _fusion(material),
        _calibrated(material),
        whom_it_fails(material),
        _intake(material),
    ]


def _apart(material: Material) -> Answer:
    question = "How well are cases told apart?"
    if not material.scored:
        return Answer(question, material.absent("metrics"))
    which = material.headline_class
    rows = material.metrics(metric="auroc", class_name=which)
    lines = [
        metric_line(row, arm(row.arm), strong=row.arm == material.arm)
        for name in material.arms
        for row in each(rows[rows["arm"] == name])
    ]
    head = ("Arm", f"{material.unit}s", "AUROC, 95 % interval", "AUROC (95 %)")
    said = f"AUROC {lines[0].said} for {arm(material.arm)}." if lines else "No AUROC in this run."
    drawn = forest(f"AUROC by arm, {class_label(which)}", head, lines, reference=0.5)
    note = (
        "AUROC is the chance that a case with the finding is ranked above one without it; 0.5 is a "
        f"coin (dashed). Intervals are clustered by {material.unit}. An input alone is scored on "
        "the cases that have it; the comparison below is on the same cases."
    )
    return Answer(question, said, [drawn] if lines else [], [note])


def _fusion(material: Material) -> Answer:
    question = "Was it worth combining the inputs?"
    if "comparisons" not in material.tables:
        several = len(material.facts.get("inputs") or {}) > 1
        missing = material.absent("comparisons")
        return Answer(question, missing if several or material.kind == "audit" else "One input.")
    if material.kind == "audit" or len(material.arms) < 2:
        return Answer(question, "This run has predictions of one arm only; nothing to compare.")
    rows = matching(
        material.tables["comparisons"],
        {"arm": "fused", "metric": "auroc", "class_name": material.headline_class}
        | {"group_by": "all", "pattern": "any"},
    )
    rows = rows[rows["rival"].isin(material.arms)].dropna(subset=["difference"])
    lines = [difference_line(row, f"fused − {arm(row.rival)}") for row in each(rows)]
    head = ("Comparison", f"{material.unit}s", "difference in AUROC", "difference (95 %), verdict")
    drawn = [
        forest(
            f"Fused against each input trained alone, paired on the same {material.unit}s",
            head,
            lines,
            reference=0.0,
            centred=True,
        )
    ]
    if not material.facts.get("best_single_arm"):
        said = "No best single input was declared beforehand, so there is no verdict."
        return Answer(question, said, drawn if lines else [])
    remarks = [
        f"The best single input was chosen on other {material.unit}s; it alone gets a verdict.",
        *_could_show(rows[rows["rival"] == material.facts["best_single_arm"]]),
    ]
    return Answer(question, fusion_verdict(material.run), drawn if lines else [], remarks)


def _could_show(rows: pd.DataFrame) -> list[str]:
    if "detectable" not in rows.columns:
        return []
    shy = rows[(rows["verdict"] == "not_shown") & rows["detectable"].notna()]
    return [
        "Not shown is not equal: the smallest difference that 80 % of samples like these would "
        f"have shown is {number(row.detectable)}."
        for row in each(shy.head(1))
    ]


def _calibrated(material: Material) -> Answer:
    question = "Do the risk estimates match what happened?"
    if not material.scored:
        return Answer(question, material.absent("metrics"))
    lines, values = [], {}
    for name in ("log_loss", "ece", "ece_if_calibrated"):
        for kind in ("raw", "calibrated"):
            rows = material.metrics(
                metric=name,
                arm=material.arm,
                class_name=material.headline_class,
                probability=kind,
            )
            for row in each(rows):
                lines.append(metric_line(row, f"{metric(name)}, {kind}", kind == "calibrated"))
                values[name, kind] = number(row.value) if row.status == "ok" else row.status
    parts = [
        f"{metric(name)} {values[name, 'raw']} before calibration, "
        f"{values[name, 'calibrated']} after"
        for name in ("log_loss", "ece")
        if (name, "raw") in values and (name, "calibrated") in values
    ]
    said = f"{'; '.join(parts)} ({class_label(material.headline_class)})." if parts else "Not told."
    head = ("Measure", f"{material.unit}s", "lower is better", "value (95 %)")
    drawn = forest("Before and after calibration", head, lines)
    return Answer(question, said, [drawn] if lines else [], _calibrators(material))


def _calibrators(material: Material) -> list[str]:
    remarks = []
    if "calibration" in material.tables:
        table = matching(material.tables["calibration"], {"arm": material.arm})
        counts = table["calibrator"].value_counts(sort=False)
        named = [f"{name} {n} of {len(table)} times" for name, n in counts.items()]
        remarks.append(f"Calibrator chosen on other {material.unit}s: {listing(named)}.")
    else:
        remarks.append(material.absent("calibration"))
    if "comparisons" in material.tables:
        rows = matching(
            material.tables["comparisons"],
            {"rival": "uncalibrated", "metric": "log_loss", "arm": material.arm},
        )
        said = [f"{class_label(r.class_name)} {verdict(r)}" for r in each(rows)]
        if said:
            remarks.append(f"Log loss against no calibration: {listing(said)}.")
    remarks.append(
        "ECE is the mean distance of estimate and observed frequency; 0 is best. If exactly right: "
        "what chance alone would give."
    )
    return remarks


def _intake(material: Material) -> Answer:
    question = "What did the check of the data find?"
    if "intake" not in material.tables:
        return Answer(question, material.absent("intake"))
    table = material.tables["intake"]
    accepted = table["accepted"].fillna("") != ""
    errors = table[table["severity"] == "error"]
    standing = int((~accepted & (table["severity"] == "error")).sum())
    warnings = int((table["severity"] == "warning").sum())
    said = f"{counted(len(errors), 'error')}"
    if len(errors):
        said += f", {standing} of them not accepted" if standing else ", all accepted with a reason"
    said += f"; {counted(warnings, 'warning')}."
    remarks = [
        f"Accepted: {row.check.replace('_', ' ')}, {row.subject}: {unstopped(row.detail)}. "
        f"Reason given: {unstopped(row.accepted)}."
        for row in each(table[accepted])
    ]
    remarks += [
        f"Not accepted: {row.check.replace('_', ' ')}, {row.subject}: {row.detail}"
        for row in each(errors[~accepted[errors.index]])
    ]
    return Answer(question, said, [], remarks[:12])
