"""Which cases of a continuous target are explained."""

import numpy as np
import pandas as pd

from clinmm.arms import FUSED


def choose_value_cases(predictions: pd.DataFrame, n: int, seed: int) -> list[str]:
    """At most n case ids of the test patients of repeat 0, fused arm.

    In turn: the highest value, the lowest, the one furthest too high, the one furthest too low, and
    one drawn at random in the seed. The same table, n and seed give the same cases.
    """
    rows = predictions[
        (predictions["arm"] == FUSED)
        & (predictions["split"] == "test")
        & (predictions["repeat"] == 0)
    ]
    error = (rows["value"] - rows["target"]).fillna(0.0)
    rows = rows.assign(error=error).sort_values("case_id")
    by_value = rows.sort_values("value", kind="stable")["case_id"].tolist()
    by_error = rows.sort_values("error", kind="stable")["case_id"].tolist()
    drawn = np.random.default_rng(seed).permutation(np.sort(rows["case_id"].unique())).tolist()
    sources = list(map(iter, (by_value[::-1], by_value, by_error[::-1], by_error, drawn)))
    chosen: dict[str, None] = {}
    wanted = min(n, len(drawn))
    while len(chosen) < wanted:
        for source in sources:
            fresh = next((case for case in source if case not in chosen), None)
            if fresh is not None and len(chosen) < wanted:
                chosen[fresh] = None
    return list(chosen)
