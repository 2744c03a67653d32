"""What the model says of one case, as a desk hands it out."""

from pathlib import Path
from typing import Protocol

import pandas as pd

from clinmm.runs import Run


class Output(Protocol):
    """Where a desk gets the model's output from; the desk decides whether it may be seen."""

    def risks(self, case_id: str) -> pd.DataFrame:
        """Rows of predictions.parquet of the case."""
        ...

    def explanations(self, case_id: str) -> pd.DataFrame:
        """Rows of explanations.parquet of the case; none where none was made."""
        ...


class StoredOutput:
    """The output that a run folder holds, read case by case.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._run = Run.open(folder)

    def risks(self, case_id: str) -> pd.DataFrame:
        return self._rows("predictions", case_id)

    def explanations(self, case_id: str) -> pd.DataFrame:
        return self._rows("explanations", case_id)

    def _rows(self, table: str, case_id: str) -> pd.DataFrame:
        if not self._run.has(table):
            return pd.DataFrame({"case_id": []})
        path = self._run.path(f"{table}.parquet")
        return pd.read_parquet(path, filters=[("case_id", "==", case_id)])
