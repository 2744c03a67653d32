"""Shapley values of inputs: by hand, by all orders, and their axioms."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest
import torch
from linear_model import CASE, NAMES, REFERENCE, ROWS, WEIGHTS, Linear, linear_model

from clinmm.config import Component
from clinmm.errors import InputError
from clinmm.explain.attribute import explain
from clinmm.explain.joint import Joint, Target
from clinmm.explain.methods import input_shapley
from clinmm.explain.methods.input_shapley import shapley_values
from clinmm.model import MultimodalClassifier


def test_two_inputs_that_count_only_together_get_half_each() -> None:
    assert shapley_values(np.array([0.0, 0, 0, 1])).tolist() == [0.5, 0.5]


def test_either_of_two_is_enough_so_each_gets_half() -> None:
    assert shapley_values(np.array([0.0, 1, 1, 1])).tolist() == [0.5, 0.5]


def test_values_are_the_mean_over_all_orders() -> None:
    worth = np.random.default_rng(0).normal(size=16)
    by_order = np.zeros(4)
    for order in permutations(range(4)):
        inside = 0
        for player in order:
            by_order[player] += worth[inside | 1 << player] - worth[inside]
            inside |= 1 << player
    np.testing.assert_allclose(shapley_values(worth), by_order / factorial(4))


def test_the_axioms_hold() -> None:
    rng = np.random.default_rng(1)
    worth = rng.normal(size=8)
    values = shapley_values(worth)
    assert values.sum() == pytest.approx(worth[-1] - worth[0])  # efficiency
    other = rng.normal(size=8)
    np.testing.assert_allclose(shapley_values(worth + other), values + shapley_values(other))
    dummy = worth.copy()
    dummy[4:] = dummy[:4] + 0.7  # the third adds .7 whatever else is there
    assert shapley_values(dummy)[2] == pytest.approx(0.7)
    exchanged = worth[[0, 2, 1, 3, 4, 6, 5, 7]]
    np.testing.assert_allclose(shapley_values(exchanged), values[[1, 0, 2]])  # symmetry


@pytest.mark.parametrize("k", [0, 1])
def test_evidence_that_adds_up_is_each_inputs_own(k: int) -> None:
    """An absent input has no evidence, so its value is weight x case and its head's constant."""
    model = linear_model()
    found = explain(Joint([model], ROWS), "input_shapley", Target(k), 8)
    assert found.located == {}
    for name in NAMES:
        own = np.dot(WEIGHTS[name][k], CASE[name]) + 0.1
        assert found.sums[name] == pytest.approx(own, abs=1e-5)
    assert found.complete
    assert found.completeness_error == pytest.approx(0, abs=1e-5)


def test_the_values_add_up_to_all_inputs_less_none_not_to_the_reference() -> None:
    joint = Joint([linear_model(bend=torch.tanh)], ROWS)
    found = explain(joint, "input_shapley", Target(0), 8)
    log_odds = float(joint.models[0].start[0])
    whole = float(joint.answers_with({})[0, 0])
    assert found.logit_change == pytest.approx(whole - log_odds, abs=1e-5)
    assert sum(found.sums.values()) == pytest.approx(whole - log_odds, abs=1e-5)


def test_a_rival_gives_the_difference() -> None:
    joint = Joint([linear_model(bend=torch.tanh)], ROWS)
    targets = (Target(0), Target(1), Target(0, 1))
    one, other, against = (input_shapley.attribute(joint, t, 0).sums for t in targets)
    for name in NAMES:
        assert against[name] == pytest.approx(one[name] - other[name], abs=1e-5)


def test_an_absent_input_is_asked_nothing() -> None:
    joint = Joint([linear_model()], {**ROWS, "b": None})
    found = explain(joint, "input_shapley", Target(0), 8)
    assert list(found.sums) == ["a", "c"]
    assert found.complete


def test_more_inputs_than_can_be_asked_in_all_ways_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = [f"record{i}" for i in range(11)]
    for name in names:
        monkeypatch.setitem(REFERENCE, name, [0.0, 0.0])
    fusion = Component.model_validate({"name": "average"})
    model = MultimodalClassifier({n: Linear(n) for n in names}, fusion, [0.0]).eval()
    with pytest.raises(InputError, match="11 inputs, at most 10"):
        explain(Joint([model], {name: [1.0, 1.0] for name in names}), "input_shapley", Target(0), 8)
