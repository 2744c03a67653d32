"""Rows of the run's tables as lines of a forest."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from clinmm.report.forest import Line
from clinmm.report.wording import estimate, interval, signed, verdict


def each(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows, columns as attributes."""
    yield from frame.itertuples(index=False)


def metric_line(row: Any, label: str, strong: bool = False) -> Line:
    """A metrics row as a line of a forest."""
    ok = row.status == "ok"
    value = row.value if ok else float("nan")
    low, high = (row.low, row.high) if ok else (float("nan"), float("nan"))
    return Line(label, str(row.n_patients), estimate(row), value, low, high, strong)


def difference_line(row: Any, label: str) -> Line:
    """A comparisons row as a line of a forest, with its verdict."""
    said = f"{signed(row.difference)} ({interval(row.low, row.high)}), {verdict(row)}"
    strong = row.verdict in ("better", "worse")
    return Line(label, str(row.n_patients), said, row.difference, row.low, row.high, strong)
