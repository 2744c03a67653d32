"""A predictions table of values as samples: what `clinmm.intervals` estimates metrics of."""

import numpy as np
import pandas as pd

from clinmm.errors import InputError
from clinmm.intervals import Draws, Sample
from clinmm.samples import CALIBRATED, RAW, Samples, Scored

METRICS = ("mae", "rmse", "mean_error", "r2", "concordance", "calibration_slope_value")
"""Of a value, in the order in which they are shown."""

_KEY = ["arm", "repeat", "fold", "class_name"]


def build_values(
    predictions: pd.DataFrame,
    *,
    split: str = "test",
    n_bootstrap: int = 0,
    seed: int = 0,
) -> Samples:
    """Samples of one split, `raw` from value_raw and `calibrated` from value; rows with unknown
    target are left out.

    Args:
        predictions: schema.PREDICTIONS of a continuous target.
        split: value of the column split.
        n_bootstrap, seed: patient draws; metrics of values need none.

    Raises:
        InputError: no row, a row without a value, a row twice.
    """
    rows = predictions[(predictions["split"] == split) & predictions["target"].notna()]
    problems = []
    if rows.empty:
        problems.append(f"no prediction of split '{split}' has a target: nothing can be scored.")
    for column in ("value_raw", "value"):
        if n_bad := int((~np.isfinite(rows[column].to_numpy(dtype=np.float64))).sum()):
            problems.append(
                f"{column}: {n_bad} of {len(rows)} values are empty or not finite. "
                "Calibrate first: clinmm calibrate RUN"
            )
    if n_twice := int(rows.duplicated([*_KEY, "case_id"]).sum()):
        problems.append(f"{n_twice} cases have two predictions of one arm, repeat and fold.")
    if problems:
        raise InputError(problems)
    rows = rows.sort_values([*_KEY, "case_id"], kind="stable", ignore_index=True)
    draws = Draws.make(rows["patient_id"].tolist(), n_bootstrap, seed)
    numbers = {case: i for i, case in enumerate(sorted(set(rows["case_id"])))}
    parts = {
        (str(arm), str(name)): _scored(part, draws, numbers)
        for (arm, name), part in rows.groupby(["arm", "class_name"], sort=True)
    }
    arms = sorted(set(rows["arm"]), key=lambda arm: (arm != "fused", arm))
    return Samples(draws, parts, arms, sorted(set(rows["class_name"])), [])


def _scored(part: pd.DataFrame, draws: Draws, numbers: dict[str, int]) -> Scored:
    case_ids = part["case_id"].to_numpy(dtype=object)
    sample = Sample(
        y_true=part["target"].to_numpy(dtype=np.float64),
        columns={
            name: part[of].to_numpy(dtype=np.float64)
            for name, of in ((RAW, "value_raw"), (CALIBRATED, "value"))
        },
        patient=draws.index(part["patient_id"].tolist()),
        case=np.array([numbers[case] for case in case_ids], dtype=np.int64),
        repeat=part["repeat"].to_numpy(dtype=np.int64),
        fold=part["fold"].to_numpy(dtype=np.int64),
    )
    return Scored(sample, case_ids, part["pattern"].to_numpy(dtype=object))
