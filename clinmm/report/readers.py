"""What readers do with the model: the results of each reading study that is on file.

Readers are numbered, not named: the page travels further than the table.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from clinmm.report.exhibit import MOST_CLASSES, Exhibit, Sheet, exhibit
from clinmm.report.forest import Forest, Line, forest
from clinmm.report.lines import each, metric_line
from clinmm.report.material import MACRO, Material, matching
from clinmm.report.wording import (
    class_label,
    counted,
    estimate,
    group,
    interval,
    metric,
    signed,
)
from clinmm.review.results.families import SHARED, p_said, shown

MEASURES = ("auroc", "accuracy", "mean_absolute_error", "sensitivity")
"""The first that a study has is told."""

STEPS = {"alone": "readers alone", "with_model": "with the model", "model": "the model alone"}
COEFFICIENTS = {
    "cohen_kappa": "Cohen's kappa",
    "fleiss_kappa": "Fleiss' kappa",
    "gwet_ac1": "AC1",
    "krippendorff_alpha": "Krippendorff's alpha",
}
SCALES = {"nominal": "of the call", "ordinal": "of the rating", "interval": "of the value"}
NET = "helped_less_harmed"
FOLDED = "Each reader, each group, and the other measures"


def readers(material: Material) -> list[Exhibit]:
    """One exhibit for each reading study with results; none where there is none."""
    results, agreement = (
        material.tables.get(name) for name in ("reading_results", "reading_agreement")
    )
    if results is None:
        return []
    found = []
    for at, (study, rows) in enumerate(results.groupby("study", sort=False)):
        agreed = agreement[agreement["study"] == study] if agreement is not None else None
        found.append(_study(material, f"readers{at or ''}", str(study), rows, agreed))
    return found


def _study(
    material: Material, anchor: str, study: str, rows: pd.DataFrame, agreed: pd.DataFrame | None
) -> Exhibit:
    whole = matching(rows, {"arm": "all", "group_by": "all"})
    means = whole[whole["reader"].isin(["all", "model"])]
    measure = next((name for name in MEASURES if name in set(means["metric"])), MEASURES[0])
    of = matching(means, {"metric": measure})
    names = _in_order(material, of["class_name"])
    arms = matching(rows, {"step": "arms", "metric": measure})
    differences = _differences(material, of, arms, names, measure)
    sheets = [
        _changed(material, means),
        *([_agreement(material, agreed)] if agreed is not None else []),
    ]
    folded = [
        _each_reader(material, whole, measure, names),
        _groups(material, rows, measure, names),
        _others(material, means, measure),
    ]
    return exhibit(
        anchor,
        f"What readers do with the model: {study}",
        _reading(material, bool(len(arms))),
        "No reading is finished yet.",
        said=" ".join(_said(material, means, of, arms, names)),
        folded_as=FOLDED,
        forests=[_forest(material, of, names, measure), *differences],
        sheets=[sheet for sheet in sheets if sheet.rows],
        folded=[sheet for sheet in folded if sheet.rows],
    )


def _said(
    material: Material,
    means: pd.DataFrame,
    of: pd.DataFrame,
    arms: pd.DataFrame,
    names: list[str],
) -> Iterator[str]:
    """Helped and harmed, followed where it was wrong, and how good readers are with it."""
    if not names:
        return
    head = matching(of, {"class_name": names[0]}).drop_duplicates("step")
    by_step = {row.step: row for row in each(head)}
    gain = by_step.get("gain")
    if gain is not None and gain.status == "ok":
        yield _verdict(gain)
    which = f" ({_class(names[0])})" if len(names) > 1 else ""
    told = [f"{said} {estimate(by_step[step])}" for step, said in STEPS.items() if step in by_step]
    if told:
        yield f"{metric(str(head['metric'].iloc[0]))}{which}: {', '.join(told)}."
    gains = matching(means, {"step": "gain"})
    helped, harmed = (matching(gains, {"metric": name}) for name in ("helped", "harmed"))
    if len(helped):
        what = "readings" if len(helped) == 1 else "answers about a finding"
        size = f"{helped['n_cases'].max()} cases, {counted(helped['n_readers'].max(), 'reader')}"
        yield (
            f"Once the model was shown, {helped['value'].sum():.0f} {what} became right and "
            f"{harmed['value'].sum():.0f} became wrong ({size})."
        )
    for wrong in each(matching(gains, {"metric": "followed_wrong"})):
        if wrong.status == "ok" and len(helped) == 1:
            yield (
                f"Where the model was wrong and the reader right, {estimate(wrong)} of the "
                "readings went over to it."
            )
    for row in each(arms):
        if row.status == "ok" and row.class_name == names[0]:
            yield f"Of the arms, {_arms(row.arm)}: {_difference(row)}; {_cases(row)}."


def _verdict(gain: Any) -> str:
    """Whether readers are better with the model."""
    if not shown(gain):
        return "No difference with the model is shown."
    better = (gain.value > 0) != (gain.metric == "mean_absolute_error")
    return f"Readers are {'better' if better else 'worse'} with the model."


def _forest(material: Material, of: pd.DataFrame, names: list[str], measure: str) -> Forest:
    """Readers alone, with the model, and the model alone, class by class."""
    lines = []
    for name in names[: MOST_CLASSES + 1]:
        rows = {row.step: row for row in each(matching(of, {"class_name": name}))}
        if len(names) > 1:
            lines.append(Line(_class(name), "", "", heading=True))
        for step, said in STEPS.items():
            if step in rows:
                line = metric_line(rows[step], said, strong=step == "with_model")
                lines.append(line.standing_back() if step == "model" else line)
    head = ("Who", f"{material.unit}s", f"{metric(measure)}, 95 % interval", "value (95 %)")
    caption = f"{metric(measure)}, mean over readers"
    return forest(caption, head, lines, reference=0.5 if measure == "auroc" else None)


def _differences(
    material: Material, of: pd.DataFrame, arms: pd.DataFrame, names: list[str], measure: str
) -> Iterator[Forest]:
    """With the model less alone, and one arm less another."""
    head = ("Difference", f"{material.unit}s", "difference, 95 % interval", "difference (95 %), p")
    gains = matching(of, {"step": "gain"})
    for rows, caption, by_arm in (
        (gains, f"{metric(measure)}: with the model less alone, the same readings", False),
        (arms, f"{metric(measure)}: one arm less another, other readings", True),
    ):
        rows = rows[rows["class_name"].isin(names[: MOST_CLASSES + 1])]
        lines = [
            Line(
                f"{_arms(row.arm)}, {_class(row.class_name)}" if by_arm else _class(row.class_name),
                str(row.n_patients),
                _difference(row),
                row.value,
                row.low,
                row.high,
                strong=shown(row),
            )
            for name in names
            for row in each(matching(rows, {"class_name": name}))
        ]
        if lines:
            yield forest(caption, head, lines, reference=0.0, centred=True)


def _difference(row: Any) -> str:
    if row.status != "ok":
        return str(estimate(row))
    said = f"{signed(row.value)} ({interval(row.low, row.high)})"
    p = p_said(row)
    return f"{said}, {p}" if p else said


def _changed(material: Material, means: pd.DataFrame) -> Sheet:
    """What became of the readings once the model was shown, class by class."""
    lines = []
    for name in _by_class(material, means, "helped"):
        rows = {
            row.metric: row for row in each(matching(means, {"class_name": name, "step": "gain"}))
        }
        cells = [str(int(rows[one].value)) for one in ("helped", "harmed", "changed")]
        net = _difference(rows[NET]) if NET in rows else "–"
        wrong, right = (
            estimate(rows[one]) if one in rows else "–"
            for one in ("followed_wrong", "followed_right")
        )
        counts = rows["helped"]
        size = f"{counts.n_cases} / {counts.n_patients} / {counts.n_readers}"
        lines.append([_class(name), size, *cells, net, wrong, right])
    head = [
        "Finding",
        f"cases / {material.unit}s / readers",
        "became right",
        "became wrong",
        "changed",
        "right less wrong, of the readings (95 %), p",
        "followed where the model was wrong (95 %)",
        "followed where it was right (95 %)",
    ]
    return Sheet("Once the model was shown", head, lines)


def _agreement(material: Material, table: pd.DataFrame) -> Sheet:
    """Of all readers, alone and with the model."""
    of_all = matching(table, {"between": "all"})
    lines = []
    for name in _in_order(material, of_all["class_name"]):
        rows = matching(of_all, {"class_name": name})
        for (scale, coefficient), both in rows.groupby(["scale", "coefficient"], sort=False):
            cells = [
                next(map(estimate, each(matching(both, {"step": step}))), "–")
                for step in ("alone", "with_model")
            ]
            said = f"{COEFFICIENTS[str(coefficient)]} {SCALES[str(scale)]}"
            lines.append([_class(name), said, str(int(both["n_cases"].max())), *cells])
    head = ["", "Coefficient", "cases", "alone (95 %)", "with the model (95 %)"]
    return Sheet("Agreement of all readers", head, lines, keys=2, grouped=True)


def _each_reader(material: Material, whole: pd.DataFrame, measure: str, names: list[str]) -> Sheet:
    """Readers one by one, by number."""
    rows = matching(whole, {"metric": measure})
    rows = rows[~rows["reader"].isin(["all", "model"])]
    number_of = {name: f"reader {i}" for i, name in enumerate(sorted(set(rows["reader"])), 1)}
    lines = []
    for name in names[: MOST_CLASSES + 1]:
        of_class = matching(rows, {"class_name": name})
        for reader, of in of_class.groupby("reader", sort=True):
            by_step = {row.step: row for row in each(of)}
            cells = [_cell(by_step.get(step)) for step in ("alone", "with_model", "gain")]
            n = str(int(of["n_cases"].max()))
            lines.append([_class(name), number_of[str(reader)], n, *cells])
    head = ["", "Reader", "cases", "alone (95 %)", "with the model (95 %)", "difference (95 %)"]
    return Sheet(f"{metric(measure)} of each reader", head, lines, keys=2, grouped=True)


def _groups(material: Material, rows: pd.DataFrame, measure: str, names: list[str]) -> Sheet:
    """The mean over readers in each group of the cases, for the class told first."""
    rows = matching(
        rows, {"arm": "all", "metric": measure, "class_name": names[0] if names else ""}
    )
    rows = rows[(rows["group_by"] != "all") & rows["reader"].isin(["all", "model"])]
    lines, too_few = [], []
    for (by, value), of in rows.groupby(["group_by", "group"], sort=False):
        if not (of["status"] == "ok").any():
            too_few.append(group(str(by), str(value)))
            continue
        by_step = {row.step: row for row in each(of)}
        cells = [_cell(by_step.get(step)) for step in (*STEPS, "gain")]
        lines.append([group(str(by), str(value)), str(int(of["n_patients"].max())), *cells])
    head = [
        "Group",
        f"{material.unit}s",
        *(f"{said} (95 %)" for said in STEPS.values()),
        "gain (95 %)",
    ]
    caption = f"{metric(measure)} by group, mean over readers"
    if too_few:
        caption += f"; too few {material.unit}s: {', '.join(too_few)}"
    return Sheet(caption, head, lines)


def _others(material: Material, means: pd.DataFrame, measure: str) -> Sheet:
    """The other measures of how good answers are, mean over readers."""
    steps = (*STEPS, "gain")
    found = means[means["step"].isin(["alone", "with_model"])]
    measures = [name for name in dict.fromkeys(found["metric"]) if name not in (measure, "seconds")]
    lines = []
    for name in measures:
        rows = matching(means, {"metric": name})
        for class_name in _in_order(material, rows["class_name"])[: MOST_CLASSES + 1]:
            by_step = {row.step: row for row in each(matching(rows, {"class_name": class_name}))}
            label = _class(class_name) if class_name != "all" else "every reading"
            lines.append([metric(name), label, *(_cell(by_step.get(step)) for step in steps)])
    head = ["", "Finding", *(f"{said} (95 %)" for said in STEPS.values()), "difference (95 %), p"]
    return Sheet("Other measures, mean over readers", head, lines, keys=2, grouped=True)


def _cell(row: Any) -> str:
    if row is None:
        return "–"
    return _difference(row) if row.step == "gain" else str(estimate(row))


def _by_class(material: Material, rows: pd.DataFrame, name: str) -> list[str]:
    """The classes that have this metric, in order."""
    there = rows.loc[rows["metric"] == name, "class_name"]
    return _in_order(material, there)[:MOST_CLASSES]


def _in_order(material: Material, there: "pd.Series[str]") -> list[str]:
    """The mean first, then the choice among all, then the classes."""
    known = set(there)
    order = [MACRO, "all", *material.classes, *sorted(known)]
    return [name for name in dict.fromkeys(order) if name in known]


def _class(name: str) -> str:
    return "choice among all" if name == "all" else class_label(name)


def _arms(name: str) -> str:
    return name.replace("_", " ")


def _cases(row: Any) -> str:
    """What the two arms of a comparison have in common, as the interval knows it."""
    return " on ".join(one for one in str(row.interval).split(", ") if one.endswith(SHARED))


def _reading(material: Material, arms: bool) -> str:
    said = (
        "Alone: the opinion locked before the model was seen. With the model: the final answer. "
        f"Intervals of all readers hold for other readers and other {material.unit}s; right less "
        f"wrong is of these readers, tested exactly by {material.unit}. An adjusted p counts the "
        "findings and their mean; an exploratory one is adjusted for nothing. Kappa falls where a "
        "finding is rare although readers agree; AC1 does not. Rates are those of all cases that "
        "could be drawn; counts are of the cases read. Readers are numbered, by name; the table of "
        "the run has the names."
    )
    if arms:
        said += (
            " Arms were drawn by lot: a difference between two compares readings of different "
            "cases or by different readers, and its interval holds the luck of that draw."
        )
    return said
