from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_study import fold_with_members, small_cohort

from clinmm.arms import arms_of
from clinmm.cases import Batch, targets_as_tensors
from clinmm.config import Component, StudyConfig
from clinmm.errors import InputError
from clinmm.fit import make_fabric
from clinmm.folds import Preparer, check_encoders, folds_of, learn_facts, raw_values
from clinmm.losses import masked_loss
from clinmm.train_arm import train_arm

ENCODERS = {
    "note": Component.model_validate({"name": "bag_of_words", "min_notes": 1, "out_dim": 3}),
    "age": Component.model_validate({"name": "mlp", "hidden": 4, "out_dim": 3}),
    "labs": Component.model_validate({"name": "mlp", "hidden": 4, "out_dim": 3}),
}
CONFIG = StudyConfig.model_validate(
    {
        "cohort": "none.yaml",
        "encoders": {name: c.model_dump() for name, c in ENCODERS.items()},
        "train": {"epochs": 2, "batch_size": 8, "device": "cpu"},
    }
)


def test_folds_are_read_back_in_the_order_of_the_cases() -> None:
    splits = pd.DataFrame(
        [(0, 0, "b", "test", -1), (0, 0, "a", "train", 1), (0, 1, "a", "validate", 0)],
        columns=["repeat", "fold", "case_id", "split", "member"],
    )
    first, second = folds_of(splits, ["a", "b", "c"])
    assert (first.split.tolist(), first.member.tolist()) == (["train", "test", ""], [1, -1, -1])
    assert (second.split.tolist(), second.member.tolist()) == (["validate", "", ""], [0, -1, -1])
    assert (second.repeat, second.fold) == (0, 1)
    assert first.not_test.tolist() == [0]


def test_raw_values_are_none_exactly_where_the_input_is_absent() -> None:
    cohort = small_cohort()
    for name in cohort.spec.inputs:
        absent = [value is None for value in raw_values(cohort, name)]
        assert absent == (~cohort.present(name)).tolist()
    assert raw_values(cohort, "age")[1] == {"age": 31.0}


def test_nothing_is_learned_from_test_cases() -> None:
    fold = fold_with_members()
    test = np.flatnonzero(fold.split == "test")
    cohort = small_cohort()
    notes, ages = cohort.table["text"].tolist(), cohort.table["age"].tolist()
    for i in test:
        notes[i], ages[i] = "xanadu telegraph", "9000"
    changed = small_cohort(text=notes, age=ages)
    facts = [Preparer(c, ENCODERS).of_fold(fold)[1] for c in (cohort, changed)]
    assert facts[0] == facts[1]
    for i in np.flatnonzero(fold.split == "train")[1:3]:
        notes[i], ages[i] = "xanadu telegraph", "9000"
    other = Preparer(small_cohort(text=notes, age=ages), ENCODERS).of_fold(fold)[1]
    assert "xanadu" in other["note"]["terms"]
    assert other["age"] != facts[0]["age"]


def test_no_encoder_sees_a_label() -> None:
    cohort, turned = small_cohort(), small_cohort(y=["1"] * 12 + ["0"] * 12)
    fold = fold_with_members()
    raw = {name: raw_values(cohort, name) for name in cohort.spec.inputs}
    assert learn_facts(cohort, raw, ENCODERS, fold.not_test) == learn_facts(
        turned, raw, ENCODERS, fold.not_test
    )


def test_a_batch_has_every_case_with_inputs_in_alphabetical_order() -> None:
    cohort = small_cohort()
    batch, facts = Preparer(cohort, ENCODERS).of_fold(fold_with_members())
    assert list(batch.inputs) == ["age", "labs", "note"] == sorted(facts)
    assert len(batch) == 24
    for i, name in enumerate(batch.inputs):
        assert batch.present[:, i].tolist() == cohort.present(name).tolist()
    assert batch.target[:, 0].tolist() == [float(y) for y in cohort.table["y"]]


def test_what_does_not_change_from_fold_to_fold_is_prepared_once() -> None:
    told: list[str] = []
    preparer = Preparer(small_cohort(), ENCODERS)
    first, facts = preparer.of_fold(fold_with_members())
    again = preparer.batch(facts)
    assert again.inputs["note"]["weights"] is first.inputs["note"]["weights"]
    other = preparer.batch({**facts, "age": {"numeric": {"age": [0.0, 1.0]}, "categorical": {}}})
    assert other.inputs["note"]["weights"] is first.inputs["note"]["weights"]
    assert not torch.equal(other.inputs["age"]["values"], first.inputs["age"]["values"])
    assert told == []


def test_every_problem_of_the_encoders_is_told_at_once() -> None:
    encoders = {
        "note": Component.model_validate({"name": "mlp"}),
        "age": Component.model_validate({"name": "mlp", "hiden": 3}),
        "imag": Component.model_validate({"name": "densenet"}),
    }
    fusion = Component.model_validate({"name": "gatd"})
    with pytest.raises(InputError) as refused:
        check_encoders(small_cohort(), encoders, fusion)
    told = refused.value.problems
    assert len(told) == 5
    for said in (
        "input 'labs' has no encoder. Add labs: {name: ...}.",
        "the cohort has no input 'imag'",
        "encoders.note: mlp is for inputs of kind record, this one is of kind note.",
        "unknown key 'hiden'. Did you mean 'hidden'?",
        "no fusion named 'gatd'. Did you mean 'gated'?",
    ):
        assert any(said in problem for problem in told), said
    check_encoders(small_cohort(), ENCODERS, Component(name="gated"))


