"""What each option of `train` does to a training, solved by hand where it can be."""

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from plain_model import Plain, plain_batch, plain_model, set_head
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from clinmm.cases import Batch
from clinmm.config import Component, Optimiser, TrainConfig
from clinmm.errors import InputError
from clinmm.fit import Epoch, fit, make_fabric
from clinmm.losses import Criterion
from clinmm.model import MultimodalClassifier
from clinmm.training import compiled
from clinmm.training.balance import STRENGTH, slowed_steps
from clinmm.training.mitigated import PlainTraining, Training
from clinmm.training.optimisers import adamw, learning_rate
from clinmm.training.running_mean import RunningMean
from clinmm.training.scores import scores

TRAIN, VALIDATE = plain_batch(48, seed=1, absent=0.2), plain_batch(40, seed=2, absent=0.2)
FABRIC = make_fabric(TrainConfig(device="cpu"))


def budget(**changes: Any) -> TrainConfig:
    settings = {
        "epochs": 3,
        "batch_size": 16,
        "device": "cpu",
        "patience": 50,
        "input_dropout": 0.0,
        "optimiser": Optimiser(lr=0.05),
    }
    return TrainConfig.model_validate({**settings, **changes})


def train(config: TrainConfig, model: Any = None, **arguments: Any) -> Any:
    model = model or plain_model()
    arguments = {"train": TRAIN, "validate": VALIDATE, "fabric": FABRIC, "seed": 0, **arguments}
    return model, fit(model, config=config, **arguments)


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one: nn.Module, other: nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in one.state_dict().items())


def gated() -> MultimodalClassifier:
    return plain_model(fusion="gated")


# Schedules


def test_warm_up_cosine_by_hand() -> None:
    rate = Optimiser(lr=2.0, schedule="warm_up_cosine")
    for done, wanted in [(0, 0), (0.05, 1), (0.1, 2), (0.55, 1), (1, 0)]:
        assert learning_rate(rate, done) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("schedule", ["constant", "one_cycle", "warm_up_cosine"])
def test_schedules_stay_between_zero_and_the_rate_and_agree_with_torch(schedule: Any) -> None:
    optimiser = Optimiser(lr=0.3, schedule=schedule)
    rates = [learning_rate(optimiser, i / 99) for i in range(100)]
    assert min(rates) >= 0
    assert max(rates) == pytest.approx(0.3, rel=0.01)
    if schedule == "one_cycle":
        parameter = torch.nn.Parameter(torch.zeros(1))
        theirs = torch.optim.SGD([parameter], lr=0.3)
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            theirs, 0.3, total_steps=1000, cycle_momentum=False, final_div_factor=1e9
        )
        for step in range(999):
            ours = learning_rate(optimiser, step / 999)
            assert ours == pytest.approx(cycle.get_last_lr()[0], abs=2e-3)
            theirs.step()
            cycle.step()


@pytest.mark.parametrize("schedule", ["one_cycle", "warm_up_cosine"])
def test_a_schedule_that_ends_slowly_is_run_to_its_end(schedule: str) -> None:
    settings = Optimiser(lr=0.5, schedule=schedule)
    _, history = train(budget(epochs=6, patience=1, optimiser=settings))
    assert len(history) == 7


# Accumulation


