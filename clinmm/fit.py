"""The training loop, in sight: one model, one optimiser, early stopping on `validate`."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from clinmm.cases import Batch
from clinmm.config import TrainConfig
from clinmm.errors import InputError
from clinmm.losses import NOTHING, Criterion
from clinmm.model import MultimodalClassifier
from clinmm.training import checkpoint as checkpoints
from clinmm.training.balance import slowed_steps
from clinmm.training.checkpoint import Progress
from clinmm.training.compiled import compiled
from clinmm.training.epoch import Epoch, InputEpoch
from clinmm.training.hidden import hidden_at_random
from clinmm.training.mitigated import Begin, PlainTraining, Said, Training
from clinmm.training.optimisers import Held, adamw, learning_rate, set_rate
from clinmm.training.running_mean import RunningMean
from clinmm.training.scores import scores

__all__ = ["Epoch", "InputEpoch", "fit", "make_fabric"]


def make_fabric(config: TrainConfig) -> Any:
    """Lightning Fabric on the device and precision of the config."""
    from lightning_fabric import Fabric

    return Fabric(accelerator=config.device, devices=1, precision=config.precision)


class Course(NamedTuple):
    """What a training does not change.

    labels: (N, K), weight: (N, K) or (N, 1), of the training cases, as from `Criterion`, a
        mitigation's weights being multiplied in.
    """

    train: Batch
    labels: Tensor
    weight: Tensor
    validate: Batch
    criterion: Criterion
    held: Held
    config: TrainConfig
    seed: int
    fabric: Any


def fit(
    model: MultimodalClassifier,
    train: Batch,
    validate: Batch,
    config: TrainConfig,
    *,
    seed: int,
    fabric: Any,
    mitigation: Begin = PlainTraining,
    on_epoch: Callable[[Epoch], None] | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 0.0,
) -> list[Epoch]:
    """Trains the model in place and leaves it with the weights of its best epoch.

    Args:
        model: at its starting values, which stay if no epoch is better.
        train, validate: prepared cases with the model's inputs.
        config: with one weight decay.
        seed: of the order of cases, dropout and augmentation.
        mitigation: what changes the training so that the worst-served group is served better.
        on_epoch: told after every epoch.
        checkpoint: file to go on from if it exists. Once written it stays until the caller has
            stored the model: a training that it says is done is not done again.
        checkpoint_seconds: it is written after the first step that ends so long after the last.

    Returns:
        One Epoch per epoch done, and epoch 0 before the first; `best` marks the one whose weights
        were kept.

    Raises:
        InputError: the loss is not for this target, or is no longer a number.
    """
    torch.manual_seed(seed)
    model.to(fabric.device)
    train, validate = train.to(fabric.device), validate.to(fabric.device)
    criterion, held = Criterion.of(model, config), Held(model, config.release_after)
    changes = mitigation(Training(model, train, validate, criterion))
    labels, weight = criterion.labels(train.target), criterion.weight(train.target, train.known)
    weight = weight * changes.case_weights()
    course = Course(train, labels, weight, validate, criterion, held, config, seed, fabric)
    state = _start(course, model, changes)
    if checkpoint and checkpoint.is_file():
        checkpoints.load(checkpoint, state, fabric.strategy.precision)
    saved = time.monotonic()

    def save_if_due() -> None:
        nonlocal saved
        if checkpoint and time.monotonic() - saved >= checkpoint_seconds:
            checkpoints.save(checkpoint, state, fabric.strategy.precision)
            saved = time.monotonic()

    with compiled(model, config.compile):
        while not state.done:
            _one_pass(course, state, save_if_due)
            _close_epoch(course, state)
            if on_epoch:
                on_epoch(state.history[-1])
            save_if_due()
    if checkpoint and checkpoint.is_file():
        checkpoints.save(checkpoint, state, fabric.strategy.precision)
    held.let_go()
    model.load_state_dict(state.best)
    model.eval()
    kept = _best(state.history)
    return [replace(e, best="yes" if i == kept else None) for i, e in enumerate(state.history)]


def _start(course: Course, model: MultimodalClassifier, changes: PlainTraining) -> Progress:
    """Before the first step: epoch 0 is judged, and its weights are the best so far."""
    config = course.config
    optimiser = adamw(model, config.optimiser, by_input=config.balance == "slow_dominant")
    for group in changes.trained_along():
        optimiser.add_param_group({"input": None, **group})
    state = Progress(
        model,
        changes,
        course.fabric.setup_optimizers(optimiser),
        RunningMean(model, config.ema) if config.ema else None,
        history=[],
        best=copy.deepcopy(model.state_dict()),
        sums=_no_sums(model),
    )
    state.history.append(_judged(course, state, float("nan"), []))
    return state


def _no_sums(model: MultimodalClassifier) -> dict[str, Tensor]:
    """Of an epoch: loss times cases; per input, weighted losses of the head, weights, steps."""
    per_input = torch.zeros(len(model.names), device=model.start.device)
    each = {key: per_input.clone() for key in ("heads", "weight", "step")}
    return {"loss": per_input.new_zeros(()), **each}


def _one_pass(course: Course, state: Progress, after_step: Callable[[], None]) -> None:
    """What is left of the epoch under way."""
    config, n, number = course.config, len(course.train), len(state.history)
    state.model.train()
    course.held.before(number)
    order = state.changes.order(np.random.default_rng([course.seed, number]))
    if n > 1 and n % config.batch_size == 1:
        order = order[:-1]  # batch normalisation has no variance of one case
    rows_of_step = torch.from_numpy(order).to(course.fabric.device)
    steps = torch.split(rows_of_step, config.batch_size * config.accumulate)
    for i in range(state.steps, len(steps)):
        done = (number - 1 + i * len(steps[0]) / n) / config.epochs
        _one_step(course, state, steps[i], done)
        state.steps = i + 1
        after_step()


def _one_step(course: Course, state: Progress, rows: Tensor, done: float) -> None:
    """One step of the optimiser, on the cases at these positions of `train`, when a share `done`
    of the budget is spent."""
    config, model, sums = course.config, state.model, state.sums
    weight, present = course.weight[rows], course.train.present[rows]
    whole = weight.sum().clamp_min(NOTHING)
    of_input = (weight.sum(1, keepdim=True) * present).sum(0)
    heads = torch.zeros_like(of_input)
    state.optimiser.zero_grad()
    for part in torch.split(rows, config.batch_size):
        loss, of_heads = _loss(course, state, part, whole, of_input, len(rows), done)
        course.fabric.backward(loss)
        sums["loss"] += loss.detach() * len(rows)
        heads += of_heads
    sums["heads"] += heads
    sums["weight"] += of_input
    slowed = None
    if config.balance == "slow_dominant" and len(model.names) > 1:
        steps = slowed_steps(heads / of_input.clamp_min(NOTHING), of_input > NOTHING)
        sums["step"] += steps
        slowed = dict(zip(model.names, steps.tolist(), strict=True))
    set_rate(state.optimiser, learning_rate(config.optimiser, done), slowed)
    state.optimiser.step()
    if state.mean:
        state.mean.update()


def _loss(
    course: Course,
    state: Progress,
    rows: Tensor,
    whole: Tensor,
    of_input: Tensor,
    n_cases: int,
    done: float,
) -> tuple[Tensor, Tensor]:
    """(part that these cases have in the loss of a step, (M,) their weighted losses by head).

    The loss is that of the answer, plus that of the heads on each input alone, plus how far the
    answer from the inputs that are left is from the answer from all, plus what a mitigation adds.

    whole, of_input: total weight of all cases of the step, and of those that have each input.
    n_cases: of the step.
    """
    config, criterion, batch = course.config, course.criterion, course.train.take(rows)
    model, changes = state.model, state.changes
    labels, weight = course.labels[rows], course.weight[rows]
    left = changes.left(rows, hidden_at_random(batch.present, config.input_dropout))
    with course.fabric.autocast():
        encoded = model.encode(batch.inputs, batch.present)
        answer = model.answer(encoded, left)
    losses = criterion.each(answer, labels)
    weight = changes.reweighted(rows, weight, losses.detach())
    loss = (losses * weight).sum() / whole
    heads = loss.detach()[None] * whole
    extra = changes.extra_loss(Said(rows, encoded, answer, losses, weight, done))
    if extra is not None:
        loss = loss + extra * (len(rows) / n_cases)
    if len(model.names) < 2:
        return loss, heads
    with torch.set_grad_enabled(config.single_input_loss > 0), course.fabric.autocast():
        each = criterion.each(model.answers_alone(encoded), labels[:, None])  # (B, M, K)
    heads = (each * weight[:, None] * batch.present[..., None]).sum((0, 2))
    if config.single_input_loss:
        loss = loss + config.single_input_loss * (heads / of_input.clamp_min(NOTHING)).mean()
    if config.distillation:
        with torch.no_grad(), course.fabric.autocast():
            full = model.answer(encoded, batch.present)
        loss = loss + config.distillation * criterion.apart(answer, full).sum() / n_cases
    return loss, heads.detach()


def _close_epoch(course: Course, state: Progress) -> None:
    """Judges the epoch whose steps are done, and keeps its weights if they are the best."""
    number, sums = len(state.history), state.sums
    loss = float(sums["loss"]) / len(course.train)
    slowed = course.config.balance == "slow_dominant"
    steps = sums["step"] / state.steps if slowed else torch.ones_like(sums["step"])
    trained = torch.stack([sums["heads"] / sums["weight"], steps], dim=1)
    judged = _judged(course, state, loss, trained.tolist())
    if not math.isfinite(loss + judged.validate_loss):
        raise InputError(
            f"training: the loss of epoch {number} is not a number. Lower train.optimiser.lr."
        )
    state.history.append(judged)
    state.sums, state.steps = _no_sums(state.model), 0
    if _best(state.history) == number:
        state.best = copy.deepcopy(state.kept.state_dict())
    state.done = number == course.config.epochs or _has_stopped(
        state.history, course.config, course.held.epochs
    )


def _judged(course: Course, state: Progress, loss: float, heads: list[list[float]]) -> Epoch:
    """The epoch by `validate`; heads: per input, its training loss and its share of a step."""
    criterion = course.criterion.unsmoothed()
    answer, alone = scores(state.kept, course.validate, criterion, course.fabric, state.changes)
    inputs = tuple(
        InputEpoch(name, trained, one.loss, one.auroc, step)
        # none before the first epoch, and none of a single input
        for name, one, (trained, step) in zip(state.model.names, alone, heads, strict=False)
    )
    decay = float(np.min(course.config.optimiser.weight_decay))
    return Epoch(len(state.history), loss, *answer, weight_decay=decay, inputs=inputs)


def _best(history: list[Epoch]) -> int:
    return int(np.argmin([epoch.validate_loss for epoch in history]))


def _has_stopped(history: list[Epoch], config: TrainConfig, held: int) -> bool:
    """A cycle is run to its end, because its last, slow epochs are its point. Patience counts from
    when the last body is let go."""
    if config.optimiser.schedule != "constant":
        return False
    return len(history) - 1 - max(_best(history), held) >= config.patience
