"""Which arm is the headline, and which of the others is its rival."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from clinmm.arms import ENSEMBLE, FUSED, is_single
from clinmm.intervals import estimate
from clinmm.samples import RAW, build

_CASE = ["repeat", "fold", "case_id", "class_name"]


def headline_arm(arms: Sequence[str]) -> str:
    """`fused` where it is among the arms, else the first."""
    return FUSED if FUSED in arms else arms[0]


def best_single_arm(predictions: pd.DataFrame) -> str | None:
    """The single-input arm with the highest AUROC (mean over classes) on `validate` rows, or where
    there are none, on every row that is not test. With folds these are cross-fitted training
    patients. Of a continuous target: with the lowest mean absolute error. None where there is no
    single-input arm; ties go to the first in the alphabet.
    """
    rows = _to_choose_on(predictions)
    return _best(rows[[is_single(arm) for arm in rows["arm"]]])


def best_rival(predictions: pd.DataFrame) -> str | None:
    """The best of single inputs, pairs and baselines on the same rows, over everyone: a case that
    an arm cannot answer, because it lacks the input, counts at the fold's prevalence (its mean).

    An arm that is right about few of the patients is so no rival of one that answers for all.
    """
    rows = _to_choose_on(predictions)
    return _best(_everyone(rows[rows["arm"] != ENSEMBLE]))


def _to_choose_on(predictions: pd.DataFrame) -> pd.DataFrame:
    rows = predictions[predictions["split"] == "validate"]
    if rows.empty:
        rows = predictions[predictions["split"] != "test"]
    return rows[rows["target"].notna()]


def _answer(rows: pd.DataFrame) -> str:
    """The column of what an arm says before calibration, which leaves the order within a fold as
    it is."""
    values = "value_raw" in rows and rows["value_raw"].notna().any()
    return "value_raw" if values else "probability_raw"


def _everyone(rows: pd.DataFrame) -> pd.DataFrame:
    """Every arm but the fused one, with a row for each case of the fused one."""
    answer = _answer(rows)
    cases = rows[rows["arm"] == FUSED].drop(columns=["arm", answer])
    guess = cases.groupby(["repeat", "fold", "class_name"])["target"].transform("mean")
    parts = [rows.iloc[:0]]
    for arm in sorted(set(rows["arm"]) - {FUSED}):
        own = rows.loc[rows["arm"] == arm, [*_CASE, answer]]
        whole = cases.merge(own, on=_CASE, how="left").assign(arm=arm)
        whole[answer] = whole[answer].fillna(pd.Series(guess.to_numpy()))
        parts.append(whole)
    return pd.concat(parts, ignore_index=True)


def _best(rows: pd.DataFrame) -> str | None:
    if rows.empty:
        return None
    scores = _closeness(rows) if _answer(rows) == "value_raw" else _ranking(rows)
    return max(scores, key=lambda arm: scores[arm])


def _closeness(rows: pd.DataFrame) -> dict[str, float]:
    """Arm -> negative mean absolute error."""
    gap = (rows["value_raw"] - rows["target"]).abs()
    return {str(arm): -float(mean) for arm, mean in gap.groupby(rows["arm"]).mean().items()}


def _ranking(rows: pd.DataFrame) -> dict[str, float]:
    """Arm -> AUROC within folds, mean over classes."""
    samples = build(
        rows.assign(split="choose", probability=rows["probability_raw"]),
        split="choose",
        n_bootstrap=0,
    )
    key = ("auroc", RAW)
    scores: dict[str, float] = {}
    for arm in sorted(samples.arms):
        values = [
            estimate(scored.sample, [key], samples.draws, suppress=False)[key].value
            for (of, _), scored in samples.parts.items()
            if of == arm
        ]
        known = [value for value in values if not np.isnan(value)]
        scores[arm] = float(np.mean(known)) if known else float("-inf")
    return scores