def test_two_half_batches_are_one_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown targets, absent inputs and class weights fall unevenly over the halves. The fusion
    has no dropout, and inputs are hidden by a rule: draws would differ."""

    def hide_b(present: Tensor, chance: float) -> Tensor:
        return torch.where(present.all(1, keepdim=True), torch.tensor([[True, False]]), present)

    monkeypatch.setattr("clinmm.fit.hidden_at_random", hide_b)
    known = TRAIN.known.clone()
    known[::5] = False
    cases = Batch(TRAIN.inputs, TRAIN.present, TRAIN.target, known)
    settings = {"optimiser": Optimiser(lr=0.05, weight_decay=0.1), "distillation": 5.0}
    whole, ours = train(budget(batch_size=24, **settings), gated(), train=cases)
    halves, theirs = train(budget(batch_size=12, accumulate=2, **settings), gated(), train=cases)
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(halves.state_dict()[name], tensor, atol=1e-5, rtol=1e-4)
    assert [e.train_loss for e in ours[1:]] == pytest.approx(
        [e.train_loss for e in theirs[1:]], rel=1e-4
    )
    smaller, _ = train(budget(batch_size=12, **settings), gated(), train=cases)
    assert not torch.allclose(smaller.heads["input_a"].weight, whole.heads["input_a"].weight)


def test_a_case_left_over_is_no_step() -> None:
    """At its one step nothing is learned yet, so no input is ahead."""
    cases = plain_batch(17)
    config = budget(batch_size=16, epochs=1, balance="slow_dominant")
    _, history = train(config, train=cases)
    assert [one.step for one in history[1].inputs] == [1, 1]


# The running mean of the weights


def test_the_running_mean_by_hand() -> None:
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    mean = RunningMean(model, 0.5)
    expected = 0.0
    for step, value in enumerate([1.0, -2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]):
        with torch.no_grad():
            model.weight.fill_(value)
        mean.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert mean.model.weight.item() == pytest.approx(expected, rel=1e-6)
    assert model.weight.item() == 4.0, "the weights themselves are left alone"


def test_the_mean_is_what_is_judged_and_kept() -> None:
    """The last epoch's mean, recomputed from the weights after every step."""
    config = budget(epochs=1, ema=0.9)
    live: list[dict[str, Tensor]] = []

    class Watched(MultimodalClassifier):
        def answer(self, encoded: Any, present: Tensor) -> Tensor:
            if self.training:
                live.append(weights(self))  # before each step, so the last one is missing
            return super().answer(encoded, present)

    torch.manual_seed(0)
    watched = Watched({n: Plain() for n in "ab"}, Component(name="concat"), [-1.0])
    fit(watched, TRAIN, VALIDATE, config, seed=0, fabric=FABRIC)
    plain, _ = train(budget(epochs=1), validate=TRAIN)  # keeps the last weights: they do better
    name = "heads.input_a.weight"
    expected = live[0][name]
    for step, after in enumerate([*live[1:], weights(plain)]):
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * after[name]
    torch.testing.assert_close(watched.state_dict()[name], expected)


# Distillation


def test_distillation_draws_the_partial_answer_to_the_full_one_and_not_back() -> None:
    """With the head of `a` hidden from the answer, only what answers from `b` may move."""
    from clinmm.fit import Course, _loss, _start
    from clinmm.training.optimisers import Held

    model = plain_model()
    set_head(model, "a", [[1.0, -0.5]])
    set_head(model, "b", [[0.3, 0.2]])
    unknown = torch.zeros_like(TRAIN.known)
    cases = Batch(TRAIN.inputs, torch.ones_like(TRAIN.present), TRAIN.target, unknown)
    config = budget(distillation=1.0, input_dropout=0.9, single_input_loss=0.0)
    criterion = Criterion.of(model, config)
    labels, weight = criterion.labels(cases.target), criterion.weight(cases.target, cases.known)
    held = Held(model, 0)
    course = Course(cases, labels, weight, VALIDATE, criterion, held, config, 0, FABRIC)
    plain = PlainTraining(Training(model, cases, VALIDATE, criterion))
    state = _start(course, model, plain)
    torch.manual_seed(3)
    left = torch.rand(48, 2) >= 0.9
    left = torch.where(left.any(1, keepdim=True), left, torch.ones(48, 2, dtype=torch.bool))
    torch.manual_seed(3)
    one = torch.ones(())
    loss, _ = _loss(course, state, torch.arange(48), one, torch.ones(2), 48, done=0.0)
    with torch.no_grad():
        full = torch.sigmoid(model(cases.inputs, cases.present).fused)
    part = torch.sigmoid(model(cases.inputs, left).fused)
    expected = full * (full / part).log() + (1 - full) * ((1 - full) / (1 - part)).log()
    assert (left.sum(1) == 1).sum() > 3
    assert loss.item() == pytest.approx(expected.mean().item(), rel=1e-4)
    loss.backward()
    ours = model.heads["input_b"].weight.grad.clone()
    model.zero_grad()
    expected.mean().backward()
    torch.testing.assert_close(ours, model.heads["input_b"].weight.grad, atol=1e-6, rtol=1e-4)


def test_distillation_needs_no_label_and_changes_what_is_learned() -> None:
    plain, _ = train(budget(input_dropout=0.5))
    drawn, _ = train(budget(input_dropout=0.5, distillation=2.0))
    assert not same(plain, drawn)


# Bodies that came with weights


