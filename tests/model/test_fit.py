import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plain_model import plain_batch, plain_model
from tiny_encoders import Make

from clinmm.cases import Batch
from clinmm.config import Component, Optimiser, TrainConfig
from clinmm.fit import Epoch, fit, make_fabric
from clinmm.model import MultimodalClassifier
from clinmm.training import checkpoint
from clinmm.training.hidden import hidden_at_random

TRAIN, VALIDATE = plain_batch(60, seed=1, absent=0.2), plain_batch(40, seed=2, absent=0.2)


@pytest.fixture(scope="module")
def fabric() -> Any:
    return make_fabric(TrainConfig(device="cpu"))


def budget(**changes: Any) -> TrainConfig:
    settings = {"epochs": 5, "batch_size": 16, "device": "cpu", "optimiser": Optimiser(lr=0.05)}
    return TrainConfig.model_validate({**settings, **changes})


def train(
    fabric: Any, config: TrainConfig, seed: int = 0, model: Any = None, **arguments: Any
) -> tuple[MultimodalClassifier, list[Epoch]]:
    model = model or plain_model()
    arguments = {"train": TRAIN, "validate": VALIDATE, **arguments}
    history = fit(model, **arguments, config=config, seed=seed, fabric=fabric)
    return model, history


def same_weights(one: MultimodalClassifier, other: MultimodalClassifier) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return all(torch.equal(ours[key], theirs[key]) for key in ours)


def loss_of(model: MultimodalClassifier, batch: Batch) -> float:
    """Unbalanced mean log loss, written anew."""
    with torch.no_grad():
        logits = model.eval()(batch.inputs, batch.present).fused
    return float(torch.logaddexp(logits, torch.zeros(())).sub(batch.target * logits).mean())


def test_training_learns(fabric: Any) -> None:
    _, history = train(fabric, budget(epochs=20, class_weights="none"))
    assert [epoch.epoch for epoch in history] == list(range(len(history)))
    best = min(history, key=lambda epoch: epoch.validate_loss)
    assert best.validate_loss < history[0].validate_loss - 0.1
    assert best.validate_auroc > 0.8
    assert history[0].validate_auroc == 0.5, "before training every case looks the same"
    assert np.isnan(history[0].train_loss)


def test_the_best_epochs_weights_are_kept_and_marked(fabric: Any) -> None:
    config = budget(epochs=12, patience=12, optimiser=Optimiser(lr=0.5), class_weights="none")
    model, history = train(fabric, config)
    losses = [epoch.validate_loss for epoch in history]
    best = int(np.argmin(losses))
    assert 0 < best < len(history) - 1, "the test wants a best epoch in the middle"
    assert [epoch.epoch for epoch in history if epoch.best] == [best]
    assert loss_of(model, VALIDATE) == pytest.approx(losses[best], abs=1e-5)
    assert not model.training


def test_training_stops_when_nothing_has_got_better_for_a_while(fabric: Any) -> None:
    config = budget(epochs=50, patience=3, optimiser=Optimiser(lr=0.5))
    _, history = train(fabric, config)
    best = next(epoch.epoch for epoch in history if epoch.best)
    assert len(history) - 1 == best + 3 < 50


def test_weights_that_only_get_worse_leave_the_start(fabric: Any) -> None:
    wrong = Batch(VALIDATE.inputs, VALIDATE.present, 1 - VALIDATE.target, VALIDATE.known)
    start = copy.deepcopy(plain_model())
    model, history = train(fabric, budget(patience=2), validate=wrong)
    assert history[0].best == "yes"
    assert same_weights(model, start)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(fabric: Any) -> None:
    first, _ = train(fabric, budget())
    model = plain_model()
    torch.rand(17)  # what was drawn before does not count
    again, _ = train(fabric, budget(), model=model)
    other, _ = train(fabric, budget(), seed=1)
    assert same_weights(first, again)
    assert not same_weights(first, other)


