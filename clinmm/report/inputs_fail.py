"""If inputs fail: how the ranking falls with the share of patients whose input is lost or wrong."""

import math

import numpy as np
import pandas as pd

from clinmm.report.exhibit import Exhibit, exhibit
from clinmm.report.figures import LEFT, SIDE, TOP, Curve, Panel
from clinmm.report.material import Material, matching
from clinmm.report.wording import arm, class_label, number
from clinmm.robustness.lines import Lines, by_input


def inputs_fail(material: Material) -> Exhibit:
    heading = "If inputs fail"
    if "curves" not in material.tables:
        return exhibit("inputs_fail", heading, "", material.absent("curves"))
    where = {"kind": "robustness", "arm": "fused", "group_by": "input"}
    points = matching(material.tables["curves"], where).dropna(subset=["x", "y"])
    if not len(points):
        made = "robustness" in material.tables
        missing = "Too few cases of a class." if made else material.absent("robustness")
        return exhibit("inputs_fail", heading, "", missing)
    there = material.in_order(points["class_name"])
    name = material.headline_class if material.headline_class in there else there[0]
    inputs = by_input(points[points["class_name"] == name])
    single, level = _best_single(material, name)
    reading = (
        f"AUROC ({class_label(name)}) of the fused arm over the share of test {material.unit}s, of "
        "those who have the input, for whom it is dropped, or swapped with that of another "
        f"{material.unit}. Before calibration; {material.unit}s in random order, mean over several "
        "orders; the band is the 95 % interval of the line drawn heavy."
    )
    if not math.isnan(level):
        over = " over all findings" if len(material.classes) > 1 else ""
        reading += (
            f" Dashed: {arm(single)}, the best single input{over}, on the cases that have it "
            f"({number(level)})."
        )
    untouched = _untouched(next(iter(inputs.values())))
    said = "; ".join(f"{of} {_ends(lines)}" for of, lines in inputs.items())
    return exhibit(
        "inputs_fail",
        heading,
        reading,
        "",
        said=f"AUROC {number(untouched)} as it is. If an input fails for everyone: {said}.",
        panels=panels(inputs, level),
    )


def panels(inputs: dict[str, Lines], level: float) -> list[Panel]:
    """One panel for each input, all on one scale.

    level: of the dashed line, an AUROC; NaN for none.
    """
    whole = pd.concat([rows for lines in inputs.values() for rows in lines.values()])
    heights = [*whole[["y", "low", "high"]].to_numpy().ravel(), level]
    top = math.ceil(np.nanmax(heights) * 10) / 10
    bottom = min(math.floor(np.nanmin(heights) * 10) / 10, top - 0.1)

    def at(x: float, y: float) -> str:
        return f"{LEFT + SIDE * x:.1f},{TOP + SIDE * (top - y) / (top - bottom):.1f}"

    def path(rows: pd.DataFrame, column: str) -> list[str]:
        return [at(x, y) for x, y in zip(rows["x"], rows[column], strict=True)]

    drawn = []
    for name, lines in inputs.items():
        curves = []
        for colour, (change, rows) in enumerate(lines.items()):
            band = rows.dropna(subset=["low", "high"]) if colour == 0 else rows.head(0)
            outline = path(band, "high") + path(band, "low")[::-1]
            curves.append(Curve(change, " ".join(path(rows, "y")), colour, " ".join(outline)))
        drawn.append(
            Panel(
                title=name,
                alt=f"AUROC as {name} fails, from {number(_untouched(lines))}: {_ends(lines)}.",
                x_name="share for whom it fails",
                y_name="AUROC",
                x_ticks=[(LEFT + SIDE * x, f"{x:g}") for x in (0, 0.25, 0.5, 0.75, 1)],
                y_ticks=[
                    (TOP + SIDE * part, f"{top - part * (top - bottom):.2f}")
                    for part in (0, 0.25, 0.5, 0.75, 1)
                ],
                curves=curves,
                below=f"from {number(_untouched(lines))} to {_ends(lines)}",
                reference="" if math.isnan(level) else f"{at(0, level)} {at(1, level)}",
                legend_above=True,
            )
        )
    return drawn


def _untouched(lines: Lines) -> float:
    """The AUROC where no input fails, the same for every input and change."""
    return float(next(iter(lines.values()))["y"].iloc[0])


def _ends(lines: Lines) -> str:
    """
    >>> _ends({"dropped": pd.DataFrame({"y": [0.9, 0.8]})})
    '0.800 dropped'
    """
    return ", ".join(f"{number(rows['y'].iloc[-1])} {change}" for change, rows in lines.items())


def _best_single(material: Material, class_name: str) -> tuple[str, float]:
    """The best of the single inputs by the cases it was chosen on, and its AUROC on test cases."""
    single = material.facts.get("best_single_arm")
    if not single or not material.scored:
        return "", math.nan
    rows = material.metrics(metric="auroc", arm=single, class_name=class_name, probability="raw")
    return single, float(rows["value"].iloc[0]) if len(rows) else math.nan
