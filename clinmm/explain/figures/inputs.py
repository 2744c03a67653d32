"""One input of a case, as a figure shows it, from what the run keeps of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.column_patterns import record_columns
from clinmm.explain.figures.maps import of_the_strongest, patch_sums
from clinmm.explain.figures.shown import Input, Value
from clinmm.explain.figures.stored import arrays_of, inside, method_says, withheld
from clinmm.readers.curve import load as load_curve
from clinmm.readers.stack import Stack
from clinmm.readers.stack import load as load_stack
from clinmm.report.wording import method_name, present


def input_of(
    folder: Path,
    name: str,
    source: Any,
    case: "pd.Series[Any]",
    rows: pd.DataFrame,
    method: str,
) -> Input | None:
    """The input as it is drawn, or None where the case lacks it.

    Args:
        folder: of the run.
        source: the cohort file's entry for the input.
        case: row of the cases table.
        rows: of the explanations table, one case, class, method and input; none where the method
            says nothing of the input.
    """
    file = _copy(folder, case.get(f"{name}_display"))
    text = case.get(source.column) if source.kind == "note" else None
    values = _values(source, case) if source.kind == "record" else []
    there = present(file) or present(text) or any(value.text for value in values)
    if not len(rows) and not there:
        return None
    why, arrays = f"{method_name(method)} says nothing of this input", {}
    if len(rows) and not (why := withheld(rows)):
        arrays = arrays_of(folder, str(rows["file"].iloc[0]), name)
    if not (in_logits := method_says(method, "IN_LOGITS")):
        arrays = of_the_strongest(arrays)
    if source.kind == "image":
        drawn = arrays.get("map")
        if drawn is not None:
            drawn = patch_sums(drawn) if in_logits else drawn
        return Input(name, source.kind, why, arrays, drawn, _picture(file))
    if source.kind == "signal":
        curve = None if file is None else load_curve(file)
        return Input(name, source.kind, why, arrays, curve=curve)
    if source.kind == "note":
        return Input(name, source.kind, why, arrays, text=str(text)) if present(text) else None
    return Input(name, source.kind, why, arrays, values=_scored(values, arrays))


def _copy(folder: Path, relative: Any) -> Path | None:
    return inside(folder, str(relative)) if present(relative) else None


def _picture(file: Path | None) -> NDArray[Any] | Stack | None:
    """A display copy: (H, W) float from 0 (black) to 1, (H, W, 3) uint8, or a volume's slices."""
    from PIL import Image

    if file is None:
        return None
    if (stack := load_stack(file)) is not None:
        return stack
    with Image.open(file) as opened:
        if opened.mode.startswith(("I", "F")):
            grey = np.asarray(opened, dtype=np.float64)
            low, high = float(grey.min()), float(grey.max())
            return (grey - low) / (high - low if high > low else 1.0)
        if opened.mode in ("L", "1"):
            return np.asarray(opened.convert("L"), dtype=np.float64) / 255
        return np.asarray(opened.convert("RGB"), dtype=np.uint8)


def _values(source: Any, case: "pd.Series[Any]") -> list[Value]:
    """The record's columns as they were measured."""
    values = []
    for column, unit in record_columns(source, case.to_dict()).items():
        cell = case.get(column)
        text = f"{_plain(cell)} {unit or ''}".strip() if present(cell) else ""
        values.append(Value(str(column), text, None))
    return values


def _scored(values: list[Value], arrays: dict[str, NDArray[Any]]) -> list[Value]:
    """The same with what each adds, those that moved the estimate most first."""
    columns, scores = arrays.get("column", np.array([])), arrays.get("score", np.array([]))
    marks = arrays.get("mark", np.zeros(len(columns)))
    found = {
        str(column): (float(score), float(mark))
        for column, score, mark in zip(columns, scores, marks, strict=True)
    }
    scored = [Value(v.name, v.text, *found.get(v.name, (None, 0.0))) for v in values]
    return sorted(scored, key=lambda one: (-abs(one.score or 0.0), not one.text))


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value)