@pytest.mark.parametrize("stopped_after", [1, 3])
def test_going_on_from_a_checkpoint_is_bit_equal(
    fabric: Any, tmp_path: Path, stopped_after: int
) -> None:
    config = budget(input_dropout=0.3, epochs=6, patience=6)
    whole, expected = train(fabric, config, model=plain_model(fusion="concat"))
    file = tmp_path / "half" / "checkpoint.pt"

    class Stopped(Exception):
        pass

    def stop(epoch: Epoch) -> None:
        if epoch.epoch == stopped_after + 1:  # the checkpoint of this epoch is not written
            raise Stopped

    with pytest.raises(Stopped):
        train(fabric, config, checkpoint=file, on_epoch=stop)
    assert file.is_file()
    torch.rand(5)
    resumed, history = train(fabric, config, checkpoint=file)
    assert same_weights(resumed, whole)
    np.testing.assert_equal([vars(e) for e in history], [vars(e) for e in expected])
    assert list(file.parent.iterdir()) == [file], "nothing half-written stays"
    told: list[Epoch] = []
    again, history = train(fabric, config, checkpoint=file, on_epoch=told.append)
    assert told == [], "what is done is not done again"
    assert same_weights(again, whole)
    np.testing.assert_equal([vars(e) for e in history], [vars(e) for e in expected])


EVERYTHING_REMEMBERED = {
    "input_dropout": 0.3,
    "distillation": 0.5,
    "accumulate": 2,
    "batch_size": 8,
    "ema": 0.9,
    "balance": "slow_dominant",
    "epochs": 4,
    "optimiser": Optimiser(lr=0.8, schedule="warm_up_cosine"),
}


@pytest.mark.parametrize("stopped_after", [1, 2, 3, 4, 7, 11])
def test_going_on_from_any_step_of_an_epoch_is_bit_equal(
    fabric: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_after: int
) -> None:
    config = budget(**EVERYTHING_REMEMBERED)
    whole, expected = train(fabric, config)
    assert [e.epoch for e in expected if e.best] == [1], "the best must outlive a checkpoint"

    class Stopped(Exception):
        pass

    saved: list[Path] = []
    save = checkpoint.save

    def save_and_stop(file: Path, *rest: Any) -> None:
        save(file, *rest)
        saved.append(file)
        if len(saved) == stopped_after:
            raise Stopped

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    with pytest.raises(Stopped):
        train(fabric, config, checkpoint=tmp_path / "c.ckpt")
    torch.rand(5)
    resumed, history = train(fabric, config, checkpoint=tmp_path / "c.ckpt")
    assert same_weights(resumed, whole)
    np.testing.assert_equal([vars(e) for e in history], [vars(e) for e in expected])


def test_a_half_written_checkpoint_is_not_read(fabric: Any, tmp_path: Path) -> None:
    (tmp_path / "c.writing").write_bytes(b"half")
    whole, _ = train(fabric, budget())
    again, _ = train(fabric, budget(), checkpoint=tmp_path / "c.ckpt")
    assert same_weights(again, whole)


def test_input_dropout_never_hides_the_last_input() -> None:
    torch.manual_seed(0)
    present = torch.tensor([[True, False, False], [True, True, True], [False] * 3] * 400)
    left = torch.stack([hidden_at_random(present, 0.6) for _ in range(5)])
    assert left[:, 0::3].equal(present[0::3].expand(5, -1, -1))
    assert left[:, 1::3].any(2).all()
    assert not left[:, 2::3].any()
    assert not (left & ~present).any(), "an absent input does not appear"
    # of three inputs, each stays with .4, and all three with .6^3 where none would be left
    assert left[:, 1::3].float().mean().item() == pytest.approx(0.4 + 0.6**3, abs=0.03)
    assert hidden_at_random(present, 0.0).equal(present)


def test_input_dropout_changes_what_is_learned(fabric: Any) -> None:
    first, _ = train(fabric, budget(input_dropout=0.0))
    second, _ = train(fabric, budget(input_dropout=0.5))
    assert not same_weights(first, second)


