"""Several models for each part that a fold stops on, and several weight decays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_study import fold_with_members, small_cohort
from test_folds import CONFIG, ENCODERS

from clinmm.config import Component, StudyConfig
from clinmm.errors import InputError
from clinmm.fit import make_fabric
from clinmm.folds import Preparer
from clinmm.predict import fold_logits, logits_of
from clinmm.stored_models import load_balance, load_history, load_models, save_models
from clinmm.train_arm import Trained, train_arm
from clinmm.training.mitigated import Mitigated

INPUTS = ["age", "labs", "note"]
FABRIC = make_fabric(CONFIG.train)


def config(**changes: Any) -> StudyConfig:
    train = CONFIG.train.model_dump() | changes
    return StudyConfig.model_validate({**CONFIG.model_dump(), "train": train})


def trained(
    study: StudyConfig = CONFIG, inputs: list[str] = INPUTS, task: str = "binary", **arguments: Any
) -> Trained:
    cohort, fold = small_cohort(task=task), fold_with_members()
    batch, facts = Preparer(cohort, ENCODERS).of_fold(fold)
    return train_arm(cohort, study, inputs, fold, batch, facts, fabric=FABRIC, **arguments)


def same(one: Any, other: Any) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in one.state_dict().items())


@pytest.fixture(scope="module")
def once() -> Trained:
    return trained()


@pytest.fixture(scope="module")
def thrice() -> Trained:
    return trained(seeds=3)


def test_seeds_are_dealt_part_by_part_and_differ(once: Trained, thrice: Trained) -> None:
    assert thrice.description.members == 6
    assert thrice.description.seeds == 3
    assert {number for number, _ in thrice.history} == set(range(6))
    assert same(thrice.models[0], once.models[0]), "the first seed is that of the fused arm"
    assert same(thrice.models[3], once.models[1])
    for a in range(6):
        assert not any(same(thrice.models[a], thrice.models[b]) for b in range(a))


def test_models_of_one_part_stop_on_that_part(thrice: Trained) -> None:
    """Before training every model of a part has the same loss on it, that of the prevalence."""
    alone = trained(inputs=["note"], seeds=2)
    first = [epoch.validate_loss for _, epoch in alone.history if epoch.epoch == 0]
    assert first[0] == first[1]
    assert first[2] == first[3]
    assert first[0] != first[2]


def test_models_on_single_inputs_serve_every_seed_of_their_part(thrice: Trained) -> None:
    alone = {name: trained(inputs=[name]).models for name in INPUTS}
    given = trained(alone=alone, seeds=2)
    assert same(given.models[0], thrice.models[0])
    assert same(given.models[2], thrice.models[3])
    several = {name: trained(inputs=[name], seeds=3).models for name in INPUTS}
    again = trained(alone=several, seeds=3)
    assert all(same(a, b) for a, b in zip(again.models, thrice.models, strict=True))


def test_a_case_is_answered_by_the_mean_of_the_models_that_did_not_learn_from_it(
    thrice: Trained, tmp_path: Path
) -> None:
    fold = fold_with_members()
    batch, _ = Preparer(small_cohort(), ENCODERS).of_fold(fold)
    batch = batch.only(INPUTS)
    each = np.stack([logits_of(model, batch) for model in thrice.models])
    together = fold_logits(thrice.models, batch, fold)
    for member, models in ((0, (0, 1, 2)), (1, (3, 4, 5)), (-1, range(6))):
        cases = fold.member == member
        np.testing.assert_allclose(together[cases], each[list(models)].mean(0)[cases])
    save_models(tmp_path, *thrice)
    description, models = load_models(tmp_path)
    assert description.seeds == 3
    np.testing.assert_array_equal(fold_logits(models, batch, fold), together)


def test_the_weight_decay_with_the_lowest_mean_loss_is_kept_and_said() -> None:
    decays = (1e-4, 3.0, 1e-2)
    each = {}
    for decay in decays:
        one = trained(config(optimiser={"lr": 0.05, "weight_decay": decay}), ["note"])
        assert {epoch.weight_decay for _, epoch in one.history} == {decay}
        each[decay] = one, np.mean([e.validate_loss for _, e in one.history if e.best])
    chosen = trained(config(optimiser={"lr": 0.05, "weight_decay": decays}), ["note"])
    best = min(each, key=lambda decay: each[decay][1])
    assert len({loss for _, loss in each.values()}) == 3
    assert {epoch.weight_decay for _, epoch in chosen.history} == {best}
    assert all(same(a, b) for a, b in zip(chosen.models, each[best][0].models, strict=True))


def test_the_history_on_disk_tells_how_far_each_input_trained(
    once: Trained, tmp_path: Path
) -> None:
    save_models(tmp_path, *once)
    balance, history = load_balance(tmp_path), load_history(tmp_path)
    n_epochs = int((history["epoch"] > 0).sum())
    assert len(balance) == n_epochs * len(INPUTS)
    assert set(balance["input"]) == set(INPUTS)
    assert "inputs" not in history
    assert (balance["step"] == 1).all()
    (tmp_path / "one").mkdir()
    save_models(tmp_path / "one", *trained(inputs=["note"]))
    assert load_balance(tmp_path / "one").empty
    assert list(load_balance(tmp_path / "one").columns) == list(balance.columns)


def test_a_loss_that_is_not_for_the_target_is_refused_before_anything_is_trained() -> None:
    told: list[Any] = []
    with pytest.raises(InputError, match="asymmetric is not for a multiclass target"):
        trained(
            config(loss={"name": "asymmetric"}),
            task="multiclass",
            on_epoch=lambda *epoch: told.append(epoch),
        )
    assert told == []


def codes_of(n: int) -> Any:
    """Groups as nobody would draw them: two in turn, and some not recorded."""
    return np.where(np.arange(n) % 7 == 0, -1, np.arange(n) // 2 % 2)


def test_a_mitigation_changes_every_training_and_no_description(once: Trained) -> None:
    asked = Mitigated(Component(name="group_dro"), codes_of(small_cohort().n_cases))
    found = trained(mitigation=asked)
    assert found.description == once.description
    assert not any(same(a, b) for a, b in zip(found.models, once.models, strict=True))
    assert all(
        same(a, b) for a, b in zip(found.models, trained(mitigation=asked).models, strict=True)
    )
    alone = {name: trained(inputs=[name], mitigation=asked).models for name in INPUTS}
    given = trained(alone=alone, mitigation=asked)
    assert all(same(a, b) for a, b in zip(given.models, found.models, strict=True))
    plainly = {name: trained(inputs=[name]).models for name in INPUTS}
    assert not same(trained(alone=plainly, mitigation=asked).models[0], found.models[0])


def test_trainings_under_another_mitigation_are_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clinmm.train_arm.CHECKPOINT_SECONDS", 0.0)
    asked = [
        Mitigated(Component(name="group_dro", step=step), codes_of(small_cohort().n_cases))
        for step in (0.1, 0.5)
    ]
    expected = [trained(inputs=["note"], mitigation=one).models for one in (None, *asked)]
    for mitigation, models in zip((None, *asked), expected, strict=True):
        found = trained(inputs=["note"], mitigation=mitigation, checkpoints=tmp_path)
        assert all(same(a, b) for a, b in zip(found.models, models, strict=True))
    assert len(list(tmp_path.iterdir())) == 3 * 2


def test_groups_of_other_cases_are_refused() -> None:
    asked = Mitigated(Component(name="group_dro"), np.array([0, 1, 1]))
    with pytest.raises(InputError, match="groups of 3 cases for a batch of"):
        trained(inputs=["note"], mitigation=asked)
