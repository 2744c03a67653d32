"""What the model would have said of a case with something taken away or moved, for its figure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from clinmm.report.lines import each
from clinmm.report.wording import number, present, signed

Point = tuple[str, float]


@dataclass(frozen=True)
class WhatIf:
    """as_is: the answer to the case. answer: what it is called. without: (what is taken away, the
    answer), inputs first, then the sentence whose removal changes most. column: the column that
    moves the answer most, with `curve`, (its value, the answer), and the answer where it is not
    measured; empty where none was moved. adds: what each input adds to the answer, exact Shapley
    values over the subsets of inputs; the rest of it is there without any input."""

    as_is: float
    answer: str
    without: list[Point] = field(default_factory=list)
    column: str = ""
    curve: list[Point] = field(default_factory=list)
    unmeasured: float | None = None
    adds: list[Point] = field(default_factory=list)

    def adds_said(self) -> str:
        """The sentence of it; empty where nothing is known.

        >>> WhatIf(0.5, "risk", adds=[("image", 0.25), ("note", -0.125)]).adds_said()
        'Of the risk of 0.500, 0.375 is there without any input; image adds +0.250, note −0.125.'
        """
        if not self.adds:
            return ""
        without_any = self.as_is - sum(y for _, y in self.adds)
        each = ", ".join(
            f"{name} {'adds ' * (i == 0)}{signed(y)}" for i, (name, y) in enumerate(self.adds)
        )
        there = f"{number(without_any)} is there without any input"
        return f"Of the {self.answer} of {number(self.as_is)}, {there}; {each}."


def what_if_of(
    table: pd.DataFrame | None,
    case_id: str,
    class_name: str,
    notes: Mapping[str, str],
    answer: str = "risk",
) -> WhatIf | None:
    """Of one case and class; None where nothing was asked.

    Args:
        table: what_if.
        case_id, class_name: which rows.
        notes: input name -> note as written, to quote sentences from.
        answer: what the table's probabilities are called.
    """
    if table is None:
        return None
    rows = table[(table["case_id"] == case_id) & (table["class_name"] == class_name)]
    rows = rows.dropna(subset=["probability"])
    start = rows.loc[rows["kind"] == "as_is", "probability"].to_numpy(dtype=float)
    if not len(start):
        return None
    as_is = float(start[0])
    rows = rows.assign(moved=(rows["probability"] - as_is).abs())
    without = [
        (f"without {row.input}", float(row.probability))
        for row in each(rows[rows["kind"] == "input_removed"])
    ]
    sentences = rows[rows["kind"] == "sentence_removed"]
    if len(sentences):
        row = next(each(sentences.nlargest(1, "moved")))
        said = _quoted(notes.get(str(row.input), ""), str(row.part))
        without.append((f"without “{said}”", float(row.probability)))
    adds = [
        (str(row.input), float(row.probability)) for row in each(rows[rows["kind"] == "input_adds"])
    ]
    curves: dict[tuple[str, str], list[Point]] = {}
    lacking: dict[tuple[str, str], float] = {}
    for row in each(rows[rows["kind"] == "column_moved"]):
        at = (str(row.input), str(row.part))
        if present(row.x):
            curves.setdefault(at, []).append((str(row.x), float(row.probability)))
        else:
            lacking[at] = float(row.probability)
    if not curves:
        return WhatIf(as_is, answer, without, adds=adds)
    most = max(curves, key=lambda at: _range(curves[at]))
    return WhatIf(as_is, answer, without, most[1], curves[most], lacking.get(most), adds)


def _range(curve: list[Point]) -> float:
    answers = [y for _, y in curve]
    return max(answers) - min(answers)


def _quoted(note: str, part: str) -> str:
    """The sentence `START:END` of the note, on one line."""
    start, _, end = part.partition(":")
    if not (start.isdigit() and end.isdigit()):
        return part
    return " ".join(note[int(start) : int(end)].split())
