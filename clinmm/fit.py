"""The training loop, in sight: one model, one optimiser, early stopping on `validate`."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clinmm.cases import Batch
from clinmm.config import Optimiser, TrainConfig
from clinmm.errors import InputError
from clinmm.losses import masked_loss
from clinmm.metrics.auroc import auroc
from clinmm.model import Logits, MultimodalClassifier

WARM_UP, START_DIVISOR = 0.3, 25.0
"""Shape of the cycle, as in torch's OneCycleLR."""


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training cases gave. validate_auroc: macro, NaN if undefined."""

    epoch: int
    train_loss: float
    validate_loss: float
    validate_auroc: float
    best: str | None = None


def make_fabric(config: TrainConfig) -> Any:
    """Lightning Fabric on the device and precision of the config."""
    from lightning_fabric import Fabric

    return Fabric(accelerator=config.device, devices=1, precision=config.precision)


def fit(
    model: MultimodalClassifier,
    train: Batch,
    validate: Batch,
    config: TrainConfig,
    *,
    task: str,
    seed: int,
    fabric: Any,
    on_epoch: Callable[[Epoch], None] | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 0.0,
) -> list[Epoch]:
    """Trains the model in place and leaves it with the weights of its best epoch.

    Args:
        model: at its starting values, which stay if no epoch is better.
        train, validate: prepared cases with the model's inputs.
        task: binary, multilabel or multiclass.
        seed: of the order of cases, dropout and augmentation.
        on_epoch: told after every epoch.
        checkpoint: file to go on from if it exists, removed at the end.
        checkpoint_seconds: it is written after the first epoch that ends so long after the last.

    Returns:
        One Epoch per epoch done, and epoch 0 before the first; `best` marks the one whose weights
        were kept.
    """
    torch.manual_seed(seed)
    optimiser = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad],
        lr=config.optimiser.lr,
        weight_decay=float(np.min(config.optimiser.weight_decay)),
    )
    ready, optimiser = fabric.setup(model, optimiser)
    train, validate = train.to(fabric.device), validate.to(fabric.device)
    best = copy.deepcopy(model.state_dict())
    history = [Epoch(0, float("nan"), *_score(model, validate, config, task))]
    if checkpoint and checkpoint.is_file():
        history, best = _resume(checkpoint, model, optimiser)
    saved = time.monotonic()
    while len(history) <= config.epochs and not _has_stopped(history, config):
        number = len(history)
        order = np.random.default_rng([seed, number]).permutation(len(train))
        loss = _one_pass(ready, train, order, number, optimiser, config, task, fabric)
        if not math.isfinite(loss):
            raise InputError(
                f"training: the loss of epoch {number} is not a number. Lower train.optimiser.lr."
            )
        validate_loss, score = _score(model, validate, config, task)
        epoch = Epoch(number, loss, validate_loss, score)
        history.append(epoch)
        if _best(history) == number:
            best = copy.deepcopy(model.state_dict())
        if on_epoch:
            on_epoch(epoch)
        if checkpoint and time.monotonic() - saved >= checkpoint_seconds:
            _save(checkpoint, model, optimiser, history, best)
            saved = time.monotonic()
    model.load_state_dict(best)
    model.eval()
    if checkpoint:
        checkpoint.unlink(missing_ok=True)
    kept = _best(history)
    return [replace(e, best="yes" if i == kept else None) for i, e in enumerate(history)]


def _best(history: list[Epoch]) -> int:
    return int(np.argmin([epoch.validate_loss for epoch in history]))


def _has_stopped(history: list[Epoch], config: TrainConfig) -> bool:
    """A cycle is run to its end, because its last, slow epochs are its point."""
    if config.optimiser.schedule == "one_cycle":
        return False
    return len(history) - 1 - _best(history) >= config.patience


def learning_rate(optimiser: Optimiser, done: float) -> float:
    """The rate after a share `done` of the budget, 0 to 1.

    one_cycle: from lr / 25 up to lr in the first 30 %, then down to 0, both along a cosine.
    Source: Smith & Topin, Super-convergence, SPIE 11006 (2019).
    """
    if optimiser.schedule == "constant":
        return optimiser.lr
    if done < WARM_UP:
        rise = (1 - math.cos(math.pi * done / WARM_UP)) / 2
        return optimiser.lr * (1 + (START_DIVISOR - 1) * rise) / START_DIVISOR
    return optimiser.lr * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2


def _one_pass(
    model: Any,
    train: Batch,
    order: NDArray[np.int_],
    number: int,
    optimiser: Any,
    config: TrainConfig,
    task: str,
    fabric: Any,
) -> float:
    """Epoch `number`, from 1; the mean training loss."""
    model.train()
    total = 0.0
    for first in range(0, len(order), config.batch_size):
        some = order[first : first + config.batch_size]
        if len(some) < 2 and len(order) > 1:
            continue  # batch normalisation has no variance of one case
        done = (number - 1 + first / len(order)) / config.epochs
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config.optimiser, done)
        batch = train.take(some)
        present = _hidden_at_random(batch.present, config.input_dropout)
        logits = model(batch.inputs, present, batch.present)
        loss = _loss(logits, batch, present, model.start, config, task)
        optimiser.zero_grad()
        fabric.backward(loss)
        optimiser.step()
        total += float(loss.detach()) * len(some)
    return total / len(order)


def _hidden_at_random(present: Tensor, chance: float) -> Tensor:
    """Hides inputs from cases, but never the last one that a case has."""
    hidden = torch.rand(present.shape, device=present.device) < chance
    left = present & ~hidden
    return torch.where(left.any(1, keepdim=True), left, present)


def _loss(
    logits: Logits, batch: Batch, present: Tensor, log_odds: Tensor, config: TrainConfig, task: str
) -> Tensor:
    """Loss of the answer, plus that of the heads on each input alone."""
    balanced = config.class_weights == "balanced"
    loss = masked_loss(
        logits.fused, batch.target, batch.known, log_odds, task=task, balanced=balanced
    )
    if len(logits.alone) > 1 and config.single_input_loss:
        single = [
            masked_loss(
                alone,
                batch.target,
                batch.known & batch.present[:, i : i + 1],
                log_odds,
                task=task,
                balanced=balanced,
            )
            for i, alone in enumerate(logits.alone.values())
        ]
        loss = loss + config.single_input_loss * torch.stack(single).mean()
    return loss


@torch.no_grad()
def _score(
    model: MultimodalClassifier, validate: Batch, config: TrainConfig, task: str
) -> tuple[float, float]:
    """(loss, macro AUROC over the classes that have both outcomes, else NaN) on `validate`."""
    model.eval()
    pieces = [
        model(piece.inputs, piece.present).fused
        for piece in (
            validate.take(np.arange(first, min(first + 256, len(validate))))
            for first in range(0, len(validate), 256)
        )
    ]
    logits = torch.cat(pieces)
    balanced = config.class_weights == "balanced"
    loss = masked_loss(
        logits, validate.target, validate.known, model.start, task=task, balanced=balanced
    )
    return float(loss), _macro_auroc(logits, validate)


def _macro_auroc(logits: Tensor, batch: Batch) -> float:
    scores = []
    for k in range(logits.shape[1]):
        known = batch.known[:, k].cpu().numpy()
        y = batch.target[:, k].cpu().numpy()[known]
        if len(np.unique(y)) == 2:
            scores.append(auroc(y, torch.sigmoid(logits[:, k]).cpu().numpy()[known]))
    return float(np.mean(scores)) if scores else float("nan")


def _save(
    file: Path, model: MultimodalClassifier, optimiser: Any, history: list[Epoch], best: Any
) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".writing")
    torch.save(
        {
            "model": model.state_dict(),
            "best": best,
            "optimiser": optimiser.state_dict(),
            "history": [asdict(epoch) for epoch in history],
            "random": torch.get_rng_state(),
        },
        temporary,
    )
    temporary.replace(file)


def _resume(
    file: Path, model: MultimodalClassifier, optimiser: Any
) -> tuple[list[Epoch], dict[str, Tensor]]:
    saved = torch.load(file, weights_only=True)
    model.load_state_dict(saved["model"])
    optimiser.load_state_dict(saved["optimiser"])
    torch.set_rng_state(saved["random"])
    return [Epoch(**epoch) for epoch in saved["history"]], saved["best"]
