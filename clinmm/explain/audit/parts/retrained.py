"""A fold's models trained again: on the same labels, and on labels that belong to other patients.

Source: Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018 (data randomisation test).
"""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clinmm.arms import FUSED, arms_of
from clinmm.cases import Batch
from clinmm.explain.audit.parts.look import Retrained
from clinmm.fall_back import answering_from
from clinmm.fit import Epoch, make_fabric
from clinmm.folds import Fold, Preparer
from clinmm.model import MultimodalClassifier
from clinmm.progress import Tell
from clinmm.stored_models import is_stored, load_description, load_models, save_models
from clinmm.study import Study
from clinmm.train_arm import Trained, train_arm
from clinmm.train_progress import TrainProgress

OTHER_SEED = 1_000_003
"""Added to the study's seed, so that first weights and the order of cases differ from its own."""


def retrained_models(study: Study, fold: Fold, folder: Path, pair: int, tell: Tell) -> Retrained:
    """Both trainings of a pair, kept in `folder`, from which a stopped audit goes on."""
    return Retrained(
        *(
            _kept(study, fold, folder / f"{name}_{pair}", pair, permuted, tell)
            for name, permuted in (("same_labels", False), ("permuted_labels", True))
        )
    )


def retrain(
    study: Study, fold: Fold, permuted: bool, tell: Tell, pair: int = 0
) -> list[MultimodalClassifier]:
    """The fused arm of a fold, trained by the study's recipe from another seed; both trainings
    of a pair have the same one, so that they differ in their labels alone.

    Args:
        permuted: give the cases that the fold learns from each other's labels.
        pair: each has its own seed and its own dealing of labels.

    Raises:
        InputError: as `train_arm`.
    """
    return _trained(study, fold, pair, permuted, tell).models


def permuted_labels(batch: Batch, fold: Fold, seed: int) -> Batch:
    """The labels of the cases that the fold trains or stops on, dealt out among them anew.

    Whole rows change places: how often classes come, together as well, stays as it is, as does
    which cases have labels. The labels of the other cases, the test ones, stay where they are.
    """
    labelled = batch.present.any(1).numpy() & batch.known.any(1).numpy()
    rows = np.flatnonzero(fold.learned & labelled)
    dealt = np.random.default_rng([seed, fold.repeat, fold.fold]).permutation(rows)
    target, known = batch.target.clone(), batch.known.clone()
    target[torch.from_numpy(rows)] = batch.target[torch.from_numpy(dealt)]
    known[torch.from_numpy(rows)] = batch.known[torch.from_numpy(dealt)]
    return replace(batch, target=target, known=known)


def _kept(
    study: Study, fold: Fold, folder: Path, pair: int, permuted: bool, tell: Tell
) -> list[MultimodalClassifier]:
    if not is_stored(folder):
        trained = _trained(study, fold, pair, permuted, tell)
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
        try:
            save_models(partial, *trained)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return load_models(folder)[1]


def _trained(study: Study, fold: Fold, pair: int, permuted: bool, tell: Tell) -> Trained:
    stored = load_description(
        study.run.folder / study.run.model_folder(FUSED, fold.repeat, fold.fold)
    )
    config = study.config.model_copy(update={"seed": study.config.seed + OTHER_SEED + pair})
    batch = Preparer(study.cohort, config.encoders).batch(stored.facts)
    if permuted:
        batch = permuted_labels(batch, fold, config.seed)
    arms = arms_of(stored.inputs, "single")
    n_models = fold.n_members * len(np.unique(config.train.optimiser.weight_decay))
    labels = "permuted" if permuted else "same"

    def told(what: str, done: float, total: float, note: str = "") -> None:
        tell(f"{what} again ({pair + 1}), {labels} labels", done, total, note)

    progress = TrainProgress(told, dict.fromkeys(arms, n_models), 1, config.train.epochs)
    fabric: Any = make_fabric(config.train)
    alone: dict[str, list[MultimodalClassifier]] = {}
    for arm, inputs in arms.items():

        def on_epoch(_: int, epoch: Epoch, arm: str = arm) -> None:
            progress.epoch(arm, epoch)

        trained = train_arm(
            study.cohort,
            config,
            inputs,
            fold,
            batch,
            stored.facts,
            fabric=fabric,
            alone=alone or None,
            on_epoch=on_epoch,
        )
        progress.finished(arm)
        alone[arm] = trained.models
    if stored.answers_from is None:
        return trained
    models = answering_from(trained.models, stored.answers_from, alone)
    description = replace(trained.description, answers_from=stored.answers_from)
    return trained._replace(models=list(models), description=description)
