"""Train every arm in every fold, and predict the cases that a model has not learned from.

Reads   the cohort, links          Writes   splits, model/ARM/..., training, predictions, outliers,
        notes where words are masked fold by fold
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from clinmm.arms import FUSED, arms_of
from clinmm.cohort.splits import make_splits
from clinmm.fit import Epoch, make_fabric
from clinmm.folds import Preparer, check_encoders, folds_of, notes_as_modelled
from clinmm.model import MultimodalClassifier
from clinmm.predict import fold_logits, prediction_rows
from clinmm.progress import Tell, silent
from clinmm.stored_models import is_stored, load_history, load_models, save_models
from clinmm.study import open_study
from clinmm.train_arm import train_arm
from clinmm.uncertainty.outliers.fold import fit_fold
from clinmm.uncertainty.outliers.readings import read_inputs
from clinmm.uncertainty.outliers.stored import save_detectors


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
    check_encoders(cohort, config.encoders, config.fusion_file)
    with run.stage("train"):
        splits = make_splits(cohort, config.split, config.seed, run.read("links"))
        run.write("splits", splits)
        preparer = Preparer(
            cohort,
            config.encoders,
            lambda name, i, n: tell(f"read {name}", i, n),
            mask_stated_label=config.intake.mask_stated_label,
        )
        fabric = make_fabric(config.train)
        run.add_facts(device=str(fabric.device))
        arms = arms_of(list(cohort.spec.inputs), config.train.arms)
        folds = list(folds_of(splits, cohort.table["case_id"].tolist()))
        readings = read_inputs(cohort)
        predictions, outliers, histories, notes = [], [], [], []
        for fold in folds:
            batch, facts = preparer.of_fold(fold)
            if config.intake.mask_stated_label:
                notes.append(notes_as_modelled(cohort, fold, facts))
            alone: dict[str, list[MultimodalClassifier]] = {}
            for arm, inputs in arms.items():
                place = run.model_folder(arm, fold.repeat, fold.fold)
                if not is_stored(run.folder / place):
                    say = _saying(
                        tell,
                        arm,
                        len(histories) * fold.n_members,
                        config.train.epochs,
                        len(folds) * len(arms) * fold.n_members,
                    )
                    trained = train_arm(
                        cohort,
                        config,
                        inputs,
                        fold,
                        batch,
                        facts,
                        fabric=fabric,
                        alone=alone or None,
                        on_epoch=say,
                        checkpoints=run.folder / "checkpoints",
                    )
                    with run.writing_folder(place) as temporary:
                        save_models(temporary, *trained)
                alone[arm] = load_models(run.folder / place)[1]
                logits = fold_logits(alone[arm], batch.only(inputs), fold)
                predictions.append(prediction_rows(cohort, arm, inputs, fold, logits))
                history = load_history(run.folder / place)
                histories.append(history.assign(arm=arm, repeat=fold.repeat, fold=fold.fold))
            place = run.model_folder(FUSED, fold.repeat, fold.fold)
            detectors, odd = fit_fold(cohort, readings, alone[FUSED], batch, fold, config.seed)
            save_detectors(run, place, detectors)
            outliers.append(odd)
        tell("train", 1, 1)
        shutil.rmtree(run.folder / "checkpoints", ignore_errors=True)
        run.write("training", pd.concat(histories, ignore_index=True))
        run.write("predictions", pd.concat(predictions, ignore_index=True))
        run.write("outliers", pd.concat(outliers, ignore_index=True))
        if notes:
            run.write("notes", pd.concat(notes, ignore_index=True))
    return run.read("predictions")


def _saying(
    tell: Tell, arm: str, done: int, epochs: int, total: int
) -> Callable[[int, Epoch], None]:
    """Tells of an epoch as a part of all models to train."""

    def say(member: int, epoch: Epoch) -> None:
        note = (
            f"{arm}, epoch {epoch.epoch}: loss {epoch.train_loss:.3f}, "
            f"validate {epoch.validate_loss:.3f}, AUROC {epoch.validate_auroc:.3f}"
        )
        tell("train", done + member + epoch.epoch / epochs, total, note)

    return say
