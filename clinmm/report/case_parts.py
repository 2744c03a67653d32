"""The parts of an example case: picture with map, note with coloured words, record with bars."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.column_patterns import record_columns
from clinmm.cohort.spec import RecordInput
from clinmm.explain.figures.pictures import slice_as_rgb
from clinmm.explain.figures.stored import inside
from clinmm.readers.stack import Stack
from clinmm.readers.stack import load as load_stack
from clinmm.report.pictures import data_uri, overlaid, pixels
from clinmm.report.wording import logit, present

FAINT = 0.04
"""Words below this part of the strongest word's score stay uncoloured."""


MOST_COLUMNS = 40
"""Columns of a record that are shown: those that moved the estimate most."""


@dataclass(frozen=True)
class Picture:
    """plain, map: data URIs; map empty where there is none or it is withheld, with the reason."""

    name: str
    plain: str
    map: str
    withheld: str


@dataclass(frozen=True)
class Piece:
    """Part of a note; kind is for, against or empty; opacity of its colour."""

    text: str
    kind: str = ""
    opacity: float = 0.0


@dataclass(frozen=True)
class Note:
    name: str
    pieces: list[Piece]
    withheld: str


@dataclass(frozen=True)
class Value:
    """One column of a record; `bar` is its score as a signed part of the largest, if scored."""

    name: str
    text: str
    unit: str
    score: str = ""
    bar: float = 0.0


@dataclass(frozen=True)
class Record:
    """rest: how many columns are not shown: not recorded, or those that said least."""

    name: str
    values: list[Value]
    withheld: str
    rest: int = 0


def picture(
    folder: Path, case: "pd.Series[Any]", name: str, arrays: dict[str, NDArray[Any]], reason: str
) -> Picture:
    path = inside(folder, str(case[f"{name}_display"]))
    if path is None:
        return Picture(name, "", "", "the display copy is not in the run")
    attribution = None if reason else arrays.get(f"{name}/map")
    stack = load_stack(path)
    if stack is None:
        plain = pixels(path)
    else:
        number = _slice_shown(stack, attribution)
        plain = slice_as_rgb(stack, number)
        attribution = None if attribution is None else stack.of_map(attribution, number)
        name = f"{name}, slice {number + 1} of {len(stack.pixels)}"
    drawn = "" if attribution is None else data_uri(overlaid(plain, attribution))
    return Picture(name, data_uri(plain), drawn, reason)


def _slice_shown(stack: Stack, attribution: NDArray[Any] | None) -> int:
    """The slice that the attributions moved most, or the middle one."""
    n = len(stack.pixels)
    if attribution is None:
        return n // 2
    of_slice = np.abs(np.nan_to_num(attribution.astype(np.float64))).sum((1, 2))
    return int(np.argmax([of_slice[int(stack.place(i) * len(of_slice))] for i in range(n)]))


def note(name: str, text: str, arrays: dict[str, NDArray[Any]], reason: str) -> Note:
    start, end, score = (arrays.get(f"{name}/{what}") for what in ("start", "end", "score"))
    if reason or start is None or end is None or score is None or not len(score):
        return Note(name, [Piece(text)], reason)
    return Note(name, pieces(text, start, end, score), "")


def pieces(text: str, start: NDArray[Any], end: NDArray[Any], score: NDArray[Any]) -> list[Piece]:
    """The note cut where the score changes; spans that overlap keep the stronger.

    Args:
        text: the note as modelled.
        start, end: (T,) character positions. score: (T,) in logits.
    """
    strongest = np.zeros(len(text))
    for begin, stop, value in zip(start, end, score, strict=True):
        part = strongest[max(int(begin), 0) : max(int(stop), 0)]
        part[np.abs(part) < abs(value)] = value
    largest = float(np.abs(strongest).max(initial=0.0)) or 1.0
    edges = (np.flatnonzero(np.diff(strongest)) + 1).tolist()
    found = []
    for begin, stop in zip([0, *edges], [*edges, len(text)], strict=True):
        weight = float(strongest[begin]) / largest if text else 0.0
        kind = "" if abs(weight) < FAINT else "for" if weight > 0 else "against"
        opacity = round(0.12 + 0.5 * abs(weight), 2) if kind else 0.0
        found.append(Piece(text[begin:stop], kind, opacity))
    return found


def record(
    name: str,
    source: RecordInput,
    case: "pd.Series[Any]",
    arrays: dict[str, NDArray[Any]],
    reason: str,
) -> Record:
    scores: dict[str, float] = {}
    columns, values = arrays.get(f"{name}/column"), arrays.get(f"{name}/score")
    if columns is not None and values is not None and not reason:
        scores = {str(c): float(v) for c, v in zip(columns, values, strict=True)}
    largest = max((abs(v) for v in scores.values()), default=0.0) or 1.0
    units = record_columns(source, case.to_dict())
    shown = _strongest({c: (present(case.get(c)), scores.get(c, 0.0)) for c in units})
    lines = []
    for column, unit in ((c, unit) for c, unit in units.items() if c in shown):
        value, score = case.get(column), scores.get(column)
        text = _plain(value) if present(value) else ""
        bar = 0.0 if score is None else round(score / largest, 3)
        said = "" if score is None else logit(score)
        lines.append(Value(column, text, unit if text else "", said, bar))
    return Record(name, lines, reason, len(units) - len(lines))


def _strongest(columns: dict[str, tuple[bool, float]]) -> set[str]:
    """The columns that are shown. columns: name -> whether it is recorded, and its score.

    Of more than fit, those that are not recorded and moved nothing are left out.
    """
    if len(columns) <= MOST_COLUMNS:
        return set(columns)
    told = {name: one for name, one in columns.items() if any(one)}
    ranked = sorted(told, key=lambda name: (-abs(told[name][1]), not told[name][0]))
    return set(ranked[:MOST_COLUMNS])


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value)
