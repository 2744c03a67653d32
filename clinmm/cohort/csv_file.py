"""Reads a CSV file line by line, within limits that are checked before anything is parsed."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pandas as pd

from clinmm.errors import InputError

LARGEST_TABLE = 2**30
"""Bytes of a table that are read: one GiB."""

LONGEST_CELL = 2**20
"""Characters of a cell that are read."""

LONGEST_LINE = 2**24
"""Characters from one line end to the next that are read."""

_NOT_CSV = {
    b"PK\x03\x04": "an Excel workbook or a zip archive. Save the sheet as CSV (UTF-8)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save the sheet as CSV (UTF-8)",
    b"PAR1": "Parquet. Name it .parquet",
    b"\x1f\x8b": "compressed with gzip. Unpack it",
    b"\xff\xfe": "in UTF-16. Save it as CSV in UTF-8",
    b"\xfe\xff": "in UTF-16. Save it as CSV in UTF-8",
}


def check_size(path: Path) -> None:
    """Raises InputError if the file is larger than `LARGEST_TABLE`."""
    size = os.stat(path).st_size
    if size > LARGEST_TABLE:
        raise InputError(
            f"{path} holds {size / 2**30:.1f} GiB; at most {LARGEST_TABLE / 2**30:g} GiB is read. "
            "Leave columns out, or put the notes into files of their own."
        )


def read_csv(path: Path) -> pd.DataFrame:
    """The rows as text, every cell as written; a blank line is no row.

    Raises:
        InputError: too large, not UTF-8, not separated by commas, a name twice in the header, a row
            with another number of cells than the header, a quote without its end, zero bytes, a
            cell of more than `LONGEST_CELL` characters.
    """
    check_size(path)
    with path.open("rb") as start:
        first = start.read(4)
    for mark, said in _NOT_CSV.items():
        if first.startswith(mark):
            raise InputError(f"{path} is {said}.")
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _rows(csv.reader(_lines(file, path), strict=True), path)
    except UnicodeDecodeError:
        raise InputError(
            f"{path} is not text in UTF-8; perhaps in Windows-1252, as Excel writes it. "
            "Save it as UTF-8."
        ) from None
    except csv.Error as error:
        said = str(error)
        if "field larger" in said:
            said = f"a cell has more than {LONGEST_CELL:,} characters"
        raise InputError(f"{path} cannot be read as CSV: {said}.") from None
    finally:
        csv.field_size_limit(before)


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise InputError(f"{path}: line {number} has more than {LONGEST_LINE:,} characters.")
        if "\0" in line:
            raise InputError(f"{path}: line {number} holds zero bytes: this is no text.")
        yield line


def _rows(reader: "Iterator[list[str]]", path: Path) -> pd.DataFrame:
    header = next((row for row in reader if row), None)
    if header is None:
        raise InputError(f"{path} cannot be read as CSV: it is empty.")
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise InputError(f"{path}: column names that come twice: {twice}. Give each its own.")
    rows: list[list[str]] = []
    odd: list[tuple[int, int]] = []
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            odd.append((len(rows) + len(odd) + 2, len(row)))
        else:
            rows.append(row)
    for sign, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(header) == 1 and sign in header[0]:
            raise InputError(f"{path} is separated by {name}. Save it with commas.")
    if odd:
        place, n = odd[0]
        raise InputError(
            f"{path}: {len(odd)} rows have another number of cells than the header, which has "
            f"{len(header)}; the first is row {place} with {n}. Put cells with commas in quotes."
        )
    # By column: one list of pointers each, where the rows of a frame would be copied twice.
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    frame = pd.DataFrame(dict(enumerate(map(list, columns))), dtype=object)
    frame.columns = pd.Index(header)
    return frame
