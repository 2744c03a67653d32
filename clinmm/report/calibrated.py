"""Calibration in numbers: what is too high, too low or too extreme, and what ECE is by chance."""

import pandas as pd

from clinmm.report.exhibit import MOST_CLASSES, Exhibit, Sheet, exhibit
from clinmm.report.lines import each
from clinmm.report.material import Material, matching
from clinmm.report.wording import class_label, estimate, group, listing, metric, pattern, present

MEASURES = (
    "calibration_intercept",
    "calibration_slope",
    "observed_expected",
    "ici",
    "ece",
    "ece_if_calibrated",
)
MOST_FLAGS = 12


def calibration(material: Material) -> Exhibit:
    heading = "Calibration"
    reading = (
        "Right would be: intercept 0, slope 1, observed : expected 1, ICI 0. ECE is above 0 by "
        "chance; beside it stands its value if the estimates were exactly right. A flag says what "
        "the 95 % interval excludes."
    )
    if not material.scored:
        return exhibit("calibration", heading, reading, material.absent("metrics"))
    rows = material.metrics(arm=material.arm)
    rows = rows[rows["metric"].isin(MEASURES)]
    there = [name for name in MEASURES if name in set(rows["metric"])]
    if not set(there) - {"ece"}:
        return exhibit("calibration", heading, reading, "Not measured in this run.")
    lines = []
    for name in material.in_order(rows["class_name"])[: MOST_CLASSES + 1]:
        of = rows[rows["class_name"] == name]
        cells = [next(map(estimate, each(of[of["metric"] == m])), "–") for m in there]
        lines.append([class_label(name), *cells, _calibrators(material, name)])
    head = ["Class", *(f"{metric(name)} (95 %)" for name in there), "calibrators, models"]
    sheets = [Sheet("Calibration after calibrating", head, lines), *_flags_in_parts(material)]
    return exhibit("calibration", heading, reading, "", said=_flags(material), sheets=sheets)


def _flags(material: Material) -> str:
    """What is flagged over everyone: `risks too extreme: class, class`."""
    rows = _flagged(material)
    rows = rows[(rows["group_by"] == "all") & (rows["pattern"] == "any")]
    said = []
    for flag in dict.fromkeys(rows["flag"]):
        names = material.in_order(rows[rows["flag"] == flag]["class_name"])
        said.append(f"{str(flag).capitalize()}: {listing([class_label(name) for name in names])}.")
    return " ".join(said) or "No estimate is flagged over everyone."


def _flags_in_parts(material: Material) -> list[Sheet]:
    rows = _flagged(material)
    rows = rows[(rows["group_by"] != "all") | (rows["pattern"] != "any")]
    lines: dict[tuple[str, str], list[str]] = {}
    for row in each(rows):
        part = group(row.group_by, row.group) if row.group_by != "all" else pattern(row.pattern)
        key = (part, class_label(row.class_name))
        line = lines.setdefault(key, [*key, str(row.n_patients), row.flag])
        if row.flag not in line[3].split(", "):
            line[3] += f", {row.flag}"
    caption = "Flags in groups, and by the inputs present"
    if len(lines) > MOST_FLAGS:
        caption += f": the first {MOST_FLAGS} of {len(lines)}"
    head = ["Part", "Class", f"{material.unit}s", "flag"]
    return [Sheet(caption, head, list(lines.values())[:MOST_FLAGS], keys=2)] if lines else []


def _flagged(material: Material) -> pd.DataFrame:
    """Flagged calibration rows of single classes, of everyone and of parts."""
    rows = material.metrics(arm=material.arm, group_by=None, pattern=None)
    if "flag" not in rows.columns:
        return rows.head(0).assign(flag="")
    single = rows["class_name"].isin(material.classes)
    return rows[single & rows["metric"].isin(MEASURES) & rows["flag"].notna()]


def _calibrators(material: Material, class_name: str) -> str:
    """Each chosen calibrator with the models that chose it."""
    if "calibration" not in material.tables:
        return "–"
    rows = matching(material.tables["calibration"], {"arm": material.arm})
    rows = rows[rows["class_name"].isin((class_name, "all"))]
    counts = rows["calibrator"].value_counts(sort=False)
    text = [f"{name} {n} of {len(rows)}" for name, n in counts.items() if present(name)]
    return ", ".join(text) or "–"
