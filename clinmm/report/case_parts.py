"""The parts of an example case: picture with map, note with coloured words, record with bars."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.spec import RecordInput
from clinmm.report.pictures import data_uri, overlaid, pixels
from clinmm.report.wording import logit, present

FAINT = 0.04
"""Words below this part of the strongest word's score stay uncoloured."""


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
    name: str
    values: list[Value]
    withheld: str


def inside(folder: Path, relative: str) -> Path | None:
    path = (folder / relative).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None


def picture(
    folder: Path, case: "pd.Series[Any]", name: str, arrays: dict[str, NDArray[Any]], reason: str
) -> Picture:
    path = inside(folder, str(case[f"{name}_display"]))
    if path is None:
        return Picture(name, "", "", "the display copy is not in the run")
    plain = pixels(path)
    attribution = arrays.get(f"{name}/map")
    drawn = ""
    if attribution is not None and not reason:
        drawn = data_uri(overlaid(plain, attribution))
    return Picture(name, data_uri(plain), drawn, reason)


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
    units = dict(source.numeric) | dict.fromkeys(source.categorical, "")
    lines = []
    for column, unit in units.items():
        value, score = case.get(column), scores.get(column)
        text = _plain(value) if present(value) else ""
        bar = 0.0 if score is None else round(score / largest, 3)
        said = "" if score is None else logit(score)
        lines.append(Value(column, text, unit if text else "", said, bar))
    return Record(name, lines, reason)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value)