def trained(cohort: Any = None, inputs: tuple[str, ...] = ("age", "labs", "note"), **arguments):
    cohort, fold = cohort or small_cohort(), fold_with_members()
    batch, facts = Preparer(cohort, ENCODERS).of_fold(fold)
    fabric = make_fabric(CONFIG.train)
    return train_arm(cohort, CONFIG, list(inputs), fold, batch, facts, fabric=fabric, **arguments)


def test_a_fold_trains_a_model_per_member_with_its_own_history() -> None:
    told: list[tuple[int, int]] = []
    result = trained(on_epoch=lambda member, epoch: told.append((member, epoch.epoch)))
    assert len(result.models) == result.description.members == 2
    assert {member for member, _ in result.history} == {0, 1}
    assert told[0] == (0, 1)
    assert {member for member, _ in told} == {0, 1}
    for member in (0, 1):
        best = [e.best for m, e in result.history if m == member]
        assert best.count("yes") == 1


def test_the_mean_risk_of_the_cases_that_a_model_learned_from_is_their_rate() -> None:
    fold = fold_with_members()
    batch, _ = Preparer(small_cohort(), ENCODERS).of_fold(fold)
    inputs = ("age", "labs", "note")
    learned = fold.learned & batch.present.any(1).numpy() & batch.known.any(1).numpy()
    cases = batch.take(np.flatnonzero(learned))
    for model in trained(inputs=inputs).models:
        with torch.no_grad():
            risk = torch.sigmoid(model(cases.inputs, cases.present).fused)
        assert float(risk.mean()) == pytest.approx(float(cases.target.mean()), abs=1e-4)


def test_each_model_stops_on_the_cases_of_its_own_member() -> None:
    fold = fold_with_members()
    batch, _ = Preparer(small_cohort(), ENCODERS).of_fold(fold)
    result = trained(inputs=("age", "labs", "note"))
    for member, model in enumerate(result.models):
        cases = batch.take(np.flatnonzero((fold.member == member) & batch.present.any(1).numpy()))
        with torch.no_grad():
            logits = model(cases.inputs, cases.present).fused - model.link.shift
        loss = masked_loss(
            logits, cases.target, cases.known, model.start, task="binary", balanced=True
        )
        (kept,) = [e.validate_loss for m, e in result.history if m == member and e.best]
        assert float(loss) == pytest.approx(kept, abs=1e-5)


def test_test_cases_change_no_weight() -> None:
    fold, cohort = fold_with_members(), small_cohort()
    test = np.flatnonzero(fold.split == "test")
    changed = {name: cohort.table[name].tolist() for name in ("y", "text", "age", "lab")}
    for i in test:
        changed["y"][i] = "1" if changed["y"][i] == "0" else "0"
        changed["text"][i], changed["age"][i], changed["lab"][i] = "xanadu", "5000", "-900"
    ours, theirs = trained(cohort), trained(small_cohort(**changed))
    assert ours.description == theirs.description
    for one, other in zip(ours.models, theirs.models, strict=True):
        assert all(torch.equal(v, other.state_dict()[k]) for k, v in one.state_dict().items())


def test_the_fused_arm_starts_from_the_single_arms_it_is_given() -> None:
    alone = {name: trained(inputs=(name,)).models for name in ENCODERS}
    given, own = trained(alone=alone), trained()
    for one, other in zip(given.models, own.models, strict=True):
        assert all(torch.equal(v, other.state_dict()[k]) for k, v in one.state_dict().items())


def test_an_input_that_hardly_any_case_has_is_refused_with_advice() -> None:
    rare = small_cohort(text=["fever"] + [None] * 23)
    with pytest.raises(InputError, match=r"have note and a recorded target. Use fewer folds"):
        trained(rare, inputs=("note",))


def test_arms_are_the_single_inputs_and_then_all_together() -> None:
    assert list(arms_of(["note", "image"])) == ["image", "note", "fused"]
    assert arms_of(["note", "image"], "fused") == {"fused": ["image", "note"]}
    assert arms_of(["note"]) == {"fused": ["note"]}


def test_a_batch_of_unequal_rows_is_refused() -> None:
    two, three = torch.ones(2, 1), torch.ones(3, 1)
    with pytest.raises(ValueError, match=r"input a.values has 3 rows, wanted 2"):
        Batch({"a": {"values": three}}, two.bool(), two, two.bool())
    with pytest.raises(ValueError, match=r"needs present \(B, 2\)"):
        Batch({"a": {}, "b": {}}, two.bool(), two, two.bool())
    with pytest.raises(ValueError, match="target, known of one shape"):
        Batch({"a": {}}, two.bool(), two, three.bool())


def test_cases_and_inputs_can_be_taken_from_a_batch() -> None:
    batch, _ = Preparer(small_cohort(), ENCODERS).of_fold(fold_with_members())
    part = batch.take(np.array([3, 1])).only(["note", "age"])
    assert list(part.inputs) == ["note", "age"]
    assert torch.equal(part.present, batch.present[[3, 1]][:, [2, 0]])
    assert torch.equal(part.inputs["age"]["values"], batch.inputs["age"]["values"][[3, 1]])
    assert torch.equal(part.target, batch.target[[3, 1]])


def test_a_target_that_is_not_recorded_is_zero_and_not_known() -> None:
    target, known = targets_as_tensors(np.array([[1.0, np.nan], [0.0, 1.0]]))
    assert target.tolist() == [[1, 0], [0, 1]]
    assert known.tolist() == [[True, False], [True, True]]
