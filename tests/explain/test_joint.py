"""A case as one function of its inputs, and the explanation of a model known by algebra."""

import numpy as np
import pytest
import torch
from linear_model import CASE, NAMES, REFERENCE, WEIGHTS, expected, linear_model

from clinmm.explain.attribute import explain
from clinmm.explain.explanation import Explanation
from clinmm.explain.joint import Joint, Target

IG = "integrated_gradients"


def case_without(*absent: str) -> dict[str, list[float] | None]:
    return {name: None if name in absent else CASE[name] for name in NAMES}


# --- the function ----------------------------------------------------------------------------
def test_the_explained_logit_is_the_predicted_one() -> None:
    model = linear_model(bend=torch.tanh)
    prepared = {name: {"values": torch.tensor([CASE[name]])} for name in NAMES}
    joint = Joint([model], CASE)
    with torch.no_grad():
        predicted = model(prepared, torch.ones(1, 3, dtype=torch.bool)).fused
        torch.testing.assert_close(joint.answers(*joint.values), predicted)


def test_several_models_answer_with_their_mean() -> None:
    models = [linear_model(1.0), linear_model(3.0)]
    points = [torch.tensor([CASE[name]]) for name in NAMES]
    own = [Joint([model], CASE).answers(*points) for model in models]
    torch.testing.assert_close(Joint(models, CASE).answers(*points), (own[0] + own[1]) / 2)


def test_a_target_may_be_the_difference_of_two_classes() -> None:
    answers = torch.tensor([[2.0, 0.5], [1.0, 4.0]])
    assert Target(0).of(answers).tolist() == [2.0, 1.0]
    assert Target(0, rival=1).of(answers).tolist() == [1.5, -3.0]


def test_what_is_changed_is_asked_and_the_rest_stays() -> None:
    joint = Joint([linear_model(), linear_model(2.0)], CASE)
    as_it_is = joint.answers(*joint.values).detach()
    torch.testing.assert_close(joint.answers_with({}), as_it_is)
    other = torch.tensor([[0.0, 0.0], CASE["b"]])
    answers = joint.answers_with({"b": joint.trunk("b", other)})
    torch.testing.assert_close(answers[1:], as_it_is)
    first = 1.5 * np.array(WEIGHTS["b"])[:, 0] * CASE["b"][0]
    np.testing.assert_allclose((as_it_is - answers[:1])[0], first, atol=1e-5)
    moved = joint.with_values({"b": other[:1]})
    torch.testing.assert_close(moved.answers_with({}), answers[:1])


def test_an_input_that_is_not_asked_answers_as_an_absent_one() -> None:
    joint = Joint([linear_model()], CASE)
    asked = torch.tensor([[True, False, True]])
    without = Joint([linear_model()], case_without("b"))
    torch.testing.assert_close(joint.answers_with({}, asked), without.answers_with({}))
    torch.testing.assert_close(
        without.answers_with({}, torch.ones(1, 3, dtype=torch.bool)), without.answers_with({})
    )


def test_the_change_is_that_from_the_mean_over_the_references() -> None:
    references = {"a": torch.tensor([[0.0, 0.0], [1.0, 2.0]])}
    joint = Joint([linear_model()], CASE).with_references(references)
    assert [len(reference) for reference in joint.references] == [2, 2, 2]
    rest = expected("b", 0).sum() + expected("c", 0).sum()
    assert joint.change(Target(0)) == pytest.approx(rest + expected("a", 0).sum() / 2, abs=1e-5)


# --- the explanation -------------------------------------------------------------------------
@pytest.mark.parametrize("absent", [["a"], ["b"], ["a", "c"]])
def test_an_absent_input_gets_no_attribution_and_changes_none(absent: list[str]) -> None:
    explanation = explain(Joint([linear_model()], case_without(*absent)), IG, Target(0), 8)
    here = [name for name in NAMES if name not in absent]
    assert list(explanation.sums) == list(explanation.located) == here
    for name in here:
        np.testing.assert_allclose(explanation.located[name]["score"], expected(name, 0), atol=1e-5)


def test_the_weights_of_several_inputs_and_a_linear_correction_count_too() -> None:
    model = linear_model()
    with torch.no_grad():
        model.weight[0] = torch.tensor([3.0, 1.0])
        # concat without a hidden layer: slots a, b, c side by side, then three marks
        model.correction.weight[0] = torch.tensor([0, 0, 0, 7.0, 0, 0, 5, 5, 5])
    explanation = explain(Joint([model], CASE), IG, Target(0), 8)
    np.testing.assert_allclose(explanation.located["a"]["score"], 3 * expected("a", 0), atol=1e-5)
    second_of_b = 7.0 * (CASE["b"][1] - REFERENCE["b"][1])
    np.testing.assert_allclose(
        explanation.located["b"]["score"], expected("b", 0) + np.array([0, second_of_b]), atol=1e-5
    )
    assert explanation.complete


def test_several_models_are_explained_as_their_mean() -> None:
    together = explain(Joint([linear_model(1.0), linear_model(3.0)], CASE), IG, Target(0), 8)
    for name in NAMES:
        np.testing.assert_allclose(
            together.located[name]["score"], 2 * expected(name, 0), atol=1e-5
        )


def test_why_this_rather_than_that_is_the_difference_of_both() -> None:
    joint = Joint([linear_model()], CASE)
    difference = explain(joint, IG, Target(0, rival=1), 8)
    for name in NAMES:
        np.testing.assert_allclose(
            difference.located[name]["score"], expected(name, 0) - expected(name, 1), atol=1e-5
        )
    assert difference.complete


def test_more_points_are_taken_where_few_do_not_sum_to_the_change() -> None:
    def sharp(values: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(30 * (values - 0.72))

    joint = Joint([linear_model(3.0, bend=sharp)], CASE)
    explanation = explain(joint, IG, Target(0), 8)
    assert explanation.steps > 8
    assert explanation.complete
    once = explain(joint, IG, Target(0), 8, refine=False)
    assert once.steps == 8
    assert not once.complete


def test_shares_are_sizes_and_sum_to_one() -> None:
    explanation = Explanation({}, {"a": -3.0, "b": 1.0}, -2.0, 8)
    assert (explanation.share("a"), explanation.share("b")) == (0.75, 0.25)
    nothing = Explanation({}, {"a": 0.0, "b": 0.0}, 0.0, 8)
    assert (nothing.share("a"), nothing.share("b")) == (0, 0)
    assert nothing.complete


def test_scores_that_do_not_add_up_have_no_completeness_error() -> None:
    explanation = Explanation({}, {"a": 5.0}, None, 0)
    assert explanation.completeness_error is None
    assert explanation.complete
