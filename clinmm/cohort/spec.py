"""What a cohort file may say: frozen models, unknown keys refused."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from clinmm.cohort.cells import Cell, Cells, Column, Formats, Settings
from clinmm.cohort.inputs import (
    ImageInput,
    Input,
    NoteInput,
    NoteTable,
    RecordInput,
    SignalInput,
)
from clinmm.cohort.target_spec import (
    BinaryTarget,
    ContinuousTarget,
    MulticlassTarget,
    MultilabelTarget,
    Target,
)

__all__ = [
    "BinaryTarget",
    "CohortSpec",
    "ContinuousTarget",
    "ImageInput",
    "IndexTime",
    "Input",
    "MulticlassTarget",
    "MultilabelTarget",
    "NoteInput",
    "NoteTable",
    "RecordInput",
    "Sample",
    "SensitiveColumn",
    "SignalInput",
    "Target",
]

RESERVED_NAMES = ("all", "any", "baseline", "ensemble", "fused", "none", "stacked")
"""Names with a meaning of their own in the tables of a run."""


InputName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class SensitiveColumn(Settings):
    """An attribute to audit by: a column as it is, or a number cut at `bins`.

    Bins are half-open: [0, 40, 65] gives `[0, 40)` and `[40, 65)`.
    """

    column: Column
    bins: Annotated[tuple[float, ...], Field(min_length=2)] | None = None

    @model_validator(mode="after")
    def _bins_rise(self) -> Self:
        if self.bins and any(low >= high for low, high in pairwise(self.bins)):
            raise ValueError(f"bins must rise, got {list(self.bins)}.")
        return self


def _column_alone(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


class IndexTime(Settings):
    """When the prediction is made; `formats` are tried in order (as in strptime)."""

    column: Column
    formats: Formats = ("%Y-%m-%d",)


class Sample(Settings):
    """A random part of the rows: `DataFrame.sample(rows, random_state=seed)`."""

    rows: PositiveInt
    seed: int = Field(0, ge=0)


class CohortSpec(Settings):
    """A cohort file. What each key means is said in the documentation of the cohort file."""

    name: str = Field(min_length=1)
    table: str = Field(min_length=1)
    files: str | None = Field(None, min_length=1)
    case_id: Column
    patient_id: Column
    unit_name: str = Field("patient", min_length=1)
    missing: tuple[Cell, ...] = ("",)
    keep: dict[Column, Cells] = {}
    require: tuple[str, ...] = ()
    drop_duplicates_of: str | None = None
    target: Target
    inputs: Annotated[dict[InputName, Input], Field(min_length=1)]
    sensitive: dict[
        Annotated[str, Field(pattern=r"^[^*]+$")],
        Annotated[SensitiveColumn, BeforeValidator(_column_alone)],
    ] = {}
    site: Column | None = None
    split: Column | None = None
    index_time: IndexTime | None = None
    sample: Sample | None = None

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        problems = [
            f"require: no input '{name}'; inputs are {', '.join(self.inputs)}."
            for name in self.require
            if name not in self.inputs
        ]
        duplicates = self.drop_duplicates_of
        if duplicates and not isinstance(self.inputs.get(duplicates), ImageInput):
            images = self.input_names("image")
            problems.append(
                f"drop_duplicates_of: '{duplicates}' is no image input; "
                f"image inputs are {', '.join(images) or 'none'}."
            )
        problems += self._second_labels_read() + self._clashing_names()
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _second_labels_read(self) -> list[str]:
        """A model that reads a second label is told the answer."""
        return [
            f"target: '{column}' is a second label, and inputs.{name} reads it. Take it out of "
            "the inputs: it tells the answer."
            for name, source in self.inputs.items()
            for column in self.target.second_columns
            if column in source.columns
        ]

    def _clashing_names(self) -> list[str]:
        """An input's name is also a column of the run's case table, so it must be free."""
        problems = []
        declared = {column for _, column in self.declared()}
        for name, source in self.inputs.items():
            if name in RESERVED_NAMES:
                problems.append(f"inputs: the name '{name}' has a meaning of its own. Rename it.")
            if name in self.file_inputs and name != source.columns[0] and name in declared:
                problems.append(
                    f"inputs: {source.kind} input '{name}' has the name of another column. "
                    "Rename it."
                )
        taken = {"pattern", *(f"{name}_sha256" for name in self.file_inputs)}
        if clash := sorted(taken & declared):
            problems.append(f"columns {clash} are written by clinmm. Rename them in the table.")
        return problems + self._clashing_notes()

    def _clashing_notes(self) -> list[str]:
        """The text of a note stands under `column` and nowhere else, or masks would be in vain."""
        notes = [source for source in self.inputs.values() if isinstance(source, NoteInput)]
        texts = [text for note in notes for text in (note.column, *(note.sections or ()))]
        problems = []
        if len(texts) != len(set(texts)):
            problems.append("inputs: two note inputs read one column. Keep one of them.")
        own = {c for note in notes for c in (note.sections or ())}
        own |= {note.column for note in notes if note.assembled or note.file}
        others = [column for key, column in self.declared() if not self._is_note(key)]
        if clash := sorted(own & {*others, self.case_id, self.patient_id}):
            problems.append(
                f"inputs: {clash} hold or name a note, and are used for something else too. "
                "Use another column, or another name for the note."
            )
        if not self.index_time and any(note.table and note.table.until for note in notes):
            problems.append("inputs: until: index_time needs the key index_time.")
        return problems

    def _is_note(self, key: str) -> bool:
        return isinstance(self.inputs.get(key.removeprefix("inputs.")), NoteInput)

    def input_names(self, kind: str) -> list[str]:
        """Names of the inputs of one kind, in the order of the file."""
        return [name for name, source in self.inputs.items() if source.kind == kind]

    @property
    def files_place(self) -> str:
        """What messages call the folder that paths in cells start from."""
        return "the folder of `files`" if self.files else "the table's folder"

    @property
    def file_inputs(self) -> list[str]:
        """Names of the inputs that are a file per case: images and signals."""
        return [*self.input_names("image"), *self.input_names("signal")]

    def declared(self) -> Iterator[tuple[str, str]]:
        """(key of the file, column of the cohort) for every column that it names, but ids."""
        return self._named({name: source.columns for name, source in self.inputs.items()})

    def table_columns(self) -> Iterator[tuple[str, str]]:
        """(key of the file, column that the table needs for it), ids first."""
        yield "case_id", self.case_id
        yield "patient_id", self.patient_id
        yield from self._named({name: source.table_columns for name, source in self.inputs.items()})

    def _named(self, of_inputs: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
        yield from (("keep", column) for column in self.keep)
        target = self.target
        yield from (("target", column) for column in (*target.columns, *target.second_columns))
        if target.time:
            yield "target", target.time
        for name, columns in of_inputs.items():
            yield from ((f"inputs.{name}", column) for column in columns)
        yield from ((f"sensitive.{key}", s.column) for key, s in self.sensitive.items())
        if self.site:
            yield "site", self.site
        if self.split:
            yield "split", self.split
        if self.index_time:
            yield "index_time", self.index_time.column
