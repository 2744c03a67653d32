"""What a cohort file may say: frozen models, unknown keys refused."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, model_validator

RESERVED_NAMES = ("all", "any", "fused", "none")
"""Names with a meaning of their own in the tables of a run."""


def _cell(value: Any) -> Any:
    """A table's cells are text, so the values that a cohort file names are text too."""
    if isinstance(value, bool):
        raise ValueError(f"got {str(value).lower()}: write it in quotes, as the table spells it.")
    if isinstance(value, list | dict | set):
        raise ValueError("wanted one value, got several: write one value per item.")
    return "" if value is None else str(value)


Cell = Annotated[str, BeforeValidator(_cell)]
Column = Annotated[str, Field(min_length=1)]
Columns = Annotated[tuple[Column, ...], Field(min_length=1)]
Cells = Annotated[tuple[Cell, ...], Field(min_length=1)]
InputName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _differ(what: str, values: tuple[str, ...]) -> None:
    if repeated := sorted({value for value in values if values.count(value) > 1}):
        raise ValueError(f"{what} named twice: {', '.join(repeated)}. Name each once.")


class BinaryTarget(_Settings):
    """Yes or no, from one column; `positive` and `negative` are the values that mean so."""

    name: str = Field(min_length=1)
    kind: Literal["binary"]
    column: Column
    positive: Cells
    negative: Cells

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        _differ("values", self.positive + self.negative)
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def class_names(self) -> list[str]:
        return [self.name]


class MulticlassTarget(_Settings):
    """One of several classes, from one column whose values are the classes.

    ordered: the classes are listed from lowest to highest, such as grades.
    """

    name: str = Field(min_length=1)
    kind: Literal["multiclass"]
    column: Column
    classes: Annotated[tuple[Cell, ...], Field(min_length=2)]
    ordered: bool = False

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        _differ("classes", self.classes)
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def class_names(self) -> list[str]:
        return list(self.classes)


class MultilabelTarget(_Settings):
    """Several findings, one column each, 0 or 1 (or true or false), or not recorded."""

    name: str = Field(min_length=1)
    kind: Literal["multilabel"]
    columns: Columns

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        _differ("columns", self.columns)
        return self

    @property
    def class_names(self) -> list[str]:
        return list(self.columns)


Target = Annotated[BinaryTarget | MulticlassTarget | MultilabelTarget, Field(discriminator="kind")]


class ImageInput(_Settings):
    """A picture file per case; `column` holds its path, relative to the table."""

    kind: Literal["image"]
    column: Column
    time: Column | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *([self.time] if self.time else []))


class NoteInput(_Settings):
    """Free text per case; `mask` lists words and phrases that are hidden from every model."""

    kind: Literal["note"]
    column: Column
    mask: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    time: Column | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *([self.time] if self.time else []))


class RecordInput(_Settings):
    """Columns of the record: `numeric` maps each to its unit, `categorical` lists the others."""

    kind: Literal["record"]
    numeric: dict[Column, str] = {}
    categorical: tuple[Column, ...] = ()
    time: Column | None = None

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if not self.numeric and not self.categorical:
            raise ValueError("no column: name at least one under numeric or categorical.")
        _differ("columns", (*self.numeric, *self.categorical))
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categorical, *([self.time] if self.time else []))


Input = Annotated[ImageInput | NoteInput | RecordInput, Field(discriminator="kind")]


class SensitiveColumn(_Settings):
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


class IndexTime(_Settings):
    """When the prediction is made; `formats` are tried in order (as in strptime)."""

    column: Column
    formats: Annotated[tuple[str, ...], Field(min_length=1)] = ("%Y-%m-%d",)


class Sample(_Settings):
    """A random part of the rows: `DataFrame.sample(rows, random_state=seed)`."""

    rows: PositiveInt
    seed: int = Field(0, ge=0)


class CohortSpec(_Settings):
    """A cohort file. What each key means is said in the documentation of the cohort file."""

    name: str = Field(min_length=1)
    table: str = Field(min_length=1)
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
        problems += self._clashing_names()
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _clashing_names(self) -> list[str]:
        """An input's name is also a column of the run's case table, so it must be free."""
        problems = []
        declared = {column for _, column in self.declared()}
        for name, source in self.inputs.items():
            if name in RESERVED_NAMES:
                problems.append(f"inputs: the name '{name}' has a meaning of its own. Rename it.")
            if isinstance(source, ImageInput) and name != source.column and name in declared:
                problems.append(
                    f"inputs: image input '{name}' has the name of another column. Rename it."
                )
        taken = {"pattern", *(f"{name}_sha256" for name in self.input_names("image"))}
        if clash := sorted(taken & declared):
            problems.append(f"columns {clash} are written by clinmm. Rename them in the table.")
        notes = [self.inputs[name].columns[0] for name in self.input_names("note")]
        if len(notes) != len(set(notes)):
            problems.append("inputs: two note inputs read one column. Keep one of them.")
        return problems

    def input_names(self, kind: str) -> list[str]:
        """Names of the inputs of one kind, in the order of the file."""
        return [name for name, source in self.inputs.items() if source.kind == kind]

    def declared(self) -> Iterator[tuple[str, str]]:
        """(key of the file, column of the table) for every column that the file names, but ids."""
        yield from (("keep", column) for column in self.keep)
        yield from (("target", column) for column in self.target.columns)
        for name, source in self.inputs.items():
            yield from ((f"inputs.{name}", column) for column in source.columns)
        yield from ((f"sensitive.{key}", s.column) for key, s in self.sensitive.items())
        if self.site:
            yield "site", self.site
        if self.index_time:
            yield "index_time", self.index_time.column
