"""What the intervals around values deliver: how often they hold the observed value, how wide."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from clinmm.intervals import MIN_PATIENTS
from clinmm.intervals.limits import NONE, limits
from clinmm.metrics.weighted import Array
from clinmm.subgroups import Subset, of_cases

COVERAGE, WIDTH = "interval_coverage", "interval_width"
BELOW = "below the promise"
_PLACE = {"split": "test", "repeat": "all", "fold": "all", "probability": "calibrated"}


def of_intervals(
    predictions: pd.DataFrame,
    promised: pd.DataFrame | None = None,
    *,
    groups: pd.DataFrame | None = None,
) -> Iterator[dict[str, Any]]:
    """Rows of schema.METRICS for the test cases that have an interval and an observed value.

    Every patient weighs the same, as in the promise, his cases and their repeats sharing his
    weight. Coverage whose interval lies below the promise is flagged.

    Args:
        predictions: schema.PREDICTIONS.
        promised: schema.PREDICTION_SETS of the same arms; None: nothing is flagged.
        groups: as from `subgroups.grouping`: rows by group, in place of those of everyone and by
            pattern.
    """
    rows = predictions[(predictions["split"] == "test") & predictions["target"].notna()]
    rows = rows[rows["value_low"].notna()]
    for (arm, name), part in rows.groupby(["arm", "class_name"], sort=True):
        target, low, high = (
            part[c].to_numpy(dtype=np.float64) for c in ("target", "value_low", "value_high")
        )
        of_case = {
            COVERAGE: ((low <= target) & (target <= high)).astype(np.float64),
            WIDTH: high - low,
        }
        aim = np.nan
        if promised is not None:
            aim = promised.loc[promised["arm"] == arm, "coverage"].max()
        ids, patterns = (part[name].to_numpy(dtype=object) for name in ("case_id", "pattern"))
        for subset in of_cases(ids, patterns, groups):
            inside = part[subset.keep]
            for metric, values in of_case.items():
                row = _row(metric, values[subset.keep], inside, subset)
                flagged = metric == COVERAGE and row["high"] < aim
                yield {"arm": arm, "class_name": name} | row | {"flag": BELOW if flagged else None}


def _row(metric: str, values: Array, rows: pd.DataFrame, subset: Subset) -> dict[str, Any]:
    mean = pd.Series(values).groupby(rows["patient_id"].to_numpy()).mean().to_numpy()
    n = mean.size
    value, (low, high, method) = np.nan, NONE
    if n >= MIN_PATIENTS:
        value, share = float(mean.mean()), metric == COVERAGE
        scale = "logit" if share else "identity"
        low, high, method = limits(scale, value, float(mean.var(ddof=1)) / n, n - 1, share=share)
    return {
        **_PLACE,
        "metric": metric,
        "group_by": subset.group_by,
        "group": subset.group,
        "pattern": subset.pattern,
        "value": value,
        "low": low,
        "high": high,
        "n_cases": rows["case_id"].nunique(),
        "n_patients": n,
        "n_positive": 0,
        "interval": method,
        "status": "ok" if n >= MIN_PATIENTS else "suppressed",
        "reason": None if n >= MIN_PATIENTS else f"{n} patients, needs {MIN_PATIENTS}",
    }
