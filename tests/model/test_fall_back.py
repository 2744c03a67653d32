"""`fusion: auto`: what a fold answers from, and that the fused models then say just that."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from plain_model import Plain, plain_batch, set_head
from small_study import fold_with_members, plain_fold

from clinmm.arms import arms_of
from clinmm.cases import Batch
from clinmm.config import Component
from clinmm.errors import InputError
from clinmm.fall_back import (
    FallBack,
    answering_from,
    check_falls_back,
    fall_back,
    in_words,
    ranking,
)
from clinmm.folds import Fold
from clinmm.links import CumulativeLink
from clinmm.model import MultimodalClassifier
from clinmm.predict import fold_logits, logits_of

N = 240
TARGETS: dict[str, dict[str, Any]] = {
    "binary": {"start": [-1.0]},
    "multilabel": {"start": [-1.0, 0.5]},
    "multiclass": {"start": [-1.0, -0.5, -1.5]},
    "ordered": {"start": [-1.0, -0.5, -1.5], "task": "multiclass", "ordered": True},
    "continuous": {"start": [40.0, 8.0]},
}


def model(names: str, target: str = "binary", seed: int = 0) -> MultimodalClassifier:
    """Random heads and shift, as if trained."""
    torch.manual_seed(seed)
    settings = {"task": target, **TARGETS[target]}
    start = [s + 0.3 * seed for s in settings.pop("start")]
    made = MultimodalClassifier(
        {name: Plain() for name in names}, Component(name="concat"), start, **settings
    )
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        made.link.shift.add_(0.2 * torch.randn_like(made.link.shift))
    return made.eval()


def saying(names: str, **weights: float) -> MultimodalClassifier:
    """A binary model whose evidence of an input is a weight times its first number."""
    made = model(names)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        if len(names) > 1:
            made.weight.fill_(1)
        made.link.shift.zero_()
    for name in names:
        set_head(made, name, [[weights[name], 0.0]])
    return made


def cases(a: float, b: float, n: int = N) -> tuple[Batch, np.ndarray]:
    """Two inputs that tell the class apart by so much; each is absent for some."""
    rng = np.random.default_rng(0)
    y = (rng.random(n) < 0.4).astype(float)
    batch = plain_batch(n, absent=0.15)
    for name, strength in zip("ab", (a, b), strict=True):
        values = rng.normal(size=(n, 2)) + strength * y[:, None]
        batch.inputs[name]["values"] = torch.from_numpy(values.astype(np.float32))
    return batch, y[:, None]


def chosen(batch: Batch, targets: Any, fold: Fold, weight_b: float = 1.0) -> FallBack:
    n = fold.n_members
    alone = {"a": [saying("a", a=1.0)] * n, "b": [saying("b", b=1.0)] * n}
    fused = [saying("ab", a=1.0, b=weight_b)] * n
    return fall_back(fused, alone, arms_of("ab"), batch, targets, fold)[0]


@pytest.mark.parametrize("fold", [fold_with_members(N), plain_fold(N)])
def test_the_input_that_alone_carries_signal_is_answered_from(fold: Fold) -> None:
    batch, y = cases(1.5, 0.0)
    found = chosen(batch, y, fold)
    assert found.arm == "a"
    scores = {arm: score or 0 for arm, score in found.scores.items()}
    assert scores["a"] > scores["fused"] > scores["b"]


@pytest.mark.parametrize("fold", [fold_with_members(N), plain_fold(N)])
def test_all_inputs_answer_where_both_carry_signal(fold: Fold) -> None:
    batch, y = cases(1.0, 1.0)
    assert chosen(batch, y, fold).arm == "fused"


def test_of_sets_that_do_as_well_the_smaller_is_taken() -> None:
    batch, y = cases(1.0, 0.0)
    batch = replace(batch, present=torch.tensor([[True, True]]).repeat(N, 1))
    assert chosen(batch, y, fold_with_members(N), weight_b=0.0).arm == "a"


def test_no_test_case_and_no_unknown_target_has_a_say() -> None:
    batch, y = cases(1.5, 0.0)
    fold = fold_with_members(N)
    first = chosen(batch, y, fold)
    changed = y.copy()
    changed[fold.split == "test"] = 1 - changed[fold.split == "test"]
    assert chosen(batch, changed, fold) == first
    some = np.flatnonzero(fold.member == 0)[:30]
    unknown, left = y.copy(), replace(fold, member=fold.member.copy())
    unknown[some], left.member[some] = np.nan, -1
    assert chosen(batch, unknown, fold) == chosen(batch, y, left)


def test_nothing_is_chosen_where_nothing_can_be_ranked() -> None:
    batch, y = cases(1.0, 1.0)
    found = chosen(batch, np.ones_like(y), fold_with_members(N))
    assert found.scores == {"a": None, "b": None, "fused": None}
    assert found.arm == "fused"


@pytest.mark.parametrize("target", TARGETS)
def test_answering_from_one_input_is_the_answer_of_its_own_arm(target: str) -> None:
    batch = plain_batch(N, absent=0.2)
    fused, own = model("ab", target), model("a", target, seed=1)
    (changed,) = answering_from([fused], ["a"], {"a": [own]})
    has = batch.present[:, 0].numpy()
    ours, theirs = logits_of(changed, batch), logits_of(own, batch.only(["a"]))
    np.testing.assert_allclose(ours[has], theirs[has], atol=2e-5)
    assert not np.allclose(logits_of(fused, batch)[has], theirs[has], atol=1e-2)
    if not isinstance(fused.link, CumulativeLink):
        np.testing.assert_array_equal(ours[~has], logits_of(fused, batch)[~has])


def test_answering_from_a_pair_hides_the_third_where_one_of_them_is_there() -> None:
    batch = plain_batch(N, names="abc", absent=0.3)
    fused = model("abc")
    (changed,) = answering_from([fused], ["a", "b"], {})
    hidden = batch.present.clone()
    hidden[:, 2] &= ~batch.present[:, :2].any(1)
    wanted = logits_of(fused, replace(batch, present=hidden))
    np.testing.assert_array_equal(logits_of(changed, batch), wanted)


def test_the_fused_models_stay_as_they_are() -> None:
    batch = plain_batch(N)
    fused = [model("ab"), model("ab", seed=2)]
    before = fold_logits(fused, batch, fold_with_members(N))
    answering_from(fused, ["a"], {"a": [model("a", seed=3)] * 2})
    np.testing.assert_array_equal(fold_logits(fused, batch, fold_with_members(N)), before)


def test_cases_are_ranked_within_the_part_whose_model_answered() -> None:
    y = np.array([[0.0], [1], [0], [1], [1], [1]])
    logits = np.array([[1.0], [0.0], [5.0], [9.0], [7.0], [-50.0]])
    part = np.array([0, 0, 1, 1, 1, -1])
    # part 0: its pair is lost; part 1: both of its pairs are won
    assert ranking(logits, y, part, "binary") == pytest.approx(2 / 3)
    assert ranking(logits, np.full_like(y, np.nan), part, "binary") is None
    assert ranking(logits, y, part, "continuous") == pytest.approx(-(1 + 1 + 5 + 8 + 6) / 5)
    several = np.hstack([y, np.full_like(y, np.nan)])
    assert ranking(np.hstack([logits, logits]), several, part, "multilabel") == pytest.approx(2 / 3)


def test_there_has_to_be_something_to_fall_back_on() -> None:
    with pytest.raises(InputError, match=r"Set train.arms to single or all"):
        check_falls_back(arms_of("ab", "fused"))
    check_falls_back(arms_of("ab", "single"))
    check_falls_back(arms_of("a"))


def test_the_choices_are_told_in_a_sentence() -> None:
    made = [FallBack("note", {}), FallBack("image+note", {}), FallBack("note", {})]
    assert in_words(made) == (
        "Chosen on validate: note alone, where a case has it, in 2 of 3; image and note alone, "
        "where a case has one of them, in 1 of 3 folds."
    )


def test_an_input_that_is_not_asked_has_no_gradient_and_an_attribution_of_zero() -> None:
    batch = plain_batch(N)
    (changed,) = answering_from([model("ab")], ["a"], {"a": [model("a", seed=1)]})
    inputs = {name: batch.inputs[name]["values"].requires_grad_() for name in "ab"}
    given = {name: {"values": values} for name, values in inputs.items()}
    changed(given, batch.present).fused.sum().backward()
    assert (inputs["b"].grad == 0).all()
    assert (inputs["a"].grad != 0).any()
