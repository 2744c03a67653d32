"""One case as the case page shows it: picture, note, signal and record, read from files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from clinmm.cohort.column_patterns import record_columns
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
    """

    name: str
    value: str
    unit: str
    score: float | None = None
    mark: float | None = None


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
) -> list[RecordRow]:
    """The record's columns in the cohort's order, with units and attributions where there are."""
    units = record_columns(RecordInput.model_validate(cohort["inputs"][name]), case.to_dict())
    rows = []
    for column, unit in units.items():
        value, key = case.get(column), str(column)
        text = "" if value is None or pd.isna(value) else plain(value)
        rows.append(RecordRow(key, text, str(unit or ""), scores.get(key), marks.get(key)))
    return rows


def plain(value: Any) -> str:
    """A value of the record as text, without zeros that say nothing."""
    return f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value)
