"""Scores -> rows of the table `outliers`, one per case, detector and input."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from clinmm.cohort.cohort import Cohort
from clinmm.folds import Fold
from clinmm.uncertainty.outliers.conformal import COARSEST, Reference, Scores, flagged

CASE = ["case_id", "patient_id", "split", "detector", "input"]


def rows_of(
    cohort: Cohort,
    fold: Fold,
    detector: str,
    name: str,
    score: Scores,
    p: Scores,
    reference: Reference,
    reason: Callable[[int], str],
) -> pd.DataFrame:
    """Rows of the cases that have a p; a reason where one is flagged or none can be.

    Args:
        score, p: (N,) of the cohort's cases, p NaN where the detector does not judge the case.
        reference: whose size says at which p a case is flagged.
        reason: position of a flagged case -> what is odd.
    """
    rows = np.flatnonzero(~np.isnan(p))
    flags = flagged(p[rows], reference)
    too_few = (
        f"only {reference.n_patients} reference patients: with fewer than "
        f"{round(1 / COARSEST) - 1} nothing can be called odd"
    )
    nothing = None if reference.level else too_few
    return pd.DataFrame(
        {
            "repeat": fold.repeat,
            "fold": fold.fold,
            "case_id": cohort.table["case_id"].to_numpy()[rows],
            "patient_id": cohort.table["patient_id"].to_numpy()[rows],
            "split": fold.split[rows],
            "detector": detector,
            "input": name,
            "score": score[rows],
            "p": p[rows],
            "flag": np.where(flags, "yes", "no"),
            "reason": [
                reason(int(row)) if flag else nothing for row, flag in zip(rows, flags, strict=True)
            ],
        }
    )


def median_over_models(each: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Rows of new cases by several folds' detectors -> one row each, as repeat 0, fold 0.

    Score and p are the medians. A case is flagged if most folds flag it, by the reason of the
    first that does; at a tie it is.
    """
    whole = pd.concat(each, ignore_index=True)
    whole["flagged"] = (whole["flag"] == "yes").astype(float)
    first = whole[whole["flag"] == "yes"].drop_duplicates(CASE).set_index(CASE)["reason"]
    nothing = whole[whole["flag"] == "no"].drop_duplicates(CASE).set_index(CASE)["reason"]
    middle = whole.groupby(CASE, sort=False)[["score", "p", "flagged"]].median()
    yes = middle.pop("flagged") >= 0.5
    reason = first.reindex(middle.index).where(yes, nothing.reindex(middle.index))
    return middle.assign(
        repeat=0, fold=0, flag=np.where(yes, "yes", "no"), reason=reason
    ).reset_index()
