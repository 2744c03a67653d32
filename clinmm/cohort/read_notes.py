"""The text of every note input, wherever the cohort file says that it stands."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from clinmm.cohort.files import outside
from clinmm.cohort.note_text import clean, read_note_file
from clinmm.cohort.spec import CohortSpec, NoteInput, NoteTable
from clinmm.cohort.table import read_table, without_missing
from clinmm.cohort.times import read_times, surely_after
from clinmm.errors import InputError, did_you_mean

DATE_FORMATS = ("%Y-%m-%d",)


@dataclass
class NoteRead:
    """What became of one case's note when it was read.

    encoding: of its file, "" where it stands in a table. problem: why it could not be read.
    markup, controls, placeholders, emptied: see `note_text.Cleaned`.
    parts: how many notes of a second table it is made of. later: how many of them are dated after
    the index time. left_out: how many `until` left out. last: when its last part was written.
    """

    encoding: str = ""
    problem: str = ""
    markup: bool = False
    controls: int = 0
    placeholders: int = 0
    emptied: bool = False
    parts: int = 0
    later: int = 0
    left_out: int = 0
    last: pd.DataFrame | None = field(default=None, repr=False)

    def plain(self, note: str) -> str | None:
        """The note as plain text, None where it cannot be read; what was done is added up."""
        try:
            made = clean(note)
        except InputError as error:
            self.problem = str(error)
            return None
        self.markup |= made.markup
        self.controls += made.controls
        self.placeholders += made.placeholders
        self.emptied |= made.emptied
        return made.text


NotesRead = dict[str, dict[str, NoteRead]]
"""Note input -> case id -> what became of its note; cases without a note are left out."""


def read_notes(
    spec: CohortSpec, folder: Path, table: pd.DataFrame, source: str
) -> tuple[pd.DataFrame, NotesRead]:
    """The table with the text of each note input in its column, as plain text.

    Args:
        spec: the cohort file. folder: of the table.
        table: the rows, with columns `case_id` and those of the file, None where not recorded.
        source: the cohort file, for messages.

    Raises:
        InputError: an assembled note has the name of a column, or the second table is absent,
            lacks a column or names no case of the cohort, or paths lead out of the folder.
    """
    read: NotesRead = {}
    texts: dict[str, list[str | None]] = {}
    problems = []
    for name, note in spec.inputs.items():
        if not isinstance(note, NoteInput):
            continue
        where = f"{source}.inputs.{name}"
        if note.assembled and note.column in table:
            problems.append(
                f"{where}.column: '{note.column}' is a column of the table, but names what is put "
                "together. Choose a name of its own."
            )
            continue
        try:
            texts[note.column], read[name] = _texts(note, spec, folder, table, where)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return table.assign(**{c: pd.Series(t, table.index, object) for c, t in texts.items()}), read


def _texts(
    note: NoteInput, spec: CohortSpec, folder: Path, table: pd.DataFrame, where: str
) -> tuple[list[str | None], dict[str, NoteRead]]:
    if note.table:
        return _from_table(note.table, spec, folder, table, where)
    columns = note.sections or (note.column,)
    texts: list[str | None] = []
    read: dict[str, NoteRead] = {}
    escapes = outside(folder, table[note.column]) if note.file else [False] * len(table)
    if n := sum(escapes):
        raise InputError(
            f"{where}: {n} paths lead out of {spec.files_place}, by '..' or a link (cases "
            f"{', '.join(table['case_id'][escapes][:5].astype(str))}). Put the files into it."
        )
    rows = table[list(columns)].to_numpy(dtype=object)
    for case_id, cells in zip(table["case_id"], rows, strict=True):
        if all(cell is None for cell in cells):
            texts.append(None)
            continue
        done = NoteRead()
        parts = [
            _section(column, done.plain(_content(cell, folder, note, done)), note)
            for column, cell in zip(columns, cells, strict=True)
            if cell is not None
        ]
        read[case_id] = done
        texts.append("\n\n".join(part for part in parts if part) or None)
    return texts, read


def _content(cell: str, folder: Path, note: NoteInput, done: NoteRead) -> str:
    if not note.file:
        return cell
    try:
        text, done.encoding = read_note_file(folder / cell)
    except InputError as error:
        done.problem = str(error)
        return ""
    return text


def _section(column: str, text: str | None, note: NoteInput) -> str | None:
    """With a heading where there are several sections, so that they can be told apart."""
    if not text or not text.strip() or not note.sections:
        return text
    return f"{column}: {text.strip()}"


def _from_table(
    given: NoteTable, spec: CohortSpec, folder: Path, cases: pd.DataFrame, where: str
) -> tuple[list[str | None], dict[str, NoteRead]]:
    rows = _rows(given, spec, folder, cases, where)
    formats = given.formats or (spec.index_time.formats if spec.index_time else DATE_FORMATS)
    if given.time:
        times = read_times(rows[given.time], formats)
        rows = rows.assign(first=times["first"], last=times["last"])
        rows = rows.sort_values("first", kind="stable", na_position="last")
    rows["later"] = rows["unplaced"] = False
    if given.time and spec.index_time:
        limits = read_times(cases[spec.index_time.column], spec.index_time.formats)
        limits = limits.set_axis(cases["case_id"])
        own = limits.loc[rows["case_id"]].set_axis(rows.index)
        rows["later"] = surely_after(rows[["first", "last"]], own)
        rows["unplaced"] = rows["first"].isna() | own["last"].isna()
    out = rows["later"] | rows["unplaced"] if given.until else pd.Series(False, rows.index)
    texts: dict[str, str] = {}
    read: dict[str, NoteRead] = {}
    for case_id, own_rows in rows.assign(out=out).groupby("case_id", sort=False):
        kept = own_rows[~own_rows["out"]]
        done = NoteRead(
            parts=len(kept),
            later=int(own_rows["later"].sum()),
            left_out=int(own_rows["out"].sum()),
            last=kept[["first", "last"]].dropna().tail(1) if given.time else None,
        )
        headings: list[Any] = list(kept[given.section]) if given.section else [None] * len(kept)
        parts = []
        for heading, cell in zip(headings, kept[given.text], strict=True):
            text = (done.plain(cell) or "").strip()
            parts.append(f"{heading}: {text}" if text and heading else text)
        read[str(case_id)] = done
        texts[str(case_id)] = "\n\n".join(part for part in parts if part)
    return [texts.get(case_id) or None for case_id in cases["case_id"]], read


def _rows(
    given: NoteTable, spec: CohortSpec, folder: Path, cases: pd.DataFrame, where: str
) -> pd.DataFrame:
    """The rows of the second table that have a text and belong to a case of the cohort."""
    if any(outside(folder, [given.path])):
        raise InputError(f"{where}.table.path: leads out of {spec.files_place}. Put it there.")
    path = folder / given.path
    if not path.is_file():
        raise InputError(f"{where}.table.path: {path} is missing: there is no such file.")
    raw = without_missing(read_table(path), spec.missing)
    named = {"case_id": given.case_id, "text": given.text, "time": given.time}
    named["section"] = given.section
    known = [str(column) for column in raw]
    if absent := [
        f"{where}.table.{key}: no column '{column}' in {path.name}. {did_you_mean(column, known)}"
        for key, column in named.items()
        if column and column not in raw
    ]:
        raise InputError(absent)
    columns = dict.fromkeys(column for column in named.values() if column)
    rows = raw[list(columns)].assign(case_id=raw[given.case_id])
    rows = rows[rows["case_id"].isin(set(cases["case_id"])) & rows[given.text].notna()]
    if rows.empty:
        raise InputError(
            f"{where}.table: no row of {path.name} has a text and a case_id of the cohort. "
            f"Do '{given.case_id}' there and '{spec.case_id}' here hold the same ids?"
        )
    return rows.reset_index(drop=True)
