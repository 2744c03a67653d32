"""What is predicted, as a cohort file says it: classes, findings or a value, by one reader or more.

`column` is the one column that holds the answer; `readers` are several, one for each person who
judged the cases, in the same words. Models learn from the mean of the readers who answered; they
are scored against the majority (a tie is not known), of a value against the mean.

A second label is another reading that models neither learn from nor are scored against: the bias
audit asks whether the two agree less in some group.
"""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from clinmm.cohort.cells import Cell, Cells, Column, Columns, Settings, all_differ


class _OneColumn(Settings):
    """A target that stands in one column, or in one for each of several readers.

    second_label: the column of a second label, in the same words as `column`.
    time: of any target, the column that says when the outcome was known.
    """

    name: str = Field(min_length=1)
    column: Column | None = None
    readers: Annotated[tuple[Column, ...], Field(min_length=2)] | None = None
    second_label: Column | None = None
    time: Column | None = None

    @model_validator(mode="after")
    def _one_or_several_readers(self) -> Self:
        if (self.column is None) == (self.readers is None):
            raise ValueError("name either column, or readers: a list of two columns or more.")
        all_differ("readers", self.readers or ())
        if self.second_label and self.readers:
            raise ValueError(
                "second_label: readers are several labels as it is. Leave it out, or name the "
                "column among the readers."
            )
        all_differ("column and second_label", (*self.columns, *self.second_columns))
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        return self.readers or (str(self.column),)

    @property
    def second_columns(self) -> tuple[str, ...]:
        """Of a second label; empty without."""
        return (self.second_label,) if self.second_label else ()


class BinaryTarget(_OneColumn):
    """Yes or no; `positive` and `negative` are the cells that mean so.

    soft: cells are numbers from 0 to 1 instead, such as the share of experts who said yes.
    """

    kind: Literal["binary"]
    positive: Cells | None = None
    negative: Cells | None = None
    soft: bool = False

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        named = [name for name in ("positive", "negative") if getattr(self, name) is not None]
        if self.soft and named:
            raise ValueError(f"soft: the cells are numbers from 0 to 1; remove {named}.")
        if not self.soft and len(named) < 2:
            raise ValueError("name positive and negative: the cells that mean yes and no.")
        all_differ("values", (self.positive or ()) + (self.negative or ()))
        return self

    @property
    def class_names(self) -> list[str]:
        return [self.name]


class MulticlassTarget(_OneColumn):
    """One of several classes; the cells are the classes.

    ordered: the classes are listed from lowest to highest, such as grades.
    """

    kind: Literal["multiclass"]
    classes: Annotated[tuple[Cell, ...], Field(min_length=2)]
    ordered: bool = False

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        all_differ("classes", self.classes)
        return self

    @property
    def class_names(self) -> list[str]:
        return list(self.classes)


class MultilabelTarget(Settings):
    """Several findings, one column each, 0 or 1 (or true or false), or not recorded.

    names: of the findings, in the order of the columns; those of the columns if left out.
    second_labels: a column with a second label for each of the columns, in their order.
    soft: cells are numbers from 0 to 1.
    """

    name: str = Field(min_length=1)
    kind: Literal["multilabel"]
    columns: Columns
    names: Columns | None = None
    second_labels: Columns | None = None
    soft: bool = False
    time: Column | None = None

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        all_differ("columns", self.columns)
        all_differ("names", self.names or ())
        all_differ("columns and second_labels", (*self.columns, *self.second_columns))
        if self.second_labels and len(self.second_labels) != len(self.columns):
            raise ValueError(
                f"second_labels: wanted one column for each of the {len(self.columns)} columns, "
                f"got {len(self.second_labels)}. A column of empty cells says nothing."
            )
        if self.names and len(self.names) != len(self.columns):
            raise ValueError(
                f"names: wanted one for each of the {len(self.columns)} columns, got "
                f"{len(self.names)}."
            )
        return self

    @property
    def class_names(self) -> list[str]:
        return list(self.names or self.columns)

    @property
    def second_columns(self) -> tuple[str, ...]:
        """Of a second label; empty without."""
        return self.second_labels or ()


class ContinuousTarget(_OneColumn):
    """A number, such as a severity score, in `unit`.

    range: [lowest, highest] that it can have; a cell outside is an error.
    """

    kind: Literal["continuous"]
    unit: str = Field(min_length=1)
    range: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _range_rises(self) -> Self:
        low, high = self.range or (0.0, 1.0)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"range must be [lowest, highest], two numbers, got [{low}, {high}].")
        return self

    @property
    def class_names(self) -> list[str]:
        return [self.name]


AnyTarget = BinaryTarget | MulticlassTarget | MultilabelTarget | ContinuousTarget
Target = Annotated[AnyTarget, Field(discriminator="kind")]
