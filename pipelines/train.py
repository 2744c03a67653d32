"""Train every arm in every fold, and predict the cases that a model has not learned from.

Reads   the cohort, links
Writes  splits, model/ARM/..., training, training_inputs, predictions, outliers, robustness,
        notes where words are masked fold by fold
"""

from pathlib import Path

import pandas as pd

from clinmm.cohort.splits import make_splits
from clinmm.folds import folds_of
from clinmm.progress import Tell, silent
from clinmm.study import open_study
from clinmm.study_check import check_study
from clinmm.train_folds import Training


def main(folder: Path, tell: Tell = silent) -> pd.DataFrame:
    """Trains a study; arms and folds that an earlier, stopped call finished are kept.

    Args:
        folder: a run folder whose check is done.
        tell: told how far it is, in models.

    Returns:
        The predictions table, not yet calibrated.
    """
    study = open_study(folder)
    run, config, cohort = study.run, study.config, study.cohort
    check_study(config, cohort)
    with run.stage("train"):
        splits = make_splits(cohort, config.split, config.seed, run.read("links"))
        run.write("splits", splits)
        folds = list(folds_of(splits, cohort.table["case_id"].tolist()))
        training = Training(study, folds, tell)
        for fold in folds:
            training.add_fold(fold)
        tell("train", 1, 1)
        training.write()
    return run.read("predictions")
