"""The call of each case: how confident it is, and whether it is wrong."""

import numpy as np
import pandas as pd

from clinmm.uncertainty.risk_coverage import confidence_of_call

MODEL = ["arm", "repeat", "fold"]
RULE = [*MODEL, "class_name"]
ALL_CLASSES = "all"
"""class_name of the one rule of exclusive classes."""
HIGHEST = "highest"
"""Its operating point: the class called is the most probable one."""

_COLUMNS = [*RULE, "case_id", "patient_id", "pattern", "target"]


def judged(predictions: pd.DataFrame, thresholds: pd.DataFrame, point: str) -> pd.DataFrame:
    """One row for each call of a predictions table.

    Args:
        predictions: schema.PREDICTIONS, calibrated; targets may be empty.
        thresholds: schema.THRESHOLDS.
        point: operating point; HIGHEST for exclusive classes.

    Returns:
        Columns arm, repeat, fold, class_name, case_id, patient_id, pattern, target, confidence,
        wrong (1 or 0) and missed (1 where the class is there and not called). wrong and missed are
        NaN where the target is not known or there is no threshold. One row for each row of
        predictions, under its index; of exclusive classes one for each case, whose target is 1
        where known: the case has a class, and a wrong call misses it.
    """
    if point == HIGHEST:
        rows = predictions.sort_values("class_name", kind="stable")
        top = rows.loc[rows.groupby([*MODEL, "case_id"])["probability"].idxmax().sort_values()]
        misses = 1 - top["target"]
        return top[_COLUMNS].assign(
            class_name=ALL_CLASSES,
            target=misses.where(misses.isna(), 1.0),
            confidence=top["probability"],
            wrong=misses,
            missed=misses,
        )
    at = thresholds[thresholds["operating_point"] == point].set_index(RULE)["threshold"]
    threshold = predictions[RULE].join(at, on=RULE)["threshold"].to_numpy(dtype=np.float64)
    probability = predictions["probability"].to_numpy(dtype=np.float64)
    target = predictions["target"].to_numpy(dtype=np.float64)
    known = ~np.isnan(target) & ~np.isnan(threshold)
    wrong = np.where(known, (probability >= threshold) != target, np.nan)
    return predictions[_COLUMNS].assign(
        confidence=confidence_of_call(probability, threshold),
        wrong=wrong,
        missed=wrong * target,
    )
