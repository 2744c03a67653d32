"""Whole trainings under a mitigation: what every one must keep, and what each is for."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from grouped_cases import FABRIC, budget, cases, model_of

from clinmm import registry
from clinmm.cases import Batch
from clinmm.config import Component, Optimiser, TrainConfig
from clinmm.fit import Epoch, fit
from clinmm.metrics.auroc import auroc
from clinmm.training import checkpoint
from clinmm.training.mitigated import Mitigated, PlainTraining

IN_TRAINING = [
    name for name, said in registry.constants("mitigations").items() if said["IN_TRAINING"]
]
every_mitigation = pytest.mark.parametrize("name", IN_TRAINING)
START = {
    "binary": (0.0,),
    "multilabel": (0.0, 0.0),
    "multiclass": (0.0,) * 3,
    "ordered": (0.0,) * 3,
    "continuous": (0.0, 1.0),
}


def component(name: str, task: str = "binary") -> Component:
    only_losses = name == "fairness_penalty" and task == "continuous"
    return Component(name=name, **({"equal": "loss"} if only_losses else {}))


def mixed(task: str = "binary", n: int = 70, seed: int = 0) -> tuple[Batch, Any]:
    """Cases of three groups and of none, that lack inputs and labels."""
    rng = np.random.default_rng(seed)
    codes = rng.choice([-1, 0, 1, 2], n, p=[0.1, 0.5, 0.3, 0.1])
    values = rng.normal(size=(n, 3))
    if task in ("multiclass", "ordered"):
        target = np.eye(3)[np.digitize(values[:, 0], [-0.5, 0.5])]
    elif task == "continuous":
        target = values[:, :1].copy()
    else:
        target = (values[:, : len(START[task])] > 0).astype(float)
    target[rng.random(n) < 0.05] = np.nan
    present = rng.random((n, 2)) >= np.where(codes == 1, 0.5, 0.1)[:, None]
    return cases(target, present, values=values + rng.normal(size=(n, 3))), codes


def train(
    asked: Component | None,
    train: Batch,
    codes: Any,
    config: TrainConfig | None = None,
    task: str = "binary",
    names: str = "ab",
    **arguments: Any,
) -> tuple[Any, list[Epoch]]:
    """The model, trained on these cases and stopped on them as well."""
    ordered = {"ordered": True} if task == "ordered" else {}
    kind = "multiclass" if task == "ordered" else task
    model = model_of(names, START[task], task=kind, **ordered)
    rows = np.arange(len(train))
    begin = Mitigated(asked, np.asarray(codes)).among(rows, rows) if asked else PlainTraining
    history = fit(
        model,
        train,
        train,
        config or budget(),
        seed=0,
        fabric=FABRIC,
        mitigation=begin,
        **arguments,
    )
    return model, history


@cache
def plain(task: str) -> Any:
    """The model of plain training on the mixed cases."""
    return train(None, *mixed(task), task=task)[0]


@cache
def mitigated(name: str) -> Any:
    """The model of a mitigation on the mixed binary cases."""
    return train(component(name), *mixed())[0]


def same(one: Any, other: Any) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in one.state_dict().items())


# --- every mitigation --------------------------------------------------------------------
@pytest.mark.parametrize("name", registry.available("mitigations"))
def test_a_file_says_what_it_does_where_it_comes_from_and_what_it_needs(name: str) -> None:
    module = registry.load("mitigations", name)
    assert module.MEANING[0].isupper(), "a sentence"
    assert module.MEANING.endswith(".")
    assert {type(module.IN_TRAINING), type(module.USES_GROUP)} == {bool}
    assert "Reference:" in module.Mitigation.__doc__
    settings = module.Config()
    assert settings.model_config["frozen"]
    assert settings.model_config["extra"] == "forbid"


@every_mitigation
def test_one_in_training_changes_only_what_the_loop_asks_for(name: str) -> None:
    module = registry.load("mitigations", name)
    assert not module.USES_GROUP, "a model that is trained never sees the group"
    assert issubclass(module.Mitigation, PlainTraining)
    own = {name for name in vars(module.Mitigation) if not name.startswith("_")}
    assert own <= set(dir(PlainTraining)), "only what the loop asks for"


@every_mitigation
@pytest.mark.parametrize("task", list(START))
def test_every_target_trains_and_the_model_is_one_as_ever(name: str, task: str) -> None:
    batch, codes = mixed(task)
    model, history = train(component(name, task), batch, codes, task=task)
    assert np.isfinite([epoch.validate_loss for epoch in history]).all()
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())
    of_plain = plain(task)
    assert list(model.state_dict()) == list(of_plain.state_dict()), "nothing is stored beside it"
    if (name, task) != ("class_reweighting", "continuous"):  # a value has no classes
        assert not same(model, of_plain)


@every_mitigation
def test_the_numbers_of_groups_change_nothing(name: str) -> None:
    batch, codes = mixed()
    other = np.array([5, 2, 9, -1])[codes]
    again, _ = train(component(name), batch, other)
    assert same(mitigated(name), again)
    moved, _ = train(component(name), batch, np.roll(codes, 1))
    assert not same(mitigated(name), moved)


@every_mitigation
def test_going_on_from_a_checkpoint_is_bit_equal(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped twice: in the first epoch, and in the second after having gone on."""
    config = budget(batch_size=8, accumulate=2, input_dropout=0.2, ema=0.9, distillation=0.5)
    batch, codes = mixed()
    whole, expected = train(component(name), batch, codes, config)

    class Stopped(Exception):
        pass

    saved: list[Path] = []
    save = checkpoint.save

    def save_and_stop(file: Path, *rest: Any) -> None:
        save(file, *rest)
        saved.append(file)
        if len(saved) in (2, 8):
            raise Stopped

    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    for _ in range(2):
        with pytest.raises(Stopped):
            train(component(name), batch, codes, config, checkpoint=tmp_path / "c.ckpt")
        torch.rand(5)
    resumed, history = train(component(name), batch, codes, config, checkpoint=tmp_path / "c.ckpt")
    assert same(resumed, whole)
    np.testing.assert_equal([vars(e) for e in history], [vars(e) for e in expected])


