"""What the model says of one case, as a desk hands it out."""

from typing import Protocol

import pandas as pd


class Output(Protocol):
    """Where a desk gets the model's output from; the desk decides whether it may be seen."""

    def risks(self, case_id: str) -> pd.DataFrame:
        """Rows of predictions.parquet of the case."""
        ...

    def explanations(self, case_id: str) -> pd.DataFrame:
        """Rows of explanations.parquet of the case; none where none was made."""
        ...
