"""Cells of a file as text, and text as numbers."""

from pathlib import Path

import pandas as pd

from clinmm.errors import InputError


def read_text(file: Path) -> pd.DataFrame:
    """Every cell of a .csv, .csv.gz or .parquet file as text, None where empty.

    Raises:
        InputError: no such file, another ending, or no rows.
    """
    if not file.is_file():
        raise InputError(f"{file} is not a file.")
    if file.suffix == ".parquet":
        table = pd.read_parquet(file)
        text = table.apply(lambda column: column.map(_cell, na_action="ignore"))
    elif file.name.endswith((".csv", ".csv.gz")):
        text = pd.read_csv(file, dtype=str, keep_default_na=False)
    else:
        raise InputError(f"{file}: .csv, .csv.gz or .parquet is wanted, by the file's ending.")
    if text.empty:
        raise InputError(f"{file} holds no rows.")
    text = text.astype(object)
    cells: pd.DataFrame = text.where(text.notna() & (text != ""), None)
    return cells


def _cell(value: object) -> str:
    """Text of a cell: 1.0 as `1`, so that whole numbers stored as real ones stay what they are."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def numbers(
    cells: pd.Series,
    name: str,
    problems: list[str],
    *,
    allowed: tuple[float, ...] | None = None,
    may_be_empty: bool = False,
) -> pd.Series:
    """The cells as real numbers, NaN where they are none; what is wrong is added to problems."""
    values = pd.to_numeric(cells, errors="coerce").astype("float64")
    no_number = values.isna() & cells.notna()
    if n := int(no_number.sum()):
        problems.append(f"{name}: {n} of {len(cells)} values are not numbers.")
    if not may_be_empty and (n := int(cells.isna().sum())):
        problems.append(f"{name}: {n} of {len(cells)} values are empty.")
    if allowed is not None:
        wrong = values[values.notna() & ~values.isin(allowed)]
        if len(wrong):
            hint = " or empty" if may_be_empty else ""
            problems.append(
                f"{name} must be 0 or 1{hint}; {len(wrong)} of {len(cells)} values are not, "
                f"first is {wrong.iloc[0]:g}."
            )
    return values
