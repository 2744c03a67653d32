"""Where gaps may come from, in words first, with every finding behind a line that opens it."""

from typing import Any

import pandas as pd

from clinmm.fairness import told
from clinmm.report.exhibit import Exhibit, Sheet, exhibit
from clinmm.report.lines import each
from clinmm.report.material import Material
from clinmm.report.wording import interval, number, present

MOST_FOUND = 3
"""Of one attribute and kind of source; the others are behind the line that opens them."""
_HEAD = ["Source", "In words", "value (95 %)", "verdict"]


def gap_sources(material: Material) -> Exhibit:
    heading = "Where gaps may come from"
    reading = (
        "What goes together with a gap. None of it proves a cause: causes are shown by changing "
        "them. To reveal an attribute is not to use it."
    )
    if "gap_sources" not in material.tables:
        return exhibit("sources", heading, reading, material.absent("gap_sources"))
    table = material.tables["gap_sources"]
    place = {name: i for i, name in enumerate(told.SOURCES)}
    order = table["source"].map(place).fillna(len(place)).sort_values(kind="stable").index
    table = table.loc[order]
    found = table[table["verdict"] == "yes"]
    return exhibit(
        "sources",
        heading,
        reading,
        "",
        said="" if len(found) else "No source of a gap was found.",
        sheets=_sheets(found, MOST_FOUND),
        folded=_sheets(table, len(table)),
        folded_as="Everything that was looked at, found or not",
    )


def _sheets(rows: pd.DataFrame, most: int) -> list[Sheet]:
    """A table for each attribute, with so many lines of each kind of source at most."""
    sheets = []
    for name, of in rows.groupby("group_by", sort=False):
        kept = of.groupby("source", sort=False).head(most)
        caption = told.name_of(str(name)).capitalize()
        caption += f": {len(kept)} of {len(of)}" if len(kept) < len(of) else ""
        sheets.append(Sheet(caption, _HEAD, [_cells(row) for row in each(kept)]))
    return sheets


def _cells(row: Any) -> list[str]:
    heading = told.SOURCES[row.source][0] if row.source in told.SOURCES else row.source
    value = ""
    if present(row.value):
        value = f"{number(row.value)} ({interval(row.low, row.high)})"
    return [
        heading,
        str(row.sentence if present(row.sentence) else row.of),
        value,
        told.SOURCE_VERDICTS.get(row.verdict, "") if present(row.verdict) else "",
    ]
