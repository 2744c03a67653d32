"""The model alone, on the cases that were read: its risk, and its call at one operating point."""

import numpy as np
import pandas as pd

from clinmm.arms import FUSED
from clinmm.runs import Run

VALUE = "value"
"""class_name of a continuous target in the tables of reading studies."""

DEFAULT_POINT = "youden"

COLUMNS = ["case_id", "class_name", "target", "risk", "call"]


def operating_point(run: Run) -> str | None:
    """The one at which the model's call is taken: `youden`, else the first that the run has."""
    if not run.has("thresholds"):
        return None
    names = run.read("thresholds")["operating_point"].tolist()
    return DEFAULT_POINT if DEFAULT_POINT in names else next(iter(names), None)


def model_rows(run: Run) -> pd.DataFrame:
    """case_id, class_name, target, risk, call of the fused arm, each mean over repeats.

    Of a case that is test in one fold and something else in another, only the test rows count. The
    call is whether the mean risk reaches the mean threshold; of several classes of which one is
    right, whether the class has the highest mean risk. NaN where there is no threshold.
    """
    found = run.read("predictions")
    found = found[found["arm"] == shown_arm(found)]
    tested = found["case_id"].isin(found.loc[found["split"] == "test", "case_id"])
    found = found[~tested | (found["split"] == "test")]
    if run.facts["target"]["kind"] == "continuous":
        found = found.assign(class_name=VALUE, risk=found["value"], threshold=np.nan)
    else:
        found = found.assign(risk=found["probability"].fillna(found["probability_raw"]))
        found = found.merge(
            _thresholds(run), how="left", on=["arm", "repeat", "fold", "class_name"]
        )
    by_case = found.groupby(["case_id", "class_name"], sort=True)
    rows = by_case[["target", "risk", "threshold"]].mean().reset_index()
    if run.facts["target"]["kind"] == "multiclass":
        highest = rows.groupby("case_id")["risk"].rank(method="first", ascending=False) == 1
        return rows.assign(call=highest.astype(float))[COLUMNS]
    call = (rows["risk"] >= rows["threshold"]).astype(float).where(rows["threshold"].notna())
    return rows.assign(call=call)[COLUMNS]


def shown_arm(predictions: pd.DataFrame) -> str:
    """The arm whose output readers see: `fused`, else the first of the run."""
    arms = predictions["arm"].unique()
    return FUSED if FUSED in arms or not len(arms) else str(arms[0])


def _thresholds(run: Run) -> pd.DataFrame:
    keys = ["arm", "repeat", "fold", "class_name", "threshold"]
    point = operating_point(run)
    if point is None:
        return pd.DataFrame({name: [] for name in keys}).astype({"repeat": int, "fold": int})
    table = run.read("thresholds")
    return table.loc[table["operating_point"] == point, keys]
