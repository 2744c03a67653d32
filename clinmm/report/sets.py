"""Prediction sets: what was promised, and what was measured, by class, pattern and group."""

from dataclasses import replace
from typing import Any

import pandas as pd

from clinmm.report.exhibit import Exhibit, exhibit
from clinmm.report.forest import forest
from clinmm.report.lines import each, metric_line
from clinmm.report.material import Material, matching
from clinmm.report.wording import (
    class_label,
    counted,
    estimate,
    group,
    listing,
    number,
    pattern,
    present,
    unstopped,
)

COVERAGE = {"set_coverage": "Sets that hold the truth", "set_recall": "Findings that sets hold"}
MOST_CELLS = 8


def prediction_sets(material: Material) -> Exhibit:
    heading = "Prediction sets"
    reading = (
        f"The dashed line is what was promised, for new {material.unit}s like those the sets were "
        "made on. The promise is for everyone, and for a cell only where it is promised there."
    )
    if broken := _not_exchangeable(material):
        return exhibit("sets", heading, reading, broken)
    if "prediction_sets" not in material.tables:
        return exhibit("sets", heading, reading, material.absent("prediction_sets"))
    promises = matching(material.tables["prediction_sets"], {"arm": material.arm})
    if not material.scored:
        return exhibit("sets", heading, reading, material.absent("metrics"))
    rows = material.metrics(arm=material.arm, group_by=None, pattern=None)
    measured = rows[rows["metric"].isin(list(COVERAGE))]
    if not len(measured) or not len(promises):
        return exhibit("sets", heading, reading, "No set of this arm was measured.")
    lines = []
    for row in each(measured):
        line = metric_line(row, _cell(row), strong=_kind(row) == ("all", "all"))
        told = f"{line.said}; {_promise(promises, *_kind(row))}"
        lines.append(replace(line, said=told))
    asked = float(promises["coverage"].max())
    name = COVERAGE[str(measured.iloc[0]["metric"])]
    head = ("Of whom", f"{material.unit}s", "share", "measured (95 %); promised")
    drawn = forest(name, head, lines, reference=asked)
    return exhibit("sets", heading, reading, "", said=_said(rows, promises, name), forests=[drawn])


def _not_exchangeable(material: Material) -> str:
    if "exchangeability" not in material.tables:
        return ""
    rows = matching(material.tables["exchangeability"], {"verdict": "fails"})
    if not len(rows):
        return ""
    reasons = listing([unstopped(str(reason)) for reason in dict.fromkeys(rows["reason"])])
    return f"These {material.unit}s differ from those the sets were made on, so no set: {reasons}."


def _kind(row: Any) -> tuple[str, str]:
    """(by, cell) of a metrics row, as the promises name them."""
    return ("pattern", row.pattern) if row.pattern != "any" else (row.group_by, row.group)


def _cell(row: Any) -> str:
    by, cell = _kind(row)
    if by == "all":
        return "everyone"
    if by == "class":
        return class_label(cell)
    return pattern(cell) if by == "pattern" else group(by, cell)


def _promise(promises: pd.DataFrame, by: str, cell: str) -> str:
    of = promises[(promises["by"] == by) & (promises["cell"] == cell)]
    kept = of[of["status"] == "ok"]
    if not len(kept):
        return "no promise" if len(of) else "no promise of its own"
    said = f"promised {number(kept['coverage'].iloc[0], 2)}"
    return said if len(kept) == len(of) else f"{said} in {len(kept)} of {len(of)} models"


def _said(rows: pd.DataFrame, promises: pd.DataFrame, name: str) -> str:
    whole = rows[(rows["group_by"] == "all") & (rows["pattern"] == "any")]
    said = []
    for row in each(whole[whole["metric"].isin(list(COVERAGE))].head(1)):
        flag = f": {row.flag}" if present(getattr(row, "flag", None)) else ""
        said.append(f"{name}: {estimate(row)}, {_promise(promises, 'all', 'all')}{flag}")
    for row in each(whole[whole["metric"] == "set_size"].head(1)):
        said.append(f"Classes in a set: {estimate(row)}")
    if cells := _below(rows):
        said.append(f"Flagged: {'; '.join(cells)}")
    if cells := _no_promise(promises):
        more = f" and {len(cells) - MOST_CELLS} more" if len(cells) > MOST_CELLS else ""
        said.append(f"No promise for {'; '.join(cells[:MOST_CELLS])}{more}")
    return f"{'. '.join(said)}."


def _below(rows: pd.DataFrame) -> list[str]:
    if "flag" not in rows.columns:
        return []
    parts = rows[rows["metric"].isin(list(COVERAGE)) & rows["flag"].notna()]
    return [f"{_cell(row)} {row.flag}" for row in each(parts) if _kind(row) != ("all", "all")]


def _no_promise(promises: pd.DataFrame) -> list[str]:
    """`cell (reason; k of n models)`."""
    cells = []
    for (by, cell), of in promises.groupby(["by", "cell"], sort=False):
        none = of[of["status"] == "no_promise"]
        if len(none):
            label = f"{by} {cell}" if by not in ("all", "class") else class_label(str(cell))
            models = f"{len(none)} of {counted(len(of), 'model')}"
            cells.append(f"{label} ({none.iloc[0]['reason']}; {models})")
    return cells
