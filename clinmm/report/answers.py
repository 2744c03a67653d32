"""Plain answers to the questions that come first, each with the figures it rests on."""

from clinmm.report.answer import Answer
from clinmm.report.fails import whom_it_fails
from clinmm.report.forest import forest
from clinmm.report.lines import each, metric_line
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


def answers(material: Material) -> list[Answer]:
    return [
        _apart(material),
        _calibrated(material),
        whom_it_fails(material),
        intake(material),
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
        "the cases that have it; the comparison above is on the same cases."
    )
    return Answer(question, said, [drawn] if lines else [], [note])


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


def intake(material: Material) -> Answer:
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
