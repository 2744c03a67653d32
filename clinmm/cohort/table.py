"""Reads a cohort's table as text, cell for cell as it was written."""

import os
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from clinmm.cohort.csv_file import read_csv
from clinmm.cohort.parquet_file import read_parquet
from clinmm.errors import InputError

DATA_VARIABLE = "CLINMM_DATA"
_TOKEN = "${" + DATA_VARIABLE + "}"


def resolve_table(written: str, beside: Path, source: str) -> Path:
    """Where the table is: relative to the cohort file, or beginning with ${CLINMM_DATA}.

    Raises:
        InputError: the variable is not set, stands elsewhere than in front, or no such file.
    """
    path = _located(written, beside, f"{source}.table")
    if not path.is_file():
        raise InputError(f"{source}.table: {path} is missing: there is no such file.")
    return path


def resolve_files(written: str | None, beside: Path, table: Path, source: str) -> Path:
    """The folder that paths in cells start from: as `resolve_table`; the table's where none is
    written.

    Raises:
        InputError: as `resolve_table`, of a folder.
    """
    if written is None:
        return table.parent
    path = _located(written, beside, f"{source}.files")
    if not path.is_dir():
        raise InputError(f"{source}.files: {path} is missing: there is no such folder.")
    return path


def _located(written: str, beside: Path, key: str) -> Path:
    if written.startswith(_TOKEN):
        root = os.environ.get(DATA_VARIABLE)
        if not root:
            raise InputError(
                f"{key} begins with {_TOKEN}, but the environment variable "
                f"{DATA_VARIABLE} is not set. Set it to the folder that holds the data: "
                f"export {DATA_VARIABLE}=FOLDER"
            )
        path = Path(root) / written.removeprefix(_TOKEN).lstrip("/")
    else:
        path = beside / written
    if "${" in written.removeprefix(_TOKEN):
        raise InputError(
            f"{key}: only a leading {_TOKEN} is replaced, got '{written}'. Write the path out."
        )
    return path


def read_table(path: Path) -> pd.DataFrame:
    """The table with every cell as text; an empty cell is "" in CSV and missing in Parquet.

    Raises:
        InputError: neither .csv nor .parquet, unreadable, too large, or without rows.
    """
    kind = path.suffix.lower()
    if kind not in (".csv", ".parquet"):
        advice = " Save the sheet as CSV (UTF-8)." if kind in (".xls", ".xlsx", ".ods") else ""
        raise InputError(f"{path}: wanted a .csv or .parquet table, got '{path.suffix}'.{advice}")
    try:
        table = read_csv(path) if kind == ".csv" else read_parquet(path)
    except OSError as error:
        raise InputError(f"{path} cannot be opened: {error.strerror}.") from None
    if table.empty:
        raise InputError(f"{path} holds no rows.")
    return table


def without_missing(table: pd.DataFrame, missing: Collection[str]) -> pd.DataFrame:
    """The table with None where a cell is empty or one of the cohort's missing values."""
    gone = {"", *missing}
    text = table.astype(object)
    return text.mask(text.isna() | text.isin(list(gone)), None)
