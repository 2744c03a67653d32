"""Which cases get an explanation: right and wrong ones, sure and unsure ones."""

import numpy as np
import pandas as pd

from clinmm.arms import FUSED


def choose_cases(predictions: pd.DataFrame, n: int, seed: int) -> list[str]:
    """At most n case ids of the test patients of repeat 0, fused arm.

    In turn, over the classes: the positive with the highest risk estimate (found), the positive
    with the lowest (missed), the negative with the highest (false alarm), and one drawn at random
    in the seed. The same table, n and seed give the same cases.
    """
    table = predictions[
        (predictions["arm"] == FUSED)
        & (predictions["split"] == "test")
        & (predictions["repeat"] == 0)
    ]
    queues = []
    for _, rows in table.groupby("class_name", sort=True):
        ranked = rows.sort_values(["probability", "case_id"])
        positive, negative = ranked[ranked["target"] == 1], ranked[ranked["target"] == 0]
        queues += [positive["case_id"][::-1], positive["case_id"], negative["case_id"][::-1]]
    everyone = np.sort(table["case_id"].unique())
    drawn = np.random.default_rng(seed).permutation(everyone)
    chosen: dict[str, None] = {}
    sources = [iter(queue.tolist()) for queue in queues] + [iter(drawn.tolist())]
    wanted = min(n, len(everyone))
    while len(chosen) < wanted:
        for source in sources:
            fresh = next((case for case in source if case not in chosen), None)
            if fresh is not None and len(chosen) < wanted:
                chosen[fresh] = None
    return list(chosen)
