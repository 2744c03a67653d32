"""Which arm is the headline, and which single input is its rival."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clinmm.arms import FUSED
from clinmm.intervals import estimate
from clinmm.samples import RAW, build


def headline_arm(arms: Sequence[str]) -> str:
    """`fused` where it is among the arms, else the first."""
    return FUSED if FUSED in arms else arms[0]


def best_single_arm(predictions: pd.DataFrame) -> str | None:
    """The single-input arm with the highest AUROC (mean over classes) on `validate` rows, or where
    there are none, on every row that is not test. With folds these are cross-fitted training
    patients. None where there is no single-input arm; ties go to the first in the alphabet.
    """
    rows = predictions[predictions["split"] == "validate"]
    if rows.empty:
        rows = predictions[predictions["split"] != "test"]
    single = [str(a) for a in set(rows["arm"]) if a != FUSED and "+" not in a and ":" not in a]
    rows = rows[rows["arm"].isin(single) & rows["target"].notna()]
    if rows.empty:
        return None
    # raw probabilities: a calibrator per fold leaves the order within the fold as it is
    samples = build(
        rows.assign(split="choose", probability=rows["probability_raw"]),
        split="choose",
        n_bootstrap=0,
    )
    key = ("auroc", RAW)
    scores: dict[str, float] = {}
    for arm in sorted(single):
        values = [
            estimate(scored.sample, [key], samples.draws, suppress=False)[key].value
            for (of, _), scored in samples.parts.items()
            if of == arm
        ]
        known = [value for value in values if not np.isnan(value)]
        scores[arm] = float(np.mean(known)) if known else float("-inf")
    return max(scores, key=lambda arm: scores[arm])
