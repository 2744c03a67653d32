"""Reads a Parquet file as text cells, within the limits of a CSV file."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clinmm.cohort.csv_file import LARGEST_TABLE, LONGEST_CELL, check_size
from clinmm.errors import InputError

MOST_CELLS = 2**28
"""Rows times columns that are read: a file may claim more than it is long."""


def read_parquet(path: Path) -> pd.DataFrame:
    """The rows as a person would type them: 65.0 of a whole-number column is 65.

    Raises:
        InputError: damaged, too large once unpacked, a column of lists or records or of bytes, or a
            cell of more than `LONGEST_CELL` characters.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_size(path)
    try:
        with pq.ParquetFile(path) as file:
            _check(file.metadata, file.schema_arrow, path)
            batches, size = [], 0
            for batch in file.iter_batches(1024):
                size += batch.nbytes
                if size > LARGEST_TABLE:
                    raise InputError(f"{path} unpacks to more than {LARGEST_TABLE / 2**30:g} GiB.")
                batches.append(batch)
            table = pa.Table.from_batches(batches, file.schema_arrow).to_pandas()
    except (OSError, ValueError, TypeError, NotImplementedError, OverflowError, KeyError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {_first_line(error)}") from None
    # An index that pandas wrote is a column for whoever reads the file.
    if table.index.name is not None or table.index.nlevels > 1:
        table = table.reset_index()
    names = [str(name) for name in table.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{path}: column names that come twice: {twice}. Give each its own.")
    cells = {
        name: [_cell_text(value) for value in table.iloc[:, i]] for i, name in enumerate(names)
    }
    if any(cell is not None and len(cell) > LONGEST_CELL for c in cells.values() for cell in c):
        raise InputError(f"{path}: a cell has more than {LONGEST_CELL:,} characters.")
    return pd.DataFrame(cells, dtype=object)


def _check(metadata: Any, schema: Any, path: Path) -> None:
    import pyarrow as pa

    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    size = sum(group.total_byte_size for group in groups)
    if size > LARGEST_TABLE or metadata.num_rows * max(1, len(schema)) > MOST_CELLS:
        raise InputError(
            f"{path} unpacks to {metadata.num_rows:,} rows of {len(schema)} columns, "
            f"{size / 2**30:.1f} GiB; at most {LARGEST_TABLE / 2**30:g} GiB and {MOST_CELLS:,} "
            "cells are read. Leave columns out."
        )
    odd = [f.name for f in schema if pa.types.is_nested(f.type) or _is_bytes(f.type)]
    if odd:
        raise InputError(
            f"{path}: columns {sorted(odd)} hold lists, records or bytes. Write one value per "
            "cell, pictures as files, or leave these columns out."
        )


def _is_bytes(kind: Any) -> bool:
    import pyarrow as pa

    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(test(kind) for test in tests)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _cell_text(value: Any) -> str | None:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return None
        return str(int(value)) if float(value).is_integer() else str(float(value))
    return str(value)