@every_mitigation
def test_one_input_and_a_group_that_the_part_lacks_are_no_obstacle(name: str) -> None:
    batch, codes = mixed(n=40)
    rows = np.flatnonzero(codes < 2)
    asked = Mitigated(component(name), codes)
    only = batch.only(["a"])
    present = only.present.any(1).numpy()
    rows = rows[present[rows]]
    history = fit(
        model_of("a"),
        only.take(rows),
        only.take(rows[:3]),
        budget(),
        seed=0,
        fabric=FABRIC,
        mitigation=asked.among(rows, rows[:3]),
    )
    assert np.isfinite([epoch.validate_loss for epoch in history]).all()


@every_mitigation
def test_cases_of_no_group_train(name: str) -> None:
    """With a single case in each of two groups, the training is nearly plain and still learns."""
    batch, _ = mixed()
    codes = np.full(len(batch), -1)
    codes[:2] = [0, 1]
    settings = budget(epochs=8, optimiser=Optimiser(lr=0.05))
    _, history = train(component(name), batch, codes, settings)
    assert min(epoch.validate_loss for epoch in history) < history[0].validate_loss - 0.05


# --- what each is for --------------------------------------------------------------------
def shortcut(n: int = 600, seed: int = 0) -> tuple[Batch, Any, Any]:
    """Nine in ten are of group 0. The first number tells the ill from the well in both groups, the
    second does so better in group 0, and the wrong way round in group 1."""
    rng = np.random.default_rng(seed)
    codes = (rng.random(n) < 0.1).astype(int)
    ill = (rng.random(n) < 0.5).astype(float)
    side = 2 * ill - 1
    values = rng.normal(size=(n, 3))
    values[:, 0] += 0.8 * side
    values[:, 1] += np.where(codes == 1, -1.2, 1.2) * side
    return cases(ill[:, None], names="a", values=values), codes, ill


LONG = budget(epochs=8, patience=8, batch_size=48, optimiser=Optimiser(lr=0.06))


def risks(model: Any, batch: Batch) -> Any:
    with torch.no_grad():
        return torch.sigmoid(model(batch.inputs, batch.present).fused[:, 0]).numpy()


def by_shortcut(asked: Component | None) -> list[float]:
    """AUROC in each group of new cases."""
    batch, codes, _ = shortcut()
    new, groups, ill = shortcut(n=4000, seed=1)
    model, _ = train(asked, batch, codes, LONG, names="a")
    risk = risks(model, new)
    return [auroc(ill[groups == g], risk[groups == g]) for g in (0, 1)]


@pytest.fixture(scope="module")
def plain_shortcut() -> list[float]:
    return by_shortcut(None)


def test_plain_training_takes_the_shortcut(plain_shortcut: list[float]) -> None:
    assert plain_shortcut[1] < 0.6 < 0.95 < plain_shortcut[0]


@pytest.mark.parametrize(
    ("name", "settings", "gain"),
    [
        ("group_reweighting", {}, 0.3),
        ("balanced_sampling", {}, 0.3),
        ("group_dro", {}, 0.3),
        ("group_dro", {"step": 0.01, "adjustment": 1.0}, 0.3),
        ("fairness_penalty", {}, 0.1),
        ("fairness_penalty", {"equal": "odds"}, 0.1),
        ("fairness_penalty", {"equal": "loss"}, 0.2),
    ],
)
def test_the_worst_group_is_served_better_where_a_shortcut_fails_it(
    name: str, settings: dict[str, Any], gain: float, plain_shortcut: list[float]
) -> None:
    found = by_shortcut(Component(name=name, **settings))
    assert min(found) > min(plain_shortcut) + gain
    assert found[0] > 0.8, "at a price for the other group"