def test_an_absent_inputs_content_never_reaches_the_weights(fabric: Any) -> None:
    junk = {
        name: {
            "values": torch.where(TRAIN.present[:, i : i + 1], tensors["values"], torch.tensor(7e3))
        }
        for i, (name, tensors) in enumerate(TRAIN.inputs.items())
    }
    dirty = Batch(junk, TRAIN.present, TRAIN.target, TRAIN.known)
    assert same_weights(train(fabric, budget())[0], train(fabric, budget(), train=dirty)[0])


def test_an_input_that_no_case_has_teaches_its_head_nothing(fabric: Any) -> None:
    present = TRAIN.present.clone()
    present[:, 1] = False
    only_a = Batch(TRAIN.inputs, present, TRAIN.target, TRAIN.known)
    model, _ = train(fabric, budget(patience=5), train=only_a)
    head = model.heads["input_b"]
    assert not head.weight.any()
    assert not head.bias.any()
    assert model.heads["input_a"].weight.any()


def test_unknown_targets_never_reach_the_weights(fabric: Any) -> None:
    known = TRAIN.known.clone()
    known[::3] = False
    flipped = torch.where(known, TRAIN.target, 1 - TRAIN.target)
    models = [
        train(fabric, budget(), train=Batch(TRAIN.inputs, TRAIN.present, target, known))[0]
        for target in (TRAIN.target, flipped)
    ]
    assert same_weights(*models)


def test_a_last_batch_of_one_case_does_not_stop_batch_normalisation(
    fabric: Any, tiny: Make
) -> None:
    _, encoder, raw, _ = tiny("densenet")
    model = MultimodalClassifier({"x": encoder}, Component(name="concat"), [0.0])
    ones = torch.ones(6, 1, dtype=torch.bool)
    batch = Batch({"x": encoder.prepare(raw)}, ones, torch.tensor([[0.0], [1]] * 3), ones)
    config = budget(batch_size=5, epochs=1)
    history = fit(model, batch, batch, config, seed=0, fabric=fabric)
    assert np.isfinite([history[1].train_loss, history[1].validate_loss]).all()


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_several_classes_train_with_unknown_targets(fabric: Any, task: str) -> None:
    rng = np.random.default_rng(0)
    number = rng.integers(0, 3, 60)
    values = torch.from_numpy((np.eye(3)[number][:, :2] * 3 + rng.normal(size=(60, 2))).astype("f"))
    known = torch.from_numpy(np.repeat(rng.random((60, 1)) > 0.1, 3, axis=1))
    target = torch.from_numpy(np.eye(3)[number].astype("f")) * known
    batch = Batch({"a": {"values": values}}, torch.ones(60, 1, dtype=torch.bool), target, known)
    model = plain_model("a", (-1.0, -1.0, -1.0), task=task)
    history = fit(model, batch, batch, budget(epochs=10), seed=0, fabric=fabric)
    assert history[-1].validate_loss < history[0].validate_loss - 0.1
    assert history[-1].validate_auroc > 0.8


def test_a_class_with_one_outcome_on_validate_has_no_auroc(fabric: Any) -> None:
    all_positive = Batch(
        VALIDATE.inputs, VALIDATE.present, torch.ones_like(VALIDATE.target), VALIDATE.known
    )
    _, history = train(fabric, budget(epochs=1), validate=all_positive)
    assert np.isnan(history[1].validate_auroc)
    assert np.isfinite(history[1].validate_loss)


def test_no_learned_weight_is_nan_after_mixed_patterns(fabric: Any) -> None:
    model, _ = train(fabric, budget(), train=plain_batch(60, seed=1, absent=0.7))
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())


def test_a_fine_tuning_budget_is_the_same_but_for_the_learning_rate_and_its_schedule() -> None:
    slower = budget().fine_tuning(0.1)
    assert slower.optimiser.lr == pytest.approx(0.005)
    assert slower.optimiser.schedule == "constant"
    assert slower.model_copy(update={"optimiser": budget().optimiser}) == budget()
