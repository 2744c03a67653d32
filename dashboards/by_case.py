"""A table of a run, held so that the rows of one case are found without looking at the others.

A text stands once, and its rows say which it is; what is empty throughout is not held. 5.6 million
predictions so take 0.4 GB, not 1.2.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet


class ByCase:
    """The rows of a Parquet file by its column `case_id`."""

    def __init__(self, path: Path) -> None:
        self._schema = parquet.read_schema(path)
        texts = [field.name for field in self._schema if _is_text(field.type)]
        file = parquet.ParquetFile(path, read_dictionary=texts)
        empty = _empty(file.metadata, self._schema)
        # one column after the other, each in one piece: to take rows out of many is much slower
        self._columns: dict[str, pa.Array] = {
            name: file.read([name]).column(0).combine_chunks()
            for name in self._schema.names
            if name not in empty
        }
        pa.default_memory_pool().release_unused()
        cases = self._columns["case_id"]
        self._cases, codes = cases.dictionary, cases.indices.to_numpy()
        self._order = np.argsort(codes, kind="stable").astype(np.int32)
        self._ends = np.cumsum(np.bincount(codes, minlength=len(self._cases)))

    def rows(self, case_id: str) -> pd.DataFrame:
        """The rows of a case as `pandas.read_parquet` gives them, the index their places in the
        file; none of an unknown case."""
        places = self._places(case_id)
        rows = [
            self._columns[field.name].take(pa.array(places)).cast(field.type)
            if field.name in self._columns
            else pa.nulls(len(places), field.type)
            for field in self._schema
        ]
        frame: pd.DataFrame = pa.table(rows, schema=self._schema).to_pandas()
        return frame.set_index(pd.Index(places))

    def _places(self, case_id: str) -> NDArray[np.int32]:
        code = self._cases.index(case_id).as_py()
        if code < 0:
            return self._order[:0]
        return self._order[self._ends[code - 1] if code else 0 : self._ends[code]]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _empty(about: parquet.FileMetaData, schema: pa.Schema) -> set[str]:
    """Columns without a value in any row, as the file's own statistics tell. A list without
    elements is a value, which they do not tell from none: columns of lists are left out."""
    found = {field.name for field in schema if not pa.types.is_nested(field.type)} - {"case_id"}
    for group in range(about.num_row_groups):
        for i in range(about.num_columns):
            column = about.row_group(group).column(i)
            said = column.statistics
            if said is None or not said.has_null_count or said.null_count < column.num_values:
                found.discard(column.path_in_schema)
    return found
