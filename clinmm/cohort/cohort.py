"""Cohort: the cases of a study, read from one table, with every input by its name."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clinmm.cohort.files import outside, sha256_of
from clinmm.cohort.masks import read_mask
from clinmm.cohort.notes import TOKEN, mask_pattern
from clinmm.cohort.read_notes import DATE_FORMATS, NotesRead
from clinmm.cohort.record_rows import RecordRow, rows_of
from clinmm.cohort.spec import (
    CohortSpec,
    ImageInput,
    NoteInput,
    RecordInput,
    SensitiveColumn,
    SignalInput,
)
from clinmm.cohort.targets import soft_target_array, target_array
from clinmm.cohort.times import read_times
from clinmm.errors import InputError, did_you_mean
from clinmm.readers.signal import SignalFile, signal_sha256

NOT_RECORDED = "not recorded"


@dataclass(frozen=True, eq=False)
class Cohort:
    """The cases that belong, in order. Make one with `load_cohort`.

    spec: what the columns are.
    folder: the table's folder, or that of the key `files`; paths in cells are relative to it.
    table: one row per case, index 0..n-1, columns `case_id`, `patient_id` (text, never missing)
        and those of the table as text, None where not recorded.
    dropped: step -> number of rows it took away, in the order of the steps.
    notes_read: what became of each note when it was read; notes stand in `table` as plain text.
    lines: case id -> its row of the table as a spreadsheet counts, the header being row 1.
    written: the cohort file before its patterns were replaced by columns; None where it has none.
    table_folder: where the table lies; None: in `folder`.
    """

    spec: CohortSpec
    folder: Path
    table: pd.DataFrame
    dropped: dict[str, int]
    notes_read: NotesRead = field(default_factory=dict, repr=False)
    lines: dict[str, int] = field(default_factory=dict, repr=False)
    written: CohortSpec | None = field(default=None, repr=False)
    table_folder: Path | None = field(default=None, repr=False)
    _hashes: dict[Path, str | None] = field(default_factory=dict, repr=False)

    # --- size and target -------------------------------------------------------------------
    @property
    def n_cases(self) -> int:
        return len(self.table)

    @property
    def n_patients(self) -> int:
        return int(self.table["patient_id"].nunique())

    @property
    def task(self) -> str:
        """binary, multiclass, multilabel or continuous."""
        return self.spec.target.kind

    @property
    def ordered(self) -> bool:
        """Whether the classes are listed from lowest to highest."""
        return bool(getattr(self.spec.target, "ordered", False))

    @property
    def class_names(self) -> list[str]:
        """Binary: the target's name; multiclass: its classes; multilabel: its columns."""
        return self.spec.target.class_names

    def targets(self) -> NDArray[np.float64]:
        """(n_cases, n_classes) of 0 and 1, NaN where not recorded; multiclass is one-hot. A
        continuous target is one column of values. See `targets.target_array`."""
        return target_array(self.table, self.spec.target)

    def training_targets(self) -> NDArray[np.float64]:
        """What models learn from: as `targets`, but the share of readers who said so (their mean
        value), or the soft label itself."""
        return soft_target_array(self.table, self.spec.target)

    def sides(self) -> NDArray[np.float64]:
        """As `targets`, a continuous one by whether it is above its median: for questions that have
        two answers."""
        targets = self.targets()
        if self.task != "continuous" or np.isnan(targets).all():
            return targets
        above = (targets > np.nanmedian(targets)).astype(np.float64)
        return np.where(np.isnan(targets), np.nan, above)

    # --- inputs ------------------------------------------------------------------------------
    def _image(self, name: str) -> ImageInput:
        source = self.spec.inputs.get(name)
        if not isinstance(source, ImageInput):
            raise _no_such("image", name, self.spec)
        return source

    def _note(self, name: str) -> NoteInput:
        source = self.spec.inputs.get(name)
        if not isinstance(source, NoteInput):
            raise _no_such("note", name, self.spec)
        return source

    def _record(self, name: str) -> RecordInput:
        source = self.spec.inputs.get(name)
        if not isinstance(source, RecordInput):
            raise _no_such("record", name, self.spec)
        return source

    def _signal(self, name: str) -> SignalInput:
        source = self.spec.inputs.get(name)
        if not isinstance(source, SignalInput):
            raise _no_such("signal", name, self.spec)
        return source

    def _file(self, name: str) -> ImageInput | SignalInput:
        source = self.spec.inputs.get(name)
        return source if isinstance(source, SignalInput) else self._image(name)

    def file_paths(self, name: str) -> list[Path | None]:
        """Full path of each case's file of an image or signal input, None where there is none; a
        file may be absent on disk."""
        cells = self.table[self._file(name).column]
        return [self.folder / cell if isinstance(cell, str) else None for cell in cells]

    def image_paths(self, name: str) -> list[Path | None]:
        """`file_paths` of an image input."""
        self._image(name)
        return self.file_paths(name)

    def signals(self, name: str) -> list[SignalFile | None]:
        """`file_paths` of a signal input, with what the cohort file says of them."""
        source = self._signal(name)
        paths = self.file_paths(name)
        return [
            None if path is None else SignalFile(path, source.file_rate, source.clock)
            for path in paths
        ]

    def dimensions(self, name: str) -> int:
        """2 for pictures, 3 for volumes."""
        return self._image(name).dimensions

    def mask(self, name: str, case_id: str, class_name: str) -> NDArray[np.bool_] | None:
        """(H, W) or (D, H, W) where a person sees the class in the case's image, over the whole
        image as it is shown; None where nobody has said. No model may read it.

        Raises:
            InputError: there is a file, but no mask in it can be read.
        """
        source = self._image(name)
        if source.masks is None:
            return None
        file = f"{source.masks}/{case_id}.npz"
        (leads_out,) = outside(self.folder, [file])
        if leads_out or not (self.folder / file).is_file():
            return None
        return read_mask(self.folder / file, class_name, source.dimensions)

    def without_files(self, cases: dict[str, set[str]]) -> "Cohort":
        """The same cases, the paths of some of them emptied: input name -> case ids."""
        table = self.table.copy()
        for name, ids in cases.items():
            table.loc[table["case_id"].isin(ids), self._file(name).column] = None
        return replace(self, table=table)

    def file_sha256(self, name: str) -> list[str | None]:
        """Hex SHA-256 of each case's file, None where there is none. Each file is read once."""
        of_signal = isinstance(self._file(name), SignalInput)
        paths = self.file_paths(name)
        for path in paths:
            if path is not None and path not in self._hashes:
                self._hashes[path] = signal_sha256(path) if of_signal else sha256_of(path)
        return [None if path is None else self._hashes[path] for path in paths]

    def image_sha256(self, name: str) -> list[str | None]:
        """`file_sha256` of an image input."""
        self._image(name)
        return self.file_sha256(name)

    def notes(self, name: str) -> list[str | None]:
        """Each case's note with the cohort's masks applied; None where blank or not recorded."""
        source = self._note(name)
        pattern = mask_pattern(source.mask)
        return [
            None
            if not isinstance(cell, str) or not cell.strip()
            else (pattern.sub(TOKEN, cell) if pattern else cell)
            for cell in self.table[source.column]
        ]

    def record(self, name: str) -> pd.DataFrame:
        """(n_cases, columns), numeric columns first: float64 with NaN, then text with None.

        A numeric cell that is no number is NaN here; the check `columns` reports it. Nobody may
        change what this returns: it is made once.
        """
        if name not in self._records:
            source = self._record(name)
            words = self.table[list(source.categorical)]
            self._records[name] = _numbers_of(self.table[list(source.numeric)]).join(words)
        return self._records[name]

    def record_rows(self, name: str) -> list[RecordRow]:
        """The rows of `record`, each as a mapping from column to cell."""
        return rows_of(self.record(name))

    @cached_property
    def _records(self) -> dict[str, pd.DataFrame]:
        return {}

    def present(self, name: str) -> NDArray[np.bool_]:
        """(n_cases,) whether the case has the input: a path, a note that is not blank, or at
        least one recorded column."""
        source = self.spec.inputs.get(name)
        if isinstance(source, ImageInput | SignalInput):
            return self.table[source.column].notna().to_numpy(bool)
        if isinstance(source, NoteInput):
            return np.array([note is not None for note in self.notes(name)], dtype=bool)
        return self.record(name).notna().any(axis=1).to_numpy(bool)

    def patterns(self) -> list[str]:
        """Per case, the names of the inputs present, alphabetical, joined by +; or `none`."""
        names = sorted(self.spec.inputs)
        have = np.array([self.present(name) for name in names]).T
        return [
            "+".join(name for name, here in zip(names, row, strict=True) if here) or "none"
            for row in have
        ]

    # --- who they are ------------------------------------------------------------------------
    def groups(self) -> pd.DataFrame:
        """Index case_id, one text column per sensitive attribute; `not recorded` if missing.

        A number outside the bins is its own group, `outside [0, 120)`.
        """
        columns = {
            name: _grouped(self.table[attribute.column], attribute)
            for name, attribute in self.spec.sensitive.items()
        }
        return pd.DataFrame(columns, index=pd.Index(self.table["case_id"], name="case_id"))

    def index_times(self) -> "pd.Series[pd.Timestamp]":
        """When each prediction is made; NaT where not recorded or in none of the formats."""
        when = self.spec.index_time
        if when is None:
            raise InputError("the cohort file names no index_time. Add index_time: {column: ...}")
        return read_times(self.table[when.column], when.formats)["first"]

    def published_split(self) -> pd.Series:
        """The cells of the column that holds a published split; None where not recorded."""
        if self.spec.split is None:
            raise InputError("the cohort file names no split. Add split: COLUMN.")
        return self.table[self.spec.split]

    def times(self, column: str) -> pd.DataFrame:
        """(n_cases, `first` and `last`) what each cell of a column of times can mean, by the
        formats of index_time; see `read_times`."""
        when = self.spec.index_time
        return read_times(self.table[column], when.formats if when else DATE_FORMATS)

    # --- parts and copies --------------------------------------------------------------------
    def subset(self, indices: Sequence[int] | NDArray[np.int_]) -> "Cohort":
        """The cases at these positions, in this order."""
        part = self.table.iloc[list(indices)].reset_index(drop=True)
        return replace(self, table=part)

    def for_run(self) -> pd.DataFrame:
        """The run's case table: ids, every declared column (numeric ones of the record as float64,
        others as text), notes masked, `{input}` and `{input}_sha256` for each image and signal,
        `pattern`."""
        columns: dict[str, object] = {
            "case_id": self.table["case_id"],
            "patient_id": self.table["patient_id"],
        }
        for _, column in self.spec.declared():
            columns.setdefault(column, self.table[column])
        for name in self.spec.input_names("record"):
            numeric = self.record(name)[list(self._record(name).numeric)]
            columns |= {str(column): cells for column, cells in numeric.items()}
        for name in self.spec.input_names("note"):
            columns[self._note(name).column] = self.notes(name)
        for name in self.spec.file_inputs:
            columns[name] = self.table[self._file(name).column]
            columns[f"{name}_sha256"] = self.file_sha256(name)
        columns["pattern"] = self.patterns()
        return pd.DataFrame(columns)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the cohort file's meaning, the declared columns and the files' bytes.

        The table's path is left out, so the same data in another folder has the same one.
        """
        whole = hashlib.sha256()
        whole.update(json.dumps(_meaning(self.spec), sort_keys=True).encode())
        columns = ["case_id", "patient_id", *dict.fromkeys(c for _, c in self.spec.declared())]
        cells = self.table[columns].astype(object)
        rows = cells.where(cells.notna(), None).to_numpy(dtype=object).tolist()
        whole.update(json.dumps([columns, rows]).encode())
        for name in self.spec.file_inputs:
            whole.update(json.dumps([name, self.file_sha256(name)]).encode())
        return whole.hexdigest()


_ADDED: dict[str, Any] = {
    "dimensions": 2, "file": False, "sections": None, "table": None, "ranges": {},
}  # fmt: skip
"""Keys of an input that came after the first fingerprints, with what they are where not written."""

_NOT_READ = ("masks", "references")
"""Keys of an input that say nothing of what models read: they may be added to a finished study."""

_ADDED_TO_TARGET: dict[str, Any] = {
    "time": None, "readers": None, "soft": False, "names": None, "second_label": None,
    "second_labels": None,
}  # fmt: skip
"""The same of a target."""


def _meaning(spec: CohortSpec) -> dict[str, Any]:
    """The cohort file but for where table and files are. Added keys count only where they say
    something, so that a run made before them keeps its fingerprint."""
    said = spec.model_dump(mode="json", exclude={"table", "files"})
    said["target"] = {
        key: value
        for key, value in said["target"].items()
        if key not in _ADDED_TO_TARGET or value != _ADDED_TO_TARGET[key]
    }
    if said["split"] is None:
        del said["split"]
    for name, source in said["inputs"].items():
        said["inputs"][name] = {
            key: value
            for key, value in source.items()
            if key not in _NOT_READ and (key not in _ADDED or value != _ADDED[key])
        }
    return said


def _no_such(kind: str, name: str, spec: CohortSpec) -> InputError:
    return InputError(f"no {kind} input '{name}'. {did_you_mean(name, spec.input_names(kind))}")


def _numbers_of(cells: pd.DataFrame) -> pd.DataFrame:
    """Every cell as a float64, all columns in one go: a record may have thousands."""
    flat = pd.Series(cells.to_numpy(object).ravel(), dtype=object)
    numbers = _numbers(flat).to_numpy(np.float64).reshape(cells.shape)
    return pd.DataFrame(numbers, index=cells.index, columns=cells.columns)


def _numbers(cells: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
    return numbers.where(np.isfinite(numbers))


def _grouped(cells: pd.Series, attribute: SensitiveColumn) -> list[str]:
    if attribute.bins is None:
        return [cell if isinstance(cell, str) else NOT_RECORDED for cell in cells]
    edges = attribute.bins
    labels = [f"[{low:g}, {high:g})" for low, high in pairwise(edges)]
    outside = f"outside [{edges[0]:g}, {edges[-1]:g})"
    numbers = _numbers(cells).to_numpy()
    places = np.searchsorted(np.array(edges), numbers, side="right")
    return [
        NOT_RECORDED
        if np.isnan(number)
        else (labels[place - 1] if 0 < place < len(edges) else outside)
        for number, place in zip(numbers, places, strict=True)
    ]
