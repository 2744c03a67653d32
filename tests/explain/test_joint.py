"""Attributions of a model that is linear are its weights times the differences, exactly."""

import numpy as np
import pytest
import torch
from linear_model import CASE, NAMES, REFERENCE, WEIGHTS, expected, linear_model

from clinmm import registry
from clinmm.explain.joint import Explanation, Joint
from clinmm.explain.merge import merged
from clinmm.explain.rows import file_of, rows_of, save_arrays

METHODS = registry.available("attributions")
every_method = pytest.mark.parametrize("method", METHODS)


def weights_and_ends(name: str) -> tuple[list[float], list[float], list[float]]:
    """Of the first class: weights, case and reference, by column."""
    return WEIGHTS[name][0], CASE[name], REFERENCE[name]


@every_method
@pytest.mark.parametrize("k", [0, 1])
def test_a_linear_model_gives_weight_times_difference(method: str, k: int) -> None:
    explanation = Joint([linear_model()], CASE).explain(k, method, 8)
    for name in NAMES:
        np.testing.assert_allclose(explanation.located[name]["score"], expected(name, k), atol=1e-5)
        assert explanation.sums[name] == pytest.approx(expected(name, k).sum(), abs=1e-5)
    change = sum(expected(name, k).sum() for name in NAMES)
    assert explanation.logit_change == pytest.approx(change, abs=1e-5)
    assert explanation.completeness_error < 1e-5
    assert explanation.complete
    assert explanation.steps == 8


def test_the_weights_of_several_inputs_and_a_linear_correction_count_too() -> None:
    model = linear_model()
    with torch.no_grad():
        model.weight[0] = torch.tensor([3.0, 1.0])
        # concat without a hidden layer: slots a, b, c side by side, then three marks
        model.correction.weight[0] = torch.tensor([0, 0, 0, 7.0, 0, 0, 5, 5, 5])
    explanation = Joint([model], CASE).explain(0, "integrated_gradients", 8)
    np.testing.assert_allclose(explanation.located["a"]["score"], 3 * expected("a", 0), atol=1e-5)
    second_of_b = 7.0 * (CASE["b"][1] - -1.0)
    np.testing.assert_allclose(
        explanation.located["b"]["score"], expected("b", 0) + np.array([0, second_of_b]), atol=1e-5
    )
    assert explanation.complete


def test_an_input_that_the_model_ignores_gets_nothing() -> None:
    model = linear_model()
    with torch.no_grad():
        model.heads["input_b"].weight.zero_()
    explanation = Joint([model], CASE).explain(0, "integrated_gradients", 8)
    assert not explanation.located["b"]["score"].any()
    assert explanation.share("b") == 0
    assert explanation.share("a") + explanation.share("c") == pytest.approx(1)


@pytest.mark.parametrize("absent", [["a"], ["b"], ["a", "c"]])
def test_an_absent_input_gets_no_attribution_and_changes_none(absent: list[str]) -> None:
    case = {name: None if name in absent else CASE[name] for name in NAMES}
    explanation = Joint([linear_model()], case).explain(0, "integrated_gradients", 8)
    here = [name for name in NAMES if name not in absent]
    assert list(explanation.sums) == list(explanation.located) == here
    for name in here:
        np.testing.assert_allclose(explanation.located[name]["score"], expected(name, 0), atol=1e-5)
    rows = rows_of("fused", "c1", "died", "integrated_gradients", explanation)
    assert [row["input"] for row in rows] == here


def test_several_models_are_explained_as_their_mean() -> None:
    models = [linear_model(1.0), linear_model(3.0)]
    together = Joint(models, CASE).explain(0, "integrated_gradients", 8)
    for name in NAMES:
        np.testing.assert_allclose(
            together.located[name]["score"], 2 * expected(name, 0), atol=1e-5
        )
    points = [torch.tensor([CASE[name]]) for name in NAMES]
    own = [Joint([model], CASE).logits(*points) for model in models]
    torch.testing.assert_close(Joint(models, CASE).logits(*points), (own[0] + own[1]) / 2)


def test_the_explained_logit_is_the_predicted_one() -> None:
    model = linear_model(bend=torch.tanh)
    prepared = {name: {"values": torch.tensor([CASE[name]])} for name in NAMES}
    with torch.no_grad():
        predicted = model(prepared, torch.ones(1, 3, dtype=torch.bool)).fused
        points = [case.values for case in Joint([model], CASE).cases.values()]
        torch.testing.assert_close(Joint([model], CASE).logits(*points), predicted)


def test_a_curved_model_still_sums_to_its_change() -> None:
    explanation = Joint([linear_model(bend=torch.tanh)], CASE).explain(
        0, "integrated_gradients", 32
    )
    by_hand = sum(
        w * (np.tanh(x) - np.tanh(r))
        for name in NAMES
        for w, x, r in zip(*weights_and_ends(name), strict=True)
    )
    assert explanation.logit_change == pytest.approx(by_hand, abs=1e-5)
    assert explanation.completeness_error < 1e-3
    # Each column stands alone in this model, so its own change is its attribution.
    for name in NAMES:
        each = [
            w * (np.tanh(x) - np.tanh(r)) for w, x, r in zip(*weights_and_ends(name), strict=True)
        ]
        np.testing.assert_allclose(explanation.located[name]["score"], each, atol=1e-3)


