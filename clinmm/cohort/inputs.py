"""What a case is predicted from, as the cohort file says it: images, notes, the record, signals."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from clinmm.cohort.cells import Column, Columns, Formats, Settings, all_differ

LARGEST_SIGNAL = 2**24
"""Samples of a case, over all channels, that models may see."""


class ImageInput(Settings):
    """A picture or volume per case; `column` holds its path, relative to the table.

    dimensions: 2 for one picture file; 3 for a volume, which is a folder with one DICOM series,
        one multi-frame DICOM file or one NIfTI file.
    masks: a folder, relative to the table, with a file CASE_ID.npz per case: for each class that a
        person has outlined an array of true and false over the whole image as it is shown. No
        model reads them; the audit of explanations does.
    """

    kind: Literal["image"]
    column: Column
    dimensions: Literal[2, 3] = 2
    masks: str | None = Field(None, min_length=1)
    time: Column | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *([self.time] if self.time else []))

    @property
    def table_columns(self) -> tuple[str, ...]:
        return self.columns


class NoteTable(Settings):
    """Several notes per case, one row each, in a second table.

    path: a .csv or .parquet file, relative to the cohort's table, not out of its folder.
    case_id, text: its columns. time: its column with the time of the note, which gives the order;
        without it the order is that of the rows. section: its column with a heading for the note.
    until: leave out the notes that are not known to be from before the case's index_time.
    formats: of `time`, as in strptime; those of index_time if left out.
    """

    path: str = Field(min_length=1)
    case_id: Column
    text: Column
    time: Column | None = None
    section: Column | None = None
    until: Literal["index_time"] | None = None
    formats: Formats | None = None

    @model_validator(mode="after")
    def _limit_needs_times(self) -> Self:
        if self.until and not self.time:
            raise ValueError("until: needs time, the column that says when a note was written.")
        return self


class NoteInput(Settings):
    """Free text per case; `mask` lists words and phrases that are hidden from every model.

    The text is in `column`; or in the files that `column` names (`file`); or put together under
    the name `column` from `sections`, columns in order, or from the rows of a second `table`.
    """

    kind: Literal["note"]
    column: Column
    file: bool = False
    sections: Columns | None = None
    table: NoteTable | None = None
    mask: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    time: Column | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum([self.file, self.sections is not None, self.table is not None]) > 1:
            raise ValueError("file, sections and table exclude each other. Keep one.")
        if self.sections:
            all_differ("sections", self.sections)
        if self.table and self.time:
            raise ValueError("time: the times of a second table belong in it, as table.time.")
        return self

    @property
    def assembled(self) -> bool:
        """Whether `column` is no column of the table, but put together from others."""
        return bool(self.sections or self.table)

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *([self.time] if self.time else []))

    @property
    def table_columns(self) -> tuple[str, ...]:
        text = self.sections or (() if self.table else (self.column,))
        return (*text, *([self.time] if self.time else []))


class RecordInput(Settings):
    """Columns of the record: `numeric` maps each to its unit, `categorical` lists the others.

    In the file a unit may come with two pairs of numbers, which then stand in `ranges` and
    `references`: `temperature: {unit: degC, range: [30, 45], reference: [36.1, 37.8]}`. A value
    outside its range is a finding; the reference range is what is usual, shown to readers and read
    by nothing else. The ends belong to both. A name with a `*` stands for columns of the table; see
    `column_patterns`.
    """

    kind: Literal["record"]
    numeric: dict[Column, str] = {}
    ranges: dict[Column, tuple[float, float]] = {}
    references: dict[Column, tuple[float, float]] = {}
    categorical: tuple[Column, ...] = ()
    time: Column | None = None

    @model_validator(mode="before")
    @classmethod
    def _take_ranges_apart(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or not isinstance(given.get("numeric"), Mapping):
            return given
        units: dict[Any, Any] = {}
        apart: dict[str, dict[Any, Any]] = {"range": {}, "reference": {}}
        problems = []
        for column, said in given["numeric"].items():
            if not isinstance(said, Mapping):
                units[column] = said
            elif "unit" not in said or set(said) - {"unit", *apart}:
                problems.append(
                    f"numeric.{column}: wanted a unit, or {{unit: ..., range: [low, high], "
                    "reference: [low, high]}, of which only the unit is needed."
                )
            else:
                units[column] = said["unit"]
                for key in apart.keys() & said.keys():
                    apart[key][column] = said[key]
        whole = {**given, "numeric": units}
        for key, found in apart.items():
            stated = given.get(f"{key}s") or {}
            if found and (not isinstance(stated, Mapping) or set(stated) & set(found)):
                problems.append(f"{key}s: a column's {key} is given twice. Give it once.")
            elif found:
                whole[f"{key}s"] = {**stated, **found}
        if problems:
            raise ValueError("\n".join(problems))
        return whole

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if not self.numeric and not self.categorical:
            raise ValueError("no column: name at least one under numeric or categorical.")
        all_differ("columns", (*self.numeric, *self.categorical))
        pairs = {"ranges": self.ranges, "references": self.references}
        problems = [
            f"{key}: '{column}' is not among the numeric columns."
            for key, of_key in pairs.items()
            for column in of_key
            if column not in self.numeric
        ]
        problems += [
            f"{key}.{column}: wanted two rising numbers, got [{low:g}, {high:g}]."
            for key, of_key in pairs.items()
            for column, (low, high) in of_key.items()
            if not (low < high and math.isfinite(high - low))
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categorical, *([self.time] if self.time else []))

    @property
    def table_columns(self) -> tuple[str, ...]:
        return self.columns


class SignalInput(Settings):
    """A series of samples per case, such as an ECG or a cough; `column` holds the file's path.

    rate: samples a second that models see; files of another rate are resampled.
    channels: how many every file has. seconds: from the start; longer files are cut, shorter ones
        are padded with what counts as not measured.
    file_rate: of files that do not state their rate; `rate` if left out.
    clock: of .csv and .parquet files, the column with the time in seconds; the others are channels.
    """

    kind: Literal["signal"]
    column: Column
    rate: float = Field(gt=0, le=1e6, allow_inf_nan=False)
    channels: int = Field(1, ge=1, le=1024)
    seconds: float = Field(10.0, gt=0, allow_inf_nan=False)
    file_rate: float | None = Field(None, gt=0, le=1e6, allow_inf_nan=False)
    clock: Column | None = None
    time: Column | None = None

    @model_validator(mode="after")
    def _fits_in_memory(self) -> Self:
        if self.n_samples < 1 or self.n_samples * self.channels > LARGEST_SIGNAL:
            raise ValueError(
                f"seconds: {self.seconds:g} s at {self.rate:g} samples a second and "
                f"{self.channels} channels are {self.n_samples * self.channels} samples; wanted 1 "
                f"to {LARGEST_SIGNAL}."
            )
        return self

    @property
    def n_samples(self) -> int:
        """Samples of a channel that models see."""
        return round(self.rate * self.seconds)

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *([self.time] if self.time else []))

    @property
    def table_columns(self) -> tuple[str, ...]:
        return self.columns


Input = Annotated[ImageInput | NoteInput | RecordInput | SignalInput, Field(discriminator="kind")]
