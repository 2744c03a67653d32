"""A case with one thing about it otherwise: an input, a sentence or a column."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from clinmm.cohort.record_rows import rows_of
from clinmm.explain.joint import Joint
from clinmm.explain.parts.sentences import sentences_of
from clinmm.explain.what_if.most_moving import most_moving
from clinmm.explain.what_if.ranges import PlausibleRanges
from clinmm.folds import as_modelled

MOST_COLUMNS = 20
"""Columns of a record that are moved; of more, those that move the answer most."""


class Variant(NamedTuple):
    """kind, input, part, x: as in schema.WHAT_IF. raw: the input's value in it; None: the case
    lacks the input."""

    kind: str
    input: str | None = None
    part: str | None = None
    x: str | None = None
    raw: Any = None


def variants_of(joints: Sequence[Joint], ranges: PlausibleRanges) -> list[Variant]:
    """The case as it is, then everything that is changed, input by input."""
    joint = joints[0]
    variants = [Variant("as_is")]
    for name in joint.names:
        variants.append(Variant("input_removed", name))
        if joint.kind(name) == "note":
            variants += sentences_removed(name, joint.given[name])
        elif joint.kind(name) == "record":
            columns = most_moving(joints, name, ranges, MOST_COLUMNS)
            variants += columns_moved(name, joint.given[name], ranges, columns)
    return variants


def sentences_removed(name: str, note: str) -> Iterator[Variant]:
    """Each sentence cut out of the note as given; words are hidden in what is left of it."""
    for start, end in sentences_of(note):
        left = note[:start] + note[end:]
        part = f"{start}:{end}"
        yield Variant("sentence_removed", name, part, raw=left if left.strip() else None)


def columns_moved(
    name: str, row: Mapping[str, Any], ranges: PlausibleRanges, columns: Sequence[str]
) -> list[Variant]:
    """Each of the columns at each of its values, then not recorded; the others as they are."""
    numeric, categorical = ranges.numeric[name], ranges.categorical[name]
    moves: list[tuple[str, float | str | None, str | None]] = []
    for column in columns:
        if column in numeric:
            moves += [(column, value, f"{value:g}") for value in numeric[column]]
        else:
            moves += [(column, value, value) for value in categorical[column]]
        moves.append((column, None, None))
    rows = with_cells(row, [{column: value} for column, value, _ in moves], list(numeric))
    recorded = {column for column in row if not pd.isna(row[column])}
    return [
        # A record without any cell is none.
        Variant("column_moved", name, c, x, None if x is None and recorded <= {c} else changed)
        for (c, _, x), changed in zip(moves, rows, strict=True)
    ]


def with_cells(
    row: Mapping[str, Any], changes: Sequence[Mapping[str, Any]], numeric: Sequence[str]
) -> Sequence[Mapping[str, Any]]:
    """The row with some cells changed, once for each of the changes; None is not recorded."""
    is_number = set(numeric)
    words = [column for column in row if column not in is_number]
    numbers = np.array([_number(row[column]) for column in numeric], dtype=np.float64)
    frame = pd.DataFrame(np.tile(numbers, (len(changes), 1)), columns=list(numeric)).join(
        pd.DataFrame(
            [[row[column] for column in words]] * len(changes), columns=words, dtype=object
        )
    )
    place = {column: i for i, column in enumerate(frame)}
    for at, change in enumerate(changes):
        for column, value in change.items():
            frame.iat[at, place[column]] = (
                np.nan if value is None and column in is_number else value
            )
    return rows_of(frame)


def answers_to(joint: Joint, variants: Sequence[Variant]) -> NDArray[np.float64]:
    """(S, K) logits. Variants of one input follow each other; it is encoded in one go."""
    places = {name: i for i, name in enumerate(joint.models[0].names)}
    answers = []
    for name, group in groupby(variants, key=lambda variant: variant.input):
        some = list(group)
        asked = joint.present.repeat(len(some), 1)
        changed = {}
        if name is not None:
            here = [variant.raw for variant in some if variant.raw is not None]
            there = torch.tensor([variant.raw is not None for variant in some])
            asked[:, places[name]] = there
            if here:
                prepared = joint.prepared(name, as_modelled(here, {"mask": joint.mask[name]}))
                row_of = torch.cumsum(there, 0).sub(1).clamp_min(0)
                changed = {name: {key: t[row_of] for key, t in prepared.items()}}
        answers.append(joint.answers_with(changed, asked).numpy().astype(np.float64))
    return np.concatenate(answers)


def _number(cell: Any) -> float:
    return float("nan") if cell is None else float(cell)