def test_no_mitigation_helps_where_it_has_no_hold(plain_shortcut: list[float]) -> None:
    """The illness is as frequent in both groups, so there is nothing to weigh."""
    found = by_shortcut(Component(name="class_reweighting"))
    np.testing.assert_allclose(found, plain_shortcut, atol=0.03)


def test_reweighing_takes_away_the_hint_that_the_group_is() -> None:
    """A number says the group; the ill are 4 in 5 of one group, 1 in 5 of the other."""
    rng = np.random.default_rng(0)
    codes = (rng.random(600) < 0.5).astype(int)
    ill = (rng.random(600) < np.where(codes == 1, 0.8, 0.2)).astype(float)
    values = rng.normal(size=(600, 3))
    values[:, 0] += 0.7 * (2 * ill - 1)
    values[:, 1] = 2 * codes - 1
    batch = cases(ill[:, None], names="a", values=values)

    def slope(asked: Component | None) -> float:
        """The change in logit when the number says the other group."""
        model, _ = train(asked, batch, codes, LONG, names="a")
        there, here = (
            model(
                {"a": {"values": torch.tensor([[0.0, s, 0.0]])}},
                torch.ones(1, 1, dtype=torch.bool),
            ).fused.item()
            for s in (1.0, -1.0)
        )
        return there - here

    assert slope(None) > 1.5
    assert abs(slope(Component(name="class_reweighting"))) < 0.3


@pytest.mark.parametrize("name", ["group_reweighting", "balanced_sampling", "group_dro"])
@pytest.mark.parametrize("class_weights", ["balanced", "none"])
def test_the_mean_risk_stays_the_prevalence_seen(name: str, class_weights: str) -> None:
    """One in five is ill in both groups; equal cells would teach one in two."""
    rng = np.random.default_rng(0)
    codes = (rng.random(500) < 0.2).astype(int)
    ill = (rng.random(500) < 0.2).astype(float)
    values = rng.normal(size=(500, 3))
    values[:, 0] += ill
    batch = cases(ill[:, None], names="a", values=values)
    config = LONG.model_copy(update={"class_weights": class_weights})
    log_odds = float(np.log(ill.mean() / (1 - ill.mean())))
    model = model_of("a", (log_odds,))
    rows = np.arange(500)
    begin = Mitigated(Component(name=name), codes).among(rows, rows)
    fit(model, batch, batch, config, seed=0, fabric=FABRIC, mitigation=begin)
    risk = risks(model, batch)
    assert risk.mean() == pytest.approx(ill.mean(), abs=0.04), "before `settle`"


def test_the_penalty_draws_the_scores_of_the_ill_together() -> None:
    """The first number shows the illness, but is lower in group 1; the second does so less well,
    and alike in both groups."""
    rng = np.random.default_rng(0)
    codes = (rng.random(600) < 0.4).astype(int)
    ill = (rng.random(600) < 0.5).astype(float)
    values = rng.normal(size=(600, 3))
    values[:, 0] += 2.0 * ill - 1.5 * codes
    values[:, 1] += 1.0 * ill
    batch = cases(ill[:, None], names="a", values=values)

    def gap(asked: Component | None) -> float:
        model, _ = train(asked, batch, codes, LONG, names="a")
        risk = risks(model, batch)
        of_ill = [risk[(ill > 0) & (codes == g)].mean() for g in (0, 1)]
        return float(of_ill[0] - of_ill[1])

    plain = gap(None)
    assert plain > 0.2
    assert abs(gap(Component(name="fairness_penalty", strength=20.0))) < 0.5 * plain


def test_reversal_makes_the_encoder_forget_the_group() -> None:
    """The first number says the illness, the second the group and, with it, some of the illness."""
    rng = np.random.default_rng(1)
    codes = (rng.random(600) < 0.5).astype(int)
    ill = (rng.random(600) < np.where(codes == 1, 0.7, 0.3)).astype(float)
    values = rng.normal(size=(600, 3)) * 0.5
    values[:, 0] += 2 * ill - 1
    values[:, 1] += 2 * codes - 1
    batch = cases(ill[:, None], names="a", values=values)
    slow = budget(epochs=12, patience=12, batch_size=32, optimiser=Optimiser(lr=0.04))

    def reads_group(asked: Component | None) -> float:
        """AUROC of the best line through the vectors, within one outcome."""
        model, _ = train(asked, batch, codes, slow, names="a")
        with torch.no_grad():
            vectors = model.encoder("a")(**batch.inputs["a"]).numpy()[ill > 0]
        design = np.column_stack([vectors, np.ones(len(vectors))])
        line = np.linalg.lstsq(design, codes[ill > 0], rcond=None)[0]
        score = design @ line
        return float(auroc(codes[ill > 0], (score - score.min()) / np.ptp(score)))

    assert reads_group(None) > 0.8
    assert reads_group(Component(name="gradient_reversal")) < 0.65
