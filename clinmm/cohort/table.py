"""Reads a cohort's table as text, cell for cell as it was written."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clinmm.errors import InputError

DATA_VARIABLE = "CLINMM_DATA"
_TOKEN = "${" + DATA_VARIABLE + "}"


def resolve_table(written: str, beside: Path, source: str) -> Path:
    """Where the table is: relative to the cohort file, or beginning with ${CLINMM_DATA}.

    Raises:
        InputError: the variable is not set, stands elsewhere than in front, or no such file.
    """
    if written.startswith(_TOKEN):
        root = os.environ.get(DATA_VARIABLE)
        if not root:
            raise InputError(
                f"{source}.table begins with {_TOKEN}, but the environment variable "
                f"{DATA_VARIABLE} is not set. Set it to the folder that holds the data: "
                f"export {DATA_VARIABLE}=FOLDER"
            )
        path = Path(root) / written.removeprefix(_TOKEN).lstrip("/")
    else:
        path = beside / written
    if "${" in written.removeprefix(_TOKEN):
        raise InputError(
            f"{source}.table: only a leading {_TOKEN} is replaced, got '{written}'. "
            "Write the path out."
        )
    if not path.is_file():
        raise InputError(f"{source}.table: {path} is missing: there is no such file.")
    return path


def read_table(path: Path) -> pd.DataFrame:
    """The table with every cell as text; an empty cell is "" in CSV and missing in Parquet.

    Raises:
        InputError: neither .csv nor .parquet, unreadable, no rows, or a column name twice.
    """
    kind = path.suffix.lower()
    if kind == ".csv":
        table = _read_csv(path)
    elif kind == ".parquet":
        try:
            table = _as_text(pd.read_parquet(path))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read as Parquet: {_first_line(error)}") from None
    else:
        raise InputError(f"{path}: wanted a .csv or .parquet table, got '{path.suffix}'.")
    if table.empty:
        raise InputError(f"{path} holds no rows.")
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    # Without a header pandas cannot rename the second of two equal names to `name.1`.
    try:
        rows = pd.read_csv(
            path, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8. Save it as UTF-8.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} cannot be read as CSV: {_first_line(error)}") from None
    names = list(rows.iloc[0].astype(str))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{path}: column names that come twice: {twice}. Give each its own.")
    table = rows.iloc[1:].reset_index(drop=True)
    table.columns = pd.Index(names)
    return table


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0]


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Cells as a person would type them: 65.0 of a whole-number column is 65."""
    return pd.DataFrame({str(name): table[name].map(_cell_text) for name in table}, dtype=object)


def _cell_text(value: Any) -> str | None:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return None
        return str(int(value)) if float(value).is_integer() else str(float(value))
    return str(value)


def without_missing(table: pd.DataFrame, missing: Collection[str]) -> pd.DataFrame:
    """The table with None where a cell is empty or one of the cohort's missing values."""
    gone = {"", *missing}
    text = table.astype(object)
    return text.mask(text.isna() | text.isin(list(gone)), None)
