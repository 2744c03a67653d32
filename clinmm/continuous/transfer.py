"""A study's error beside that of another place; no verdict is given on values."""

import pandas as pd

from clinmm.transfer import COLUMNS, Transfer


def transfer_of_values(internal: pd.DataFrame, external: pd.DataFrame) -> Transfer:
    """The mean absolute error of the fused arm in both places, in a sentence.

    How much worse is still as good depends on the score, so nothing is judged.

    Args:
        internal, external: schema.METRICS of the study and of the other place.
    """
    sentence = (
        f"Whether the values transfer is not judged. Mean absolute error here {_said(external)}, "
        f"in the study {_said(internal)}."
    )
    return Transfer("cannot tell", sentence, pd.DataFrame(columns=list(COLUMNS)))


def _said(metrics: pd.DataFrame) -> str:
    rows = metrics[(metrics["metric"] == "mae") & (metrics["probability"] == "calibrated")]
    rows = rows[(rows["arm"] == "fused") & (rows["pattern"] == "any") & (rows["group_by"] == "all")]
    if rows.empty or rows.iloc[0]["status"] != "ok":
        return "not estimable"
    row = rows.iloc[0]
    return f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
