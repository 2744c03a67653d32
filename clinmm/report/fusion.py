"""Was fusion worth it: what the report opens with."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from clinmm.arms import FUSED
from clinmm.report import figures
from clinmm.report.exhibit import MOST_CLASSES, Exhibit, Sheet, exhibit
from clinmm.report.forest import Forest, Line, forest
from clinmm.report.lines import each, metric_line
from clinmm.report.material import MACRO, Material, matching
from clinmm.report.values import is_of_values
from clinmm.report.wording import (
    arm,
    class_label,
    estimate,
    interval,
    metric,
    number,
    pattern,
    present,
    signed,
    verdict,
)
from clinmm.summary import fusion_verdict
from clinmm.worth_it.populations import EVERYONE, HAVE_RIVAL
from clinmm.worth_it.shown import grouped, question, who
from clinmm.worth_it.training import dominant, over_epochs


def fusion(material: Material) -> list[Exhibit]:
    """Whether fusion was worth it, and how far each input trained where that was written down."""
    if material.kind != "study":
        return []
    return [_worth_it(material), *_trained(material)]


def _worth_it(material: Material) -> Exhibit:
    reading = (
        "Every other arm was trained alone on the same folds and budget. The best other was chosen "
        f"on other {material.unit}s than these, and it alone gets a verdict, adjusted after Holm "
        "over the two tables. Differences are fused less the other, on the cases that both have."
    )
    heading = question(len(material.facts.get("inputs") or {}))
    table = material.tables.get("worth_it")
    if table is None:
        return exhibit("fusion", heading, reading, fusion_verdict(material.run))
    whole = matching(table, {"pattern": "any"})
    head = _head(material, whole)
    drawn = [_forest(material, head)]
    sheets = [_sheet(material, name, rows) for name, rows in _populations(head)]
    folded = [sheet for name, rows in _populations(table) for sheet in _parts(material, name, rows)]
    said = fusion_verdict(material.run)
    return exhibit(
        "fusion", heading, reading, "", said=said, forests=drawn, sheets=sheets, folded=folded
    )


def _head(material: Material, rows: pd.DataFrame) -> pd.DataFrame:
    """The mean over classes, or the one class."""
    several = rows["class_name"].eq(MACRO).any()
    return matching(rows, {"class_name": MACRO if several else material.classes[0]})


def _populations(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for name in (HAVE_RIVAL, EVERYONE):
        of = matching(rows, {"population": name})
        if len(of):
            yield name, of


def _forest(material: Material, head: pd.DataFrame) -> Forest:
    """Every arm among those who have the rival's inputs; fused and its rival stand out."""
    first = str(head["metric"].iloc[0])
    rows = matching(head, {"population": HAVE_RIVAL, "metric": first})
    by_arm = {row.arm: row for row in each(rows)}
    lines = []
    for heading, names in grouped(by_arm).items():
        lines.append(Line(heading, "", "", heading=True))
        for name in names:
            role = by_arm[name].role if present(by_arm[name].role) else ""
            label = arm(name) + (", the best other" if role == "rival" else "")
            line = metric_line(by_arm[name], label, strong=role == "fused")
            lines.append(line if role else line.standing_back())
    which = class_label(str(head["class_name"].iloc[0]))
    caption = f"{metric(first)} of every arm, {which}, {_who(material, HAVE_RIVAL)}"
    titles = (
        "Arm",
        f"{material.unit}s",
        f"{metric(first)}, 95 % interval",
        f"{metric(first)} (95 %)",
    )
    return forest(caption, titles, lines, reference=0.5 if first == "auroc" else None)


def _sheet(material: Material, population: str, rows: pd.DataFrame) -> Sheet:
    """Every arm by the measure that is judged, and the fused arm less it."""
    measure = str(rows["metric"].iloc[0])
    by_arm = {row.arm: row for row in each(matching(rows, {"metric": measure}))}
    lines = [
        [heading, arm(name), _sizes(by_arm[name]), estimate(by_arm[name]), *_gap(by_arm[name])]
        for heading, names in grouped(by_arm).items()
        for name in names
    ]
    these = _who(material, population)
    head = ["", "Arm", f"cases / {material.unit}s", metric(measure), "fused − arm", "p", "verdict"]
    return Sheet(f"{these[:1].upper()}{these[1:]}", head, lines, keys=2, grouped=True)


def _parts(material: Material, population: str, rows: pd.DataFrame) -> Iterator[Sheet]:
    """By the other measures; and by class and by the inputs present, by the first."""
    these = _who(material, population)
    measures = list(dict.fromkeys(rows["metric"]))
    whole = matching(_head(material, rows), {"pattern": "any"})
    others = {metric(name): matching(whole, {"metric": name}) for name in measures[1:]}
    yield _one_after_another(material, f"By other measures, {these}", "value", others)
    rows = matching(rows, {"metric": measures[0]})
    whole, head = matching(rows, {"pattern": "any"}), _head(material, rows)
    classes = [name for name in material.in_order(whole["class_name"]) if name != MACRO]
    if len(classes) > 1:
        of_class = {
            class_label(n): matching(whole, {"class_name": n}) for n in classes[:MOST_CLASSES]
        }
        yield _one_after_another(material, f"By class, {these}", metric(measures[0]), of_class)
    patterns = [name for name in dict.fromkeys(head["pattern"]) if name != "any"]
    if patterns:
        of_pattern = {pattern(name): matching(head, {"pattern": name}) for name in patterns}
        yield _one_after_another(
            material, f"By the inputs present, {these}", metric(measures[0]), of_pattern
        )


def _one_after_another(
    material: Material, caption: str, value: str, parts: dict[str, pd.DataFrame]
) -> Sheet:
    lines = [
        [label, arm(row.arm), _sizes(row), estimate(row), *_gap(row)]
        for label, rows in parts.items()
        for row in each(rows)
    ]
    head = ["", "Arm", f"cases / {material.unit}s", value, "fused − arm", "p", "verdict"]
    return Sheet(caption, head, lines, keys=2, grouped=True)


def _gap(row: Any) -> list[str]:
    """Difference with its interval, p and verdict; dashes for the fused arm itself."""
    if row.arm == FUSED:
        return ["", "", ""]
    if not present(row.difference) or not present(row.p):
        return ["–", "–", "too few to tell"]
    ends = interval(row.difference_low, row.difference_high)
    p = f"{number(row.p_holm)} (Holm)" if present(row.p_holm) else number(row.p)
    said = "" if row.verdict == "exploratory" else verdict(row)
    return [f"{signed(row.difference)} ({ends})", p, said]


def _who(material: Material, population: str) -> str:
    return who(population, material.unit, of_values=is_of_values(material))


def _sizes(row: Any) -> str:
    return f"{row.n_cases} / {row.n_patients}"


def _trained(material: Material) -> Iterator[Exhibit]:
    if "training_inputs" not in material.tables:
        return
    table = material.tables["training_inputs"]
    points = over_epochs(table)
    if points.empty:
        return
    reading = (
        "Loss on validate of the head on each input alone while all inputs were trained together: "
        "the mean of all models, and the band of the middle 80 % of them. A model that stopped "
        "keeps its last loss."
    )
    panels = figures.over_epochs(
        {name: points[points["input"] == name] for name in dict.fromkeys(points["input"])}
    )
    yield exhibit(
        "trained", "How far each input trained", reading, "", said=dominant(table), panels=panels
    )
