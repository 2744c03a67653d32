"""Every baseline of a study's fold: one of each input, and their late fusion."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clinmm.arms import BASELINE, STACKED
from clinmm.baselines.of_fold import FoldBaseline, Labels, input_baseline, stacked
from clinmm.cases import Batch
from clinmm.cohort.cohort import Cohort
from clinmm.folds import Fold
from clinmm.losses import start_of_training


def fold_baselines(
    cohort: Cohort, raw: Mapping[str, Sequence[Any]], batch: Batch, fold: Fold, *, balanced: bool
) -> dict[str, FoldBaseline]:
    """Arm -> baseline, as of `arms.baselines_of`.

    Args:
        raw: input -> values of all cases, words masked as for the fold's models.
        batch: every case, with these inputs; from it come the features of frozen networks.
        balanced: give every class the same weight in a fit.
    """
    target = cohort.training_targets()
    start = start_of_training(target[fold.learned], cohort.task)[: target.shape[1]]
    labels = Labels(target, np.array(start), cohort.task, balanced)
    singles = {
        BASELINE + name: input_baseline(
            cohort.spec.inputs[name], values, batch.inputs[name], cohort.present(name), fold, labels
        )
        for name, values in sorted(raw.items())
    }
    if len(singles) < 2:
        return singles
    patients = cohort.table["patient_id"].tolist()
    return {**singles, STACKED: stacked(list(singles.values()), fold, patients, labels)}
