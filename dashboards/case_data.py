"""One case as the case page shows it: picture, note, signal and record, read from files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from clinmm.cohort.column_patterns import matching, record_columns
from clinmm.cohort.spec import RecordInput
from clinmm.errors import InputError
from clinmm.readers.curve import Curve
from clinmm.readers.curve import load as load_curve
from clinmm.readers.stack import Stack
from clinmm.readers.stack import load as load_stack

LARGEST_SIDE = 2600
"""Pictures with a longer side are thinned for the screen; the file stays as it is."""


@dataclass(frozen=True)
class Picture:
    """Pixels for the viewer: gray (height, width) uint16, or colour (height, width, 3) uint8.

    stack: of a volume, its slices; then `pixels` is (slices, height, width) uint16.
    """

    pixels: NDArray[Any]
    stack: Stack | None = None

    @property
    def mode(self) -> str:
        return "gray" if self.stack is not None or self.pixels.ndim == 2 else "rgb"


@dataclass(frozen=True)
class RecordRow:
    """One value of the record; `value` is text, empty where not measured.

    score: its attribution; mark: the part of it that is due to having been measured, or not.
    low, high: what is usual, where known; declared: whether the cohort file says so, else it is
        where the central 95 % of the run's cases lie. side: `above` or `below` of a value outside.
    """

    name: str
    value: str
    unit: str
    score: float | None = None
    mark: float | None = None
    low: float | None = None
    high: float | None = None
    declared: bool = False
    side: Literal["", "above", "below"] = ""


def inside(folder: Path, relative: str) -> Path:
    """A path within the run. Raises InputError for one that leads out of it."""
    path = (folder / relative).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError(f"{relative} leads out of the run folder; it is not read")
    return path


def picture(folder: Path, relative: str) -> Picture | None:
    """The display copy of an image; None where the case has none or the file is gone."""
    if not relative or not (path := inside(folder, relative)).is_file():
        return None
    if (stack := load_stack(path)) is not None:
        return Picture(stack.pixels, stack)
    with Image.open(path) as opened:
        if opened.mode.startswith("I") or opened.mode in ("L", "1"):
            pixels = np.asarray(opened.convert("L") if opened.mode == "1" else opened)
            pixels = np.clip(pixels, 0, 65535).astype(np.uint16)
        else:
            pixels = np.asarray(opened.convert("RGB"))
    step = -(-max(pixels.shape[:2]) // LARGEST_SIDE)
    return Picture(np.ascontiguousarray(pixels[::step, ::step]))


def curve(folder: Path, relative: str) -> Curve | None:
    """The curve of a signal; None where the case has none or the file is gone."""
    if not relative or not (path := inside(folder, relative)).is_file():
        return None
    return load_curve(path)


def names_of_kind(cohort: Mapping[str, Any], kind: str) -> list[str]:
    """Names of the cohort's inputs of one kind, in its order."""
    return [name for name, one in cohort["inputs"].items() if one.get("kind") == kind]


def note_text(case: "pd.Series[Any]", cohort: Mapping[str, Any], name: str) -> str:
    """The note as the run keeps it; empty where there is none."""
    column = cohort["inputs"][name].get("column", name)
    for candidate in (column, name):
        if candidate in case.index and pd.notna(case[candidate]):
            return str(case[candidate])
    return ""


def strongest(rows: list[RecordRow], most: int = 40) -> list[RecordRow]:
    """At most so many rows, those that moved the estimate most, in the order given.

    Of more rows than that, those that are not recorded and moved nothing are left out.
    """
    if len(rows) <= most:
        return rows
    told = [i for i, row in enumerate(rows) if row.value or row.score]
    ranked = sorted(told, key=lambda i: (-abs(rows[i].score or 0.0), not rows[i].value))[:most]
    return [rows[i] for i in sorted(ranked)]


def record_rows(
    case: "pd.Series[Any]",
    cohort: Mapping[str, Any],
    name: str,
    scores: Mapping[str, float] = MappingProxyType({}),
    marks: Mapping[str, float] = MappingProxyType({}),
    spread: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> list[RecordRow]:
    """The record's columns in the cohort's order, with units, reference ranges and attributions.

    spread: `cohort_spread` of the run; stands where the cohort file declares no reference.
    """
    source = RecordInput.model_validate(cohort["inputs"][name])
    units = record_columns(source, case.to_dict())
    declared = {
        column: ends
        for said, ends in source.references.items()
        for column in ([said] if said in units else matching(said, units))
    }
    rows = []
    for column, unit in units.items():
        value, key = case.get(column), str(column)
        text = "" if value is None or pd.isna(value) else plain(value)
        low, high = declared.get(column) or spread.get(column) or (None, None)
        rows.append(
            RecordRow(
                key,
                text,
                str(unit or ""),
                scores.get(key),
                marks.get(key),
                low,
                high,
                column in declared,
                _side(value, low, high),
            )
        )
    return rows


def _side(value: Any, low: float | None, high: float | None) -> Literal["", "above", "below"]:
    """On which side of the range a number lies; its ends belong to it."""
    if low is None or high is None or not isinstance(value, (int, float, np.number)):
        return ""
    return "above" if value > high else "below" if value < low else ""


def cohort_spread(
    cases: pd.DataFrame, columns: Iterable[str], least: int = 40
) -> dict[str, tuple[float, float]]:
    """Where the central 95 % of the cases lie, of the numeric columns: two values that were
    measured, to four digits.

    Args:
        cases: the run's case table.
        columns: of the record; those that are no numbers, not there, or the same in nearly every
            case are left out.
        least: measured values that a column needs; a tail of 2.5 % of fewer is less than one.

    >>> cohort_spread(pd.DataFrame({"age": range(81)}), ["age"])
    {'age': (2.0, 78.0)}
    """
    there = [name for name in columns if name in cases.columns]
    numbers = cases[there].select_dtypes("number")
    numbers = numbers.loc[:, numbers.count() >= least]
    if not numbers.shape[1]:
        return {}
    low, high = numbers.quantile([0.025, 0.975], interpolation="nearest").astype(float).to_numpy()
    ends = {
        str(name): (float(f"{first:.4g}"), float(f"{last:.4g}"))
        for name, first, last in zip(numbers.columns, low, high, strict=True)
    }
    return {name: (first, last) for name, (first, last) in ends.items() if first < last}


def plain(value: Any) -> str:
    """A value of the record as text, without zeros that say nothing."""
    return f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value)