def test_inputs_that_only_work_together_share_the_credit() -> None:
    """logit = a1 * b1 from (0, 0) to (x, y): each gets half of x * y, on every path's mean."""
    module = registry.load("attributions", "integrated_gradients")
    x, y = torch.tensor([[3.0]]), torch.tensor([[5.0]])
    a, b = module.attribute(
        lambda a, b: (a * b)[:, 0], (x, y), (torch.zeros(1, 1), torch.zeros(1, 1)), 16
    )
    assert a.item() == pytest.approx(7.5, abs=1e-4)
    assert b.item() == pytest.approx(7.5, abs=1e-4)


def test_more_points_are_taken_where_few_do_not_sum_to_the_change() -> None:
    def sharp(values: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(30 * (values - 0.72))

    model = linear_model(3.0, bend=sharp)
    explanation = Joint([model], CASE).explain(0, "integrated_gradients", 8)
    assert explanation.steps > 8
    assert explanation.complete


def test_what_never_sums_up_is_withheld_with_its_figures() -> None:
    explanation = Explanation(
        {"a": {"column": np.array(["x"]), "score": np.array([1.0])}}, {"a": 1.0}, 2.0, 64
    )
    assert not explanation.complete
    (row,) = rows_of("fused", "c1", "died", "integrated_gradients", explanation)
    assert row["status"] == "withheld"
    assert "1.00 of 2.00 after 64 steps" in row["reason"]
    assert (row["attribution"], row["logit_change"], row["completeness_error"]) == (1, 2, 1)


def test_shares_are_sizes_and_sum_to_one() -> None:
    explanation = Explanation({}, {"a": -3.0, "b": 1.0}, -2.0, 8)
    assert (explanation.share("a"), explanation.share("b")) == (0.75, 0.25)
    nothing = Explanation({}, {"a": 0.0, "b": 0.0}, 0.0, 8)
    assert (nothing.share("a"), nothing.share("b")) == (0, 0)
    assert nothing.complete


def test_merging_is_the_mean_word_by_word_column_by_column_pixel_by_pixel() -> None:
    def one(scale: float, spans: list[tuple[int, int]], steps: int) -> Explanation:
        return Explanation(
            {
                "image": {"map": np.full((2, 2), scale, np.float16)},
                "note": {
                    "start": np.array([s for s, _ in spans], np.int32),
                    "end": np.array([e for _, e in spans], np.int32),
                    "score": np.full(len(spans), scale, np.float32),
                },
                "record": {"column": np.array(["sex", "age"]), "score": np.array([scale, 0.0])},
            },
            {"image": 4 * scale, "note": scale * len(spans), "record": scale},
            9 * scale,
            steps,
        )

    both = merged([one(1.0, [(0, 4), (9, 12)], 8), one(3.0, [(5, 8), (9, 12)], 32)])
    assert (both.located["image"]["map"] == 2).all()
    assert both.located["note"]["start"].tolist() == [0, 5, 9]
    assert both.located["note"]["end"].tolist() == [4, 8, 12]
    assert both.located["note"]["score"].tolist() == [0.5, 1.5, 2.0]
    assert both.located["record"]["column"].tolist() == ["sex", "age"], "the order stays"
    assert both.located["record"]["score"].tolist() == [2.0, 0.0]
    assert both.sums == {"image": 8.0, "note": 4.0, "record": 2.0}
    assert (both.logit_change, both.steps) == (18.0, 32)
    alone = one(1.0, [(0, 4)], 8)
    assert merged([alone]) is alone


def test_merged_explanations_of_models_explain_their_mean() -> None:
    models = [linear_model(1.0), linear_model(3.0, bend=torch.tanh)]
    apart = merged([Joint([m], CASE).explain(1, "integrated_gradients", 32) for m in models])
    together = Joint(models, CASE).explain(1, "integrated_gradients", 32)
    for name in NAMES:
        assert apart.sums[name] == pytest.approx(together.sums[name], abs=1e-4)
    assert apart.logit_change == pytest.approx(together.logit_change, abs=1e-5)


def test_arrays_are_stored_by_input_and_without_pickle(tmp_path) -> None:
    explanation = Joint([linear_model()], CASE).explain(0, "integrated_gradients", 8)
    file = tmp_path / "arrays.npz"
    save_arrays(file, explanation)
    with np.load(file, allow_pickle=False) as arrays:
        assert set(arrays.files) == {f"{n}/{key}" for n in NAMES for key in ("column", "score")}
        np.testing.assert_array_equal(arrays["b/score"], explanation.located["b"]["score"])
        assert arrays["b/column"].tolist() == ["first", "second"]


def test_each_arm_case_and_class_has_a_file_of_its_own_with_a_harmless_name() -> None:
    keys = [("fused", "a/../b", "died"), ("fused", "a", "died"), ("image", "a", "died")]
    names = [file_of(*key) for key in [*keys, ("fused", "a", "lived"), ("fused\na", "x", "y")]]
    assert len(set(names)) == len(names)
    for name in names:
        folder, _, file = name.partition("/")
        assert folder == "attributions"
        assert file.removesuffix(".npz").isalnum()
