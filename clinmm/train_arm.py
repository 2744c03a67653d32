"""Trains the models of one arm in one fold."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from clinmm.cases import Batch
from clinmm.cohort.cohort import Cohort
from clinmm.config import StudyConfig
from clinmm.errors import InputError
from clinmm.fit import Epoch, fit
from clinmm.folds import Facts, Fold, Index
from clinmm.losses import start_of_training
from clinmm.model import MultimodalClassifier
from clinmm.stored_models import Description

FINE_TUNE = 0.1
"""Learning rate of models that start from trained ones, as a share of the config's."""

CHECKPOINT_SECONDS = 20.0
"""Training that takes less is done again rather than kept."""


class Trained(NamedTuple):
    """What rebuilds the models of an arm and fold, the models, and (member, epoch) of each."""

    description: Description
    models: list[MultimodalClassifier]
    history: list[tuple[int, Epoch]]


def train_arm(
    cohort: Cohort,
    config: StudyConfig,
    inputs: list[str],
    fold: Fold,
    batch: Batch,
    facts: Facts,
    *,
    fabric: Any,
    alone: dict[str, list[MultimodalClassifier]] | None = None,
    on_epoch: Callable[[int, Epoch], None] | None = None,
    checkpoints: Path | None = None,
) -> Trained:
    """The models of one arm in one fold.

    An arm of several inputs starts from models trained on each of them alone, and then has the
    same budget once more. Trained from scratch together, an input that is learned quickly stops
    the training before one that is learned slowly (Wang, Tran, Feiszli, CVPR 2020).

    Args:
        inputs: names, in the order of the batch.
        batch: every case of the cohort, with at least these inputs.
        alone: input -> the fold's models on it alone; trained here if left out.
        on_epoch: told the member and what its epoch gave.
        checkpoints: folder from which a stopped training of this arm and fold goes on.

    Raises:
        InputError: too few cases to train or to stop on have one of the inputs.
    """
    own = batch.only(inputs)
    usable = (own.present.any(1) & own.known.any(1)).numpy()
    description = _description(cohort, config, inputs, facts, fold, usable)
    if len(inputs) > 1 and alone is None:
        alone = {
            name: train_arm(cohort, config, [name], fold, batch, facts, fabric=fabric).models
            for name in inputs
        }
    models, history = [], []
    for member in range(fold.n_members):
        train, validate = (_usable(rows, usable, inputs) for rows in fold.training_of(member))
        seed = np.random.SeedSequence([config.seed, fold.repeat, fold.fold, member])
        number = int(seed.generate_state(1)[0])
        model, settings = _seeded(description, number), config.train
        if alone is None or len(inputs) == 1:
            model.start_from(own.take(train))
        else:
            model.take_over({name: alone[name][member] for name in inputs})
            settings = settings.fine_tuning(FINE_TUNE)
        epochs = fit(
            model,
            own.take(train),
            own.take(validate),
            settings,
            task=cohort.task,
            seed=number,
            fabric=fabric,
            on_epoch=partial(on_epoch, member) if on_epoch else None,
            checkpoint=_checkpoint(checkpoints, inputs, fold, member),
            checkpoint_seconds=CHECKPOINT_SECONDS,
        )
        model.cpu().settle(own.take(np.concatenate([train, validate])))
        models.append(model)
        history += [(member, epoch) for epoch in epochs]
    return Trained(description, models, history)


def _description(
    cohort: Cohort,
    config: StudyConfig,
    inputs: list[str],
    facts: Facts,
    fold: Fold,
    usable: NDArray[np.bool_],
) -> Description:
    return Description(
        inputs=inputs,
        encoders={name: config.encoders[name].model_dump() for name in inputs},
        facts={name: facts[name] for name in inputs},
        fusion=config.fusion_file.model_dump(),
        start=start_of_training(cohort.targets()[fold.learned & usable], cohort.task),
        class_names=cohort.class_names,
        task=cohort.task,
        members=fold.n_members,
        ordered=cohort.ordered,
        absent=config.train.absent,
    )


def _checkpoint(folder: Path | None, inputs: list[str], fold: Fold, member: int) -> Path | None:
    name = f"{'+'.join(inputs)}_{fold.repeat}_{fold.fold}_{member}.ckpt"
    return folder / name if folder else None


def _usable(rows: Index, usable: Any, inputs: list[str]) -> Index:
    kept: Index = rows[usable[rows]]
    if len(kept) < 2:
        raise InputError(
            f"only {len(kept)} cases of a training or validation part have {' or '.join(inputs)} "
            "and a recorded target. Use fewer folds, or drop the input from the cohort file."
        )
    return kept


def _seeded(description: Description, seed: int) -> MultimodalClassifier:
    """A new model whose first weights depend on the seed alone."""
    torch.manual_seed(seed)
    return description.build()
