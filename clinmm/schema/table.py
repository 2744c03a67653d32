"""Table and Column: what a file of a run may hold."""

from dataclasses import dataclass

import pandas as pd

from clinmm.errors import InputError

KINDS = {"text": "string", "whole": "int64", "real": "float64", "truth": "bool", "list": "object"}


@dataclass(frozen=True)
class Column:
    """One column. `kind` is a key of KINDS; `may_be_empty` allows NA or NaN."""

    name: str
    kind: str
    meaning: str
    may_be_empty: bool = False


@dataclass(frozen=True)
class Table:
    """A named table with its columns in order; `extra` allows columns that are not listed."""

    name: str
    columns: tuple[Column, ...]
    extra: bool = False

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """No rows, every column, the right dtypes."""
        return pd.DataFrame({c.name: pd.Series(dtype=KINDS[c.kind]) for c in self.columns})

    def fill(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with absent may-be-empty columns added, ordered and typed."""
        frame = frame.copy()
        for column in self.columns:
            if column.name not in frame.columns and column.may_be_empty:
                frame[column.name] = [None] * len(frame) if column.kind != "real" else float("nan")
        self.validate(frame)
        for column in self.columns:
            if column.kind != "list":
                frame[column.name] = frame[column.name].astype(KINDS[column.kind])  # type: ignore[call-overload]
        others = [name for name in frame.columns if name not in self.names] if self.extra else []
        return frame[self.names + others]

    def validate(self, frame: pd.DataFrame) -> None:
        """Raises InputError naming every column that is missing, unknown or wrongly empty."""
        problems = []
        if missing := [name for name in self.names if name not in frame.columns]:
            problems.append(f"table {self.name}: missing columns {missing}")
        unknown = [str(name) for name in frame.columns if name not in self.names]
        if unknown and not self.extra:
            problems.append(f"table {self.name}: unknown columns {unknown}")
        for column in self.columns:
            if column.name in frame.columns and not column.may_be_empty:
                n_empty = int(frame[column.name].isna().sum())
                if n_empty:
                    problems.append(f"table {self.name}: {n_empty} empty values in {column.name}")
        if problems:
            raise InputError(problems)


def text(name: str, meaning: str, may_be_empty: bool = False) -> Column:
    return Column(name, "text", meaning, may_be_empty)


def real(name: str, meaning: str) -> Column:
    return Column(name, "real", meaning, may_be_empty=True)


def whole(name: str, meaning: str) -> Column:
    return Column(name, "whole", meaning)


CASE = (text("case_id", "the study's own id"), text("patient_id", "the unit of splits"))
FOLD = (whole("repeat", "from 0"), whole("fold", "from 0; 0 where there are no folds"))
SLICE = (
    text("class_name", "class, `macro`, or target.name of a binary task"),
    text("group_by", "`all`, a sensitive column, or columns joined by *"),
    text("group", "`all`, or a value such as `F` or `[40, 65)`"),
    text("pattern", "`any`, or the inputs present joined by +"),
)

VALUE = (
    real("value", ""),
    real("low", "95 % interval"),
    real("high", "95 % interval"),
    whole("n_cases", ""),
    whole("n_patients", ""),
)