class WithBody(Plain):
    """`values` through a layer that came with weights, then a layer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.pretrained = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.BatchNorm1d(2))
        self.own = nn.Linear(2, 2)

    def forward(self, values: Tensor) -> Tensor:
        out: Tensor = self.own(self.pretrained(values))
        return out


def with_body() -> MultimodalClassifier:
    torch.manual_seed(4)
    return MultimodalClassifier({"a": WithBody(), "b": Plain()}, Component(name="concat"), [-1.0])


def test_a_pretrained_body_is_held_still_and_then_released() -> None:
    bodies: dict[int, list[Tensor]] = {}
    model = with_body()
    start = [t.clone() for t in model.encoder("a").pretrained.state_dict().values()]
    own = model.encoder("a").own.weight.clone()

    def look(epoch: Epoch) -> None:
        bodies[epoch.epoch] = [
            t.clone() for t in model.encoder("a").pretrained.state_dict().values()
        ]
        if epoch.epoch == 1:
            assert not torch.equal(model.encoder("a").own.weight, own), "the rest trains"

    train(budget(epochs=3, release_after=2), model, on_epoch=look)
    for held in (1, 2):
        assert all(torch.equal(a, b) for a, b in zip(bodies[held], start, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(bodies[3], start, strict=True))
    assert all(p.requires_grad for p in model.parameters()), "nothing stays frozen"


def test_patience_counts_from_the_release() -> None:
    wrong = Batch(VALIDATE.inputs, VALIDATE.present, 1 - VALIDATE.target, VALIDATE.known)
    _, history = train(budget(epochs=20, release_after=5, patience=2), with_body(), validate=wrong)
    assert len(history) - 1 == 7
    _, history = train(budget(epochs=20, release_after=5, patience=2), validate=wrong)
    assert len(history) - 1 == 2, "without such a body nothing is waited for"


def test_a_pretrained_body_has_a_learning_rate_of_its_own() -> None:
    model = with_body()
    optimiser = adamw(model, Optimiser(lr=1.0, pretrained_lr=0.25), by_input=True)
    found = {
        id(p): (group["share"], group["input"])
        for group in optimiser.param_groups
        for p in group["params"]
    }
    assert len(found) == len(list(model.parameters()))
    assert found[id(model.encoder("a").pretrained[0].weight)] == (0.25, "a")
    assert found[id(model.encoder("a").own.weight)] == (1.0, "a")
    assert found[id(model.heads["input_a"].weight)] == (1.0, None)
    assert len(adamw(plain_model(), Optimiser(), by_input=False).param_groups) == 1


def test_what_an_encoder_froze_itself_stays_frozen() -> None:
    model = with_body()
    model.encoder("a").pretrained[0].bias.requires_grad_(False)
    train(budget(epochs=2, release_after=1), model)
    assert not model.encoder("a").pretrained[0].bias.requires_grad
    assert model.encoder("a").pretrained[0].weight.requires_grad


# Balance between inputs


def test_the_input_ahead_is_slowed_by_hand() -> None:
    steps = slowed_steps(-torch.tensor([0.8, 0.4, 0.6]).log(), torch.ones(3, dtype=torch.bool))
    # 0.8 against the mean of .4 and .6; .6 against .6; .4 against .7
    assert steps[0].item() == pytest.approx(1 - math.tanh(STRENGTH * 1.6), rel=1e-5)
    assert steps[1].item() == 1
    assert steps[2].item() == pytest.approx(1, abs=0.2)


def test_an_input_that_no_case_has_neither_slows_nor_is_slowed() -> None:
    seen = torch.tensor([True, True, False])
    two = slowed_steps(torch.tensor([0.3, 0.9]), seen[:2])
    three = slowed_steps(torch.tensor([0.3, 0.9, 0.0]), seen)
    assert three.tolist() == [*two.tolist(), 1.0]
    assert slowed_steps(torch.tensor([0.3, 0.9]), torch.tensor([True, False])).tolist() == [1, 1]


class Learning(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, values: Tensor) -> Tensor:
        out: Tensor = self.layer(values)
        return out


def learning() -> MultimodalClassifier:
    torch.manual_seed(5)
    return MultimodalClassifier({n: Learning() for n in "ab"}, Component(name="concat"), [-1.0])


def test_slowing_the_dominant_input_slows_its_encoder_and_says_so() -> None:
    """Input a tells twice as much as b."""
    cases = plain_batch(200, seed=6)
    config = budget(epochs=4, optimiser=Optimiser(lr=0.02))
    _, plain = train(config, learning(), train=cases)
    _, history = train(
        config.model_copy(update={"balance": "slow_dominant"}), learning(), train=cases
    )
    assert all(one.step == 1 for epoch in plain for one in epoch.inputs)
    last = {one.input: one for one in history[-1].inputs}
    assert last["a"].step < 0.75
    assert last["b"].step > last["a"].step
    assert last["a"].train_loss < last["b"].train_loss


@pytest.mark.parametrize("single_input_loss", [0.0, 0.5])
def test_how_far_each_input_trained_is_what_its_head_alone_does(single_input_loss: float) -> None:
    """Checked on `validate` and, with steps too small to matter, on `train`."""
    config = budget(
        epochs=2, optimiser=Optimiser(lr=1e-9), single_input_loss=single_input_loss,
        class_weights="none",
    )  # fmt: skip
    model = plain_model()
    set_head(model, "a", [[1.0, 0.5]])
    set_head(model, "b", [[-0.5, 0.1]])
    before = copy.deepcopy(model)
    _, history = train(config, model)
    assert history[0].inputs == ()
    for i, one in enumerate(history[-1].inputs):
        for cases, found in ((TRAIN, one.train_loss), (VALIDATE, one.validate_loss)):
            has = cases.present[:, i]
            with torch.no_grad():
                logits = before(cases.inputs, cases.present).alone[one.input][has]
            expected = nn.functional.binary_cross_entropy_with_logits(logits, cases.target[has])
            assert found == pytest.approx(expected.item(), rel=1e-3)
        ranked = roc_auc_score(VALIDATE.target[has], torch.sigmoid(logits))
        assert one.validate_auroc == pytest.approx(ranked)


def test_a_single_input_has_no_balance() -> None:
    alone = plain_batch(30, "a", seed=7)
    config = budget(epochs=2, balance="slow_dominant")
    _, history = train(config, plain_model("a"), train=alone, validate=alone)
    assert all(epoch.inputs == () for epoch in history)


# Other targets


@pytest.mark.parametrize("ordered", [True, False])
def test_ordered_and_exclusive_classes_train(ordered: bool) -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(size=90)
    number = np.digitize(score, [-0.6, 0.6])
    values = torch.from_numpy(np.stack([score, rng.normal(size=90)], 1).astype("f"))
    target = torch.from_numpy(np.eye(3)[number].astype("f"))
    known = torch.ones(90, 3, dtype=torch.bool)
    batch = Batch({"a": {"values": values}}, torch.ones(90, 1, dtype=torch.bool), target, known)
    shares = tuple(np.log(np.bincount(number) / 90).tolist())
    model = plain_model("a", shares, task="multiclass", ordered=ordered)
    _, history = train(budget(epochs=30), model, train=batch, validate=batch)
    entropy = -sum(p * math.log(p) for p in np.exp(shares))
    if ordered:
        assert history[0].validate_loss == pytest.approx(entropy, rel=1e-3), "no class weights"
    assert history[-1].validate_loss < history[0].validate_loss - 0.3
    assert history[-1].validate_auroc > 0.85


def test_a_continuous_target_trains_and_is_ranked_by_spearman() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    values = rng.normal(size=(80, 2))
    y = 5 + 3 * values[:, 0] + rng.normal(size=80)
    target = torch.from_numpy(y[:, None].astype("f"))
    known = torch.ones(80, 1, dtype=torch.bool)
    known[::7] = False
    target[::7] = 1e6
    inputs = {"a": {"values": torch.from_numpy(values.astype("f"))}}
    batch = Batch(inputs, torch.ones(80, 1, dtype=torch.bool), target, known)
    seen = y[known[:, 0].numpy()]
    model = plain_model("a", (float(seen.mean()), float(seen.std())), task="continuous")
    _, history = train(budget(epochs=40), model, train=batch, validate=batch)
    assert history[0].validate_loss == pytest.approx(1.0, rel=1e-3)
    assert np.isnan(history[0].validate_spearman), "before training every answer is the same"
    assert np.isnan([epoch.validate_auroc for epoch in history]).all()
    with torch.no_grad():
        answers = model(batch.inputs, batch.present).fused[known[:, 0], 0].numpy()
    best = next(epoch for epoch in history if epoch.best)
    assert best.validate_spearman == pytest.approx(spearmanr(answers, seen).statistic)
    assert best.validate_loss < 0.3


def test_exclusive_classes_are_ranked_by_their_probabilities() -> None:
    rng = np.random.default_rng(0)
    number = rng.integers(0, 3, 300)
    values = torch.from_numpy((np.eye(3)[number][:, :2] + rng.normal(size=(300, 2))).astype("f"))
    target = torch.from_numpy(np.eye(3)[number].astype("f"))
    known = torch.ones(300, 3, dtype=torch.bool)
    batch = Batch({"a": {"values": values}}, known[:, :1], target, known)
    model = plain_model("a", (-1.0, -1.0, -1.0), task="multiclass")
    set_head(model, "a", [[1.0, 0.3], [0.2, 1.0], [1.5, 1.5]])
    criterion = Criterion.of(model, budget())
    plain = PlainTraining(Training(model, batch, batch, criterion))
    found, _ = scores(model, batch, criterion, FABRIC, plain)
    with torch.no_grad():
        answers = model(batch.inputs, batch.present).fused
    expected = roc_auc_score(number, torch.softmax(answers, 1), multi_class="ovr")
    assert found.auroc == pytest.approx(expected)
    assert roc_auc_score(target, torch.sigmoid(answers)) > expected + 0.02, "another ranking"


def test_weights_that_are_no_number_on_validate_are_never_kept() -> None:
    class Breaks(Plain):
        def forward(self, values: Tensor) -> Tensor:
            return values if self.training else values * float("nan")

    batch = plain_batch(16, "a")
    model = MultimodalClassifier({"a": Breaks()}, Component(name="concat"), [-1.0])
    with pytest.raises(InputError, match=r"the loss of epoch 1 is not a number"):
        train(budget(epochs=1), model, train=batch, validate=batch)


def test_the_cuts_between_ordered_classes_do_not_decay() -> None:
    model = plain_model(log_odds=(-1.0, -0.5, -1.5), task="multiclass", ordered=True)
    optimiser = adamw(model, Optimiser(weight_decay=0.5), by_input=False)
    decay = {
        id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]
    }
    cuts = {id(p) for p in model.link.parameters()}
    assert len(cuts) == 2
    assert {key: 0.0 if key in cuts else 0.5 for key in decay} == decay
    assert len(decay) == len(list(model.parameters()))


def test_soft_labels_train() -> None:
    rng = np.random.default_rng(1)
    soft = torch.from_numpy((rng.integers(0, 5, (48, 1)) / 4).astype("f"))
    cases = Batch(TRAIN.inputs, TRAIN.present, soft, TRAIN.known)
    model, history = train(budget(), train=cases, validate=cases)
    assert np.isfinite([epoch.validate_loss for epoch in history]).all()
    assert 0 <= history[-1].validate_auroc <= 1
    assert all(torch.isfinite(t).all() for t in model.state_dict().values())


def test_a_loss_that_is_not_for_the_target_is_refused_before_training() -> None:
    model = plain_model("a", (0.0, 1.0), task="continuous")
    with pytest.raises(InputError, match="focal is not for a continuous target"):
        train(budget(loss={"name": "focal"}), model)


@pytest.mark.parametrize("name", ["focal", "asymmetric"])
def test_other_losses_learn_to_rank(name: str) -> None:
    _, history = train(budget(epochs=12, loss={"name": name, "label_smoothing": 0.05}))
    assert history[-1].validate_auroc > 0.8


# Precision and compilation


def test_bfloat16_trains_on_the_processor() -> None:
    config = budget(precision="bf16-mixed", epochs=8)
    fabric = make_fabric(config)
    model, history = train(config, learning(), fabric=fabric)
    exact, _ = train(budget(epochs=8), learning())
    assert all(t.dtype == torch.float32 for t in model.state_dict().values())
    assert history[-1].validate_auroc > 0.8
    assert not same(model, exact), "it was not in 32 bits"


def test_where_compilation_does_not_work_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no compiler\nand a long story")

    monkeypatch.setattr(torch, "compile", broken)
    compiled.works_on.cache_clear()
    compiling, _ = train(budget(compile=True), learning())
    again, _ = train(budget(compile=True), learning())
    compiled.works_on.cache_clear()
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "torch.compile does not work here (no compiler)" in told
    assert same(compiling, again)
    assert same(compiling, train(budget(), learning())[0])
