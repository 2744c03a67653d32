"""Whom the model fails: the audit's verdicts, or each group against everyone else."""

from typing import Any

import pandas as pd

from clinmm.fairness import sentences, told
from clinmm.intervals import module_of
from clinmm.report.answer import Answer
from clinmm.report.forest import Line, forest
from clinmm.report.lines import difference_line, each
from clinmm.report.material import Material, matching
from clinmm.report.wording import (
    class_label,
    counted,
    group,
    interval,
    listing,
    metric,
    number,
    present,
    signed,
    unstopped,
    verdict,
)

MOST_GAPS = 6


def whom_it_fails(material: Material) -> Answer:
    question = "Whom does it fail?"
    if "comparisons" not in material.tables:
        return Answer(question, material.absent("comparisons"))
    if "bias_verdicts" in material.tables:
        found = told.by_attribute(material.tables["bias_verdicts"], material.arm)
        if found:
            return _concluded(material, question, found)
    rows = gaps(material)
    remarks = [*_suppressed(material), material.absent("bias_verdicts")]
    if not len(rows):
        command = f"clinmm audit {material.run.folder.name}"
        said = (
            "No group was compared with everyone else. Name columns under `sensitive` in the "
            f"cohort file, then: {command}"
        )
        return Answer(question, said, [], remarks)
    worst = rows.iloc[0]
    what = f"{metric(worst['metric'])} of {class_label(worst['class_name'])}"
    figures = (
        f"{group(worst['group_by'], worst['group'])}, {what} {signed(worst['difference'])} "
        f"against everyone else (95 % {interval(worst['low'], worst['high'])}, "
        f"{counted(worst['n_patients'], material.unit)})"
    )
    if worst["verdict"] == "worse":
        p = f", p {number(worst['p_holm'])} after Holm" if present(worst["p_holm"]) else ""
        said = f"Served worse: {figures}{p}."
    else:
        said = f"No group is shown to be served worse, after Holm. The largest gap seen: {figures}"
        said += f", {verdict(worst)}." if worst["verdict"] == "not_shown" else "."
    lines = [
        difference_line(
            row,
            f"{group(row.group_by, row.group)}: {metric(row.metric)} {class_label(row.class_name)}",
        )
        for row in each(rows.head(MOST_GAPS))
    ]
    head = (
        "Group: measure, class",
        f"{material.unit}s",
        "group − everyone else",
        "(95 %), verdict",
    )
    caption = f"The largest disadvantages of {len(rows)} seen, those with a verdict first"
    drawn = forest(caption, head, lines, reference=0.0, centred=True)
    note = (
        "AUROC: below 0 the group is served worse. Miss rate (FNR): above 0 it is. A gap that is "
        "not shown is not shown to be absent: read the intervals."
    )
    return Answer(question, said, [drawn], [note, *remarks])


def _concluded(material: Material, question: str, found: dict[str, pd.DataFrame]) -> Answer:
    """The verdict on each attribute; a gap in who is there before any in performance."""
    groups = material.tables.get("groups")
    points: list[str] = []
    lines = []
    for name, rows in found.items():
        before = sentences.before(groups, name)
        lines.append(Line(told.name_of(name), "", "", heading=True))
        lines += [_verdict_line(row) for row in each(rows)]
        points += [f"{told.name_of(name).capitalize()}. {before}".strip()] if before else []
        points += [_point(row, before) for row in each(rows)]
    head = ("Measure, group served worst", f"{material.unit}s", "group − everyone else")
    caption = "What the audit concludes of each attribute"
    drawn = forest(caption, (*head, "(95 %), verdict"), lines, reference=0.0, centred=True)
    remarks = [told.NOT_ABSENT, *_suppressed(material)]
    return Answer(question, told.lead(found), [drawn], remarks, points)


def _verdict_line(row: Any) -> Line:
    label = f"{metric(row.metric)}, {class_label(row.class_name)}"
    label += f": {told.who(row.group_by, row.group)}" if present(row.group) else ""
    if not present(row.difference):
        return Line(label, str(row.n_patients), told.verdict(row))
    said = f"{signed(row.difference)} ({interval(row.low, row.high)}), {told.verdict(row)}"
    ends = (row.difference, row.low, row.high)
    return Line(label, str(row.n_patients), said, *ends, strong=row.verdict == told.GAP_SHOWN)


def _point(row: Any, before: str) -> str:
    """The verdict in plain words, what may explain it, and cases to look at.

    before: what its sentence begins with, said once for all of the attribute.
    """
    sentence = row.sentence.removeprefix(before)
    said = f"{told.SYMBOLS[row.verdict]} {told.name_of(row.group_by)}: {sentence}"
    if present(row.cause):
        said += f" Where it may come from: {unstopped(row.cause)}."
    if present(row.case_ids):
        said += f" Cases that illustrate it: {', '.join(told.cases(row.case_ids))}."
    return said


def gaps(material: Material) -> pd.DataFrame:
    """Declared comparisons with the complement in which the group is at a disadvantage: verdict
    `worse` first, then the largest."""
    table = matching(material.tables["comparisons"], {"rival": "complement", "arm": material.arm})
    table = table[table["family"].notna()].dropna(subset=["difference"])
    good = table["metric"].map(lambda name: bool(module_of(name).HIGHER_IS_BETTER)).astype(bool)
    harm = table["difference"].where(~good, -table["difference"])
    table = table.assign(harm=harm, first=table["verdict"] != "worse")[harm > 0]
    return table.sort_values(["first", "harm"], ascending=[True, False], kind="stable")


def _suppressed(material: Material) -> list[str]:
    if not material.scored:
        return []
    rows = material.metrics(metric="auroc", arm=material.arm, group_by=None)
    rows = rows[(rows["group_by"] != "all") & (rows["status"] == "suppressed")]
    hidden: dict[str, list[Any]] = {}
    for row in each(rows[rows["class_name"] != "macro"]):
        hidden.setdefault(group(row.group_by, row.group), []).append(row)
    if not hidden and len(rows):
        hidden = {group(row.group_by, row.group): [row] for row in each(rows)}
    said = []
    for name, of in hidden.items():
        n = counted(max(row.n_patients for row in of), material.unit)
        some = 0 < len(of) < len(material.classes) and of[0].class_name != "macro"
        about = f"; {listing([class_label(row.class_name) for row in of])}" if some else ""
        said.append(f"{name} ({n}{about})")
    return [f"Too few for an AUROC: {'; '.join(said)}."] if said else []
