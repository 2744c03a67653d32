"""The tables of numbers: headline, operating points, inputs present."""

from typing import Any

import pandas as pd

from clinmm.intervals import MIN_PATIENTS
from clinmm.report.exhibit import MOST_CLASSES, Exhibit, Sheet, exhibit
from clinmm.report.lines import each
from clinmm.report.material import MACRO, Material, matching
from clinmm.report.wording import (
    arm,
    class_label,
    counted,
    estimate,
    metric,
    number,
    pattern,
    present,
)
from clinmm.summary import HEADLINE, headline

RATES = ("sensitivity", "specificity", "ppv", "npv")


def headline_numbers(material: Material) -> Exhibit:
    reading = (
        "AUROC and AUPRC: higher is better, and AUPRC is to be read against the share of "
        "positives. Brier score, log loss and ECE: lower is better. An input alone is scored on "
        "the cases that have it. For the mean over classes, positive counts (case, class) pairs."
    )
    sheets = []
    if material.scored:
        table = headline(material.tables["metrics"])
        measures = [name for name in HEADLINE if name in table.columns]
        rows = [
            [class_label(name), arm(row["arm"]), _sizes(row)]
            + [str(row[m]) if present(row[m]) else "–" for m in measures]
            for name in material.in_order(table["class_name"])
            for of in material.arms
            for _, row in table[(table["class_name"] == name) & (table["arm"] == of)].iterrows()
        ]
        head = ["Class", "Arm", f"cases / {material.unit}s / positive", *map(metric, measures)]
        caption = f"Calibrated estimates on test {material.unit}s, with 95 % intervals"
        sheets = [Sheet(caption, head, rows, keys=2, grouped=True)]
    missing = "" if material.scored else material.absent("metrics")
    return exhibit("numbers", "All headline numbers", reading, missing, sheets=sheets)


def operating_points(material: Material) -> Exhibit:
    reading = (
        f"A case is called at or above its threshold, which was chosen on other {material.unit}s "
        "than these. PPV and NPV hold for the prevalence of this cohort only."
    )
    sheets, missing = [], "No operating point in this run."
    if material.scored:
        rows = material.metrics(arm=material.arm)
        rows = rows[rows["operating_point"].notna() & rows["metric"].isin(RATES)]
        for point in dict.fromkeys(rows["operating_point"]):
            at = rows[rows["operating_point"] == point]
            lines = []
            for name in material.in_order(at["class_name"]):
                cells = []
                for rate in RATES:
                    one = at[(at["class_name"] == name) & (at["metric"] == rate)]
                    cells.append(next(map(estimate, each(one)), "–"))
                first = at[at["class_name"] == name].iloc[0]
                lines.append(
                    [class_label(name), _threshold(material, point, name), _sizes(first), *cells]
                )
            head = ["Class", "threshold", f"cases / {material.unit}s / positive"]
            head += [f"{metric(rate)} (95 %)" for rate in RATES]
            caption = f"Operating point “{point.replace('_', ' ')}”, {arm(material.arm)}"
            sheets.append(Sheet(caption, head, lines))
    else:
        missing = material.absent("metrics")
    return exhibit("thresholds", "At the operating points", reading, missing, sheets=sheets)


def _threshold(material: Material, point: str, class_name: str) -> str:
    if "thresholds" not in material.tables:
        return "–"
    rows = matching(
        material.tables["thresholds"],
        {"arm": material.arm, "operating_point": point, "class_name": class_name},
    ).dropna(subset=["threshold"])
    low, high = rows["threshold"].min(), rows["threshold"].max()
    if len(rows) > 1 and low != high:
        return f"{number(low)} to {number(high)}, {len(rows)} models"
    return number(low) if len(rows) else "–"


def patterns(material: Material) -> Exhibit:
    reading = (
        f"AUROC of {arm(material.arm)} for the cases in which exactly these inputs were present. "
        "Where a class or a pattern has too few, the number is suppressed and its n is given."
    )
    sheets, missing = [], "Every case had the same inputs, or what was present is not known."
    if material.scored:
        rows = material.metrics(metric="auroc", arm=material.arm, pattern=None)
        rows = rows[rows["pattern"] != "any"]
        names = material.in_order(rows["class_name"])[: MOST_CLASSES + 1]
        rows, others = enough(rows)
        largest = rows.groupby("pattern")["n_cases"].max().sort_values(ascending=False)
        lines = []
        for name in largest.index:
            of = rows[rows["pattern"] == name]
            first = of.loc[of["n_cases"].idxmax()]
            cells = [_short(of[of["class_name"] == c]) for c in names]
            lines.append([pattern(str(name)), f"{first.n_cases} / {first.n_patients}", *cells])
        head = ["Inputs present", f"cases / {material.unit}s", *map(class_label, names)]
        sheets = [Sheet("AUROC (95 %) by the inputs present", head, lines)] if lines else []
        reading, missing = f"{reading}{others}", others.strip() or missing
    else:
        missing = material.absent("metrics")
    return exhibit("patterns", "When inputs are missing", reading, missing, sheets=sheets)


def enough(rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows of patterns that enough patients have, and a sentence that counts the others.

    rows: of the metrics table. A sentence begins with a space; empty where every pattern is kept.
    """
    largest = rows.groupby("pattern")["n_patients"].max()
    few = largest.index[largest < MIN_PATIENTS]
    said = f" And {counted(len(few), 'pattern')} of fewer than {MIN_PATIENTS} patients."
    return rows[~rows["pattern"].isin(few)], said if len(few) else ""


def _short(rows: pd.DataFrame) -> str:
    if not len(rows):
        return "–"
    row = rows.iloc[0]
    if row["status"] != "ok":
        positive = "" if row["class_name"] == MACRO else f", {row['n_positive']} positive"
        return f"{row['status']} (n {row['n_patients']}{positive})"
    return estimate(row)


def _sizes(row: Any) -> str:
    return " / ".join(
        str(int(row[name])) if present(row[name]) else "–"
        for name in ("n_cases", "n_patients", "n_positive")
    )
