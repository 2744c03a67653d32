"""A scored run in a few lines: headline numbers, flags, gaps, whether there are enough patients."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm.runs import Run
from clinmm.summary import explained, fusion_verdict, headline
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
    shown = [name for name in ("auroc", "brier", "mae", "concordance") if name in table.columns]
    for name in shown:
        short = table[name].str.replace(" to ", "–")
        table[name] = short.str.replace(r"\b0\.", ".", regex=True)
    columns = {"class_name": "class", "n_cases": "n"}
    if "mae" not in table.columns:  # a value is not positive or negative
        columns["n_positive"] = "pos."
    show(
        table[["arm", *columns, *shown]].rename(columns=columns),
        f"{folder}: {facts['n_cases']} cases of {facts['n_patients']} {facts['unit_name']}s",
        f"Test cases only; 95 % intervals, clustered by {facts['unit_name']}.\n{NOTICE}",
    )
    lines = [fusion_verdict(run)] if facts["kind"] == "study" else []
    lines += flag_lines(metrics, facts["unit_name"]) + gap_lines(run.read("comparisons"))
    if run.has("validation_size") and len(run.read("validation_size")):
        lines.append(statement(run.read("validation_size"), facts["unit_name"]))
    if line := explained(run):
        lines.append(line)
    if "transfer" in facts:
        lines.append(facts["transfer"]["sentence"])
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def flag_lines(metrics: pd.DataFrame, unit: str = "patient") -> list[str]:
    """What the intervals of calibrated numbers exclude, one line each, the largest subset first;
    means over classes aside, in which high and low risks cancel.

    metrics: schema.METRICS.
    """
    rows = _headline_rows(metrics)
    rows = rows[rows["flag"].notna() & (rows["probability"] == "calibrated")]
    rows = rows[~rows["class_name"].isin(NO_CLASSES)]
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
    rows = _headline_rows(comparisons)
    rows = rows[(rows["rival"] == "complement") & rows["verdict"].isin(("better", "worse"))]
    return [
        f"Gap: {_where(row)}{_than_others(row)}, {row['metric']} "
        f"{row['difference']:+.3f} ({row['low']:.3f} to {row['high']:.3f})"
        for row in rows.to_dict("records")
    ]


def _headline_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The fused arm's rows; every row where the run has no such arm."""
    fused = table[table["arm"] == "fused"]
    return fused if len(fused) else table


def _than_others(row: dict[Hashable, Any]) -> str:
    if row["metric"] == "mean_error":  # has no better side
        side = "high" if row["difference"] > 0 else "low"
        return f"values too {side} compared with everybody else's"
    return f"{row['verdict']} than everybody else"


def _where(row: dict[Hashable, Any]) -> str:
    """The class, group and pattern of a row, as words."""
    parts = [str(row["class_name"])]
    if row["group_by"] != "all":
        parts.append(f"{row['group_by']} {row['group']}")
    if row["pattern"] != "any":
        parts.append(f"with {row['pattern']}")
    return f"{', '.join(parts)}: "
