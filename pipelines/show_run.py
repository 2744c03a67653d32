"""A scored run in a few lines: headline numbers, flags, gaps, whether there are enough patients."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm.runs import Run
from clinmm.summary import fusion_verdict, headline
from clinmm.transfer import NO_CLASSES
from clinmm.validation_size import statement
from pipelines.cli import NOTICE
from pipelines.screen import console, show

MOST_FLAGS = 8


def show_run(folder: Path) -> None:
    """Prints what an evaluated run says of itself."""
    run = Run.open(folder)
    facts = run.facts
    metrics = run.read("metrics")
    table = headline(metrics).copy()
    if "macro" in set(table["class_name"]):  # every class of the fused arm, the mean of the others
        table = table[(table["arm"] == "fused") | (table["class_name"] == "macro")]
    for name in ("auroc", "brier"):
        table[name] = table[name].str.replace(" to ", "–")
    columns = {"class_name": "class", "n_cases": "n", "n_positive": "positive"}
    show(
        table[["arm", *columns, "auroc", "brier"]].rename(columns=columns),
        f"{folder}: {facts['n_cases']} cases of {facts['n_patients']} {facts['unit_name']}s",
        f"Test cases only; 95 % intervals, clustered by {facts['unit_name']}.\n{NOTICE}",
    )
    lines = flag_lines(metrics, facts["unit_name"]) + gap_lines(run.read("comparisons"))
    if run.has("validation_size"):
        lines.append(statement(run.read("validation_size"), facts["unit_name"]))
    if facts["kind"] == "study":
        lines.append(fusion_verdict(run))
    if "transfer" in facts:
        lines.append(facts["transfer"]["sentence"])
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def flag_lines(metrics: pd.DataFrame, unit: str = "patient") -> list[str]:
    """What the intervals of calibrated numbers exclude, one line each, the largest subset first;
    means over classes aside, in which high and low risks cancel.

    metrics: schema.METRICS.
    """
    rows = metrics[metrics["flag"].notna() & (metrics["probability"] == "calibrated")]
    rows = rows[~rows["class_name"].isin(NO_CLASSES)]
    rows = rows[rows["arm"] == "fused"] if "fused" in set(rows["arm"]) else rows
    rows = rows.sort_values("n_patients", ascending=False, kind="stable")
    lines = [
        f"Flag: {_where(row)}{row['flag']}, {row['metric'].replace('_', ' ')} "
        f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f}), {row['n_patients']} {unit}s"
        for row in rows.head(MOST_FLAGS).to_dict("records")
    ]
    if more := len(rows) - len(lines):
        lines.append(f"... and {more} more flags in metrics.parquet")
    return lines


def gap_lines(comparisons: pd.DataFrame) -> list[str]:
    """Groups that were shown to be served better or worse than everybody else.

    comparisons: schema.COMPARISONS.
    """
    rows = comparisons[
        (comparisons["rival"] == "complement") & comparisons["verdict"].isin(("better", "worse"))
    ]
    rows = rows[rows["arm"] == "fused"] if "fused" in set(rows["arm"]) else rows
    return [
        f"Gap: {_where(row)}{row['verdict']} than everybody else, {row['metric']} "
        f"{row['difference']:+.3f} ({row['low']:.3f} to {row['high']:.3f})"
        for row in rows.to_dict("records")
    ]


def _where(row: dict[Hashable, Any]) -> str:
    """The class, group and pattern of a row, as words."""
    parts = [str(row["class_name"])]
    if row["group_by"] != "all":
        parts.append(f"{row['group_by']} {row['group']}")
    if row["pattern"] != "any":
        parts.append(f"with {row['pattern']}")
    return f"{', '.join(parts)}: "
