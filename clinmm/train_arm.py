"""Trains the models of one arm in one fold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from clinmm.cases import Batch
from clinmm.cohort.cohort import Cohort
from clinmm.config import StudyConfig, TrainConfig
from clinmm.errors import InputError
from clinmm.fit import Epoch, fit
from clinmm.folds import Facts, Fold, Index
from clinmm.losses import check_loss, start_of_training
from clinmm.model import MultimodalClassifier
from clinmm.stored_models import Description
from clinmm.training.mitigated import Mitigated, PlainTraining

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
    seeds: int = 1,
    mitigation: Mitigated | None = None,
    on_epoch: Callable[[int, Epoch], None] | None = None,
    checkpoints: Path | None = None,
) -> Trained:
    """The models of one arm in one fold: for each part that the fold stops on, `seeds` of them.

    An arm of several inputs starts from models trained on each of them alone, and then has the
    same budget once more. Trained from scratch together, an input that is learned quickly stops
    the training before one that is learned slowly (Wang, Tran, Feiszli, CVPR 2020).

    Of several weight decays, all models of the arm and fold have the one with which their mean
    loss on `validate` is lowest: a choice for the recipe, not for each model.

    Args:
        inputs: names, in the order of the batch.
        batch: every case of the cohort, with at least these inputs.
        alone: input -> the fold's models on it alone, one for each part that it stops on or one
            for each model to train; trained here if left out.
        seeds: models that differ in their first weights and the order of cases alone (deep
            ensemble: Lakshminarayanan, Pritzel, Blundell, NeurIPS 2017). Where `alone` has one
            model for each part, those of a part start from the same encoders.
        mitigation: what changes the training of every model, those on single inputs as well if
            they are trained here, with the group of each case of the batch.
        on_epoch: told the number of the model and what its epoch gave.
        checkpoints: folder from which a stopped training goes on. What is in it is the caller's to
            remove once the models are stored.

    Raises:
        InputError: too few cases to train or to stop on have one of the inputs, the loss is not
            for this target, or the mitigation has the groups of other cases.
    """
    check_loss(config.train.loss, cohort.task, ordered=cohort.ordered)
    if mitigation and len(mitigation.codes) != len(batch):
        raise InputError(
            f"mitigation: groups of {len(mitigation.codes)} cases for a batch of {len(batch)}. "
            "Give one code for each case of the batch, in its order."
        )
    own = batch.only(inputs)
    usable = (own.present.any(1) & own.known.any(1)).numpy()
    description = _description(cohort, config, inputs, facts, fold, usable, seeds)
    given = _Given(fabric, seeds, mitigation, checkpoints)
    if len(inputs) > 1 and alone is None:
        alone = {
            name: train_arm(cohort, config, [name], fold, batch, facts, **vars(given)).models
            for name in inputs
        }
    arm = _Arm(config.seed, fold, own, usable, description, alone or {}, given, on_epoch)
    candidates = [
        [arm.trained(number, settings) for number in range(description.members)]
        for settings in _each_decay(config.train)
    ]
    kept = min(candidates, key=lambda models: _mean_loss([epochs for _, epochs in models]))
    history = [(number, epoch) for number, (_, epochs) in enumerate(kept) for epoch in epochs]
    return Trained(description, [model for model, _ in kept], history)


@dataclass(frozen=True)
class _Given:
    """Arguments of `train_arm` that hold for the models on each input alone as well."""

    fabric: Any
    seeds: int
    mitigation: Mitigated | None
    checkpoints: Path | None


@dataclass(frozen=True, eq=False)
class _Arm:
    """One arm in one fold. own: every case of the cohort, with the arm's inputs. usable: (n,), of
    them, those to train or stop on. alone: empty where nothing is taken over."""

    seed: int
    fold: Fold
    own: Batch
    usable: NDArray[np.bool_]
    description: Description
    alone: dict[str, list[MultimodalClassifier]]
    given: _Given
    on_epoch: Callable[[int, Epoch], None] | None

    def trained(
        self, number: int, settings: TrainConfig
    ) -> tuple[MultimodalClassifier, list[Epoch]]:
        """Model number so and so, with its epochs."""
        member, nth = divmod(number, self.given.seeds)
        inputs = self.description.inputs
        train, validate = (
            _usable(rows, self.usable, inputs) for rows in self.fold.training_of(member)
        )
        seed = _seed(self.seed, self.fold, member, nth)
        model = _seeded(self.description, seed)
        if len(inputs) == 1 or not self.alone:
            model.start_from(self.own.take(train))
        else:
            model.take_over(self._starts_of(number))
            settings = settings.fine_tuning(FINE_TUNE)
        mitigation = self.given.mitigation
        epochs = fit(
            model,
            self.own.take(train),
            self.own.take(validate),
            settings,
            seed=seed,
            fabric=self.given.fabric,
            mitigation=mitigation.among(train, validate) if mitigation else PlainTraining,
            on_epoch=partial(self.on_epoch, number) if self.on_epoch else None,
            checkpoint=self._checkpoint(number, settings),
            checkpoint_seconds=CHECKPOINT_SECONDS,
        )
        model.settle(self.own.take(np.concatenate([train, validate])))
        return model.cpu(), epochs

    def _starts_of(self, number: int) -> dict[str, MultimodalClassifier]:
        """The model on each input alone that this one starts from."""
        members = self.description.members
        return {
            name: self.alone[name][number * len(self.alone[name]) // members]
            for name in self.description.inputs
        }

    def _checkpoint(self, number: int, settings: TrainConfig) -> Path | None:
        """One file for each training; the arm of K seeds has the inputs of the fused arm."""
        folder, mitigation = self.given.checkpoints, self.given.mitigation
        decay = settings.optimiser.weight_decay
        parts: list[Any] = [
            self.fold.repeat,
            self.fold.fold,
            f"{number}of{self.given.seeds}",
            decay,
        ]
        parts += [mitigation.key] if mitigation else []
        name = f"{'+'.join(self.description.inputs)}_{'_'.join(map(str, parts))}.ckpt"
        return folder / name if folder else None


def _each_decay(train: TrainConfig) -> list[TrainConfig]:
    """The same budget with each weight decay; the strongest first, which wins a tie."""
    decays = np.unique(train.optimiser.weight_decay)[::-1]
    optimisers = [train.optimiser.model_copy(update={"weight_decay": float(d)}) for d in decays]
    return [train.model_copy(update={"optimiser": optimiser}) for optimiser in optimisers]


def _mean_loss(histories: Sequence[list[Epoch]]) -> float:
    """Over the models, the loss on `validate` of the epoch that was kept."""
    return float(np.mean([min(e.validate_loss for e in epochs) for epochs in histories]))


def _description(
    cohort: Cohort,
    config: StudyConfig,
    inputs: list[str],
    facts: Facts,
    fold: Fold,
    usable: NDArray[np.bool_],
    seeds: int,
) -> Description:
    learned = fold.learned & usable
    return Description(
        inputs=inputs,
        encoders={name: config.encoders[name].model_dump() for name in inputs},
        facts={name: facts[name] for name in inputs},
        fusion=config.fusion_file.model_dump(),
        start=start_of_training(cohort.training_targets()[learned], cohort.task),
        class_names=cohort.class_names,
        task=cohort.task,
        members=fold.n_members * seeds,
        ordered=cohort.ordered,
        absent=config.train.absent,
        seeds=seeds,
    )


def _usable(rows: Index, usable: Any, inputs: list[str]) -> Index:
    kept: Index = rows[usable[rows]]
    if len(kept) < 2:
        raise InputError(
            f"only {len(kept)} cases of a training or validation part have {' or '.join(inputs)} "
            "and a recorded target. Use fewer folds, or drop the input from the cohort file."
        )
    return kept


def _seed(seed: int, fold: Fold, member: int, nth: int) -> int:
    """The first of several models of a member is the one that an arm of one seed has."""
    parts = [seed, fold.repeat, fold.fold, member, *([nth] if nth else [])]
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _seeded(description: Description, seed: int) -> MultimodalClassifier:
    """A new model whose first weights depend on the seed alone."""
    torch.manual_seed(seed)
    return description.build()
