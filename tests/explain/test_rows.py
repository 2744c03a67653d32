"""Attributions of a model that is linear are its weights times the differences, exactly."""

import numpy as np
import pytest
import torch
from linear_model import CASE, NAMES, linear_model

from clinmm.explain.attribute import explain
from clinmm.explain.display import special_share
from clinmm.explain.explanation import Explanation
from clinmm.explain.joint import Joint, Target
from clinmm.explain.merge import merged
from clinmm.explain.rows import file_of, rows_of, save_arrays


def test_what_never_sums_up_is_withheld_with_its_figures() -> None:
    explanation = Explanation(
        {"a": {"column": np.array(["x"]), "score": np.array([1.0])}}, {"a": 1.0}, 2.0, 64
    )
    assert not explanation.complete
    (row,) = rows_of("fused", "c1", "died", "integrated_gradients", explanation)
    assert row["status"] == "withheld"
    assert "1.00 of 2.00 after 64 steps" in row["reason"]
    assert (row["attribution"], row["logit_change"], row["completeness_error"]) == (1, 2, 1)


@pytest.mark.parametrize(
    ("method", "share"), [("integrated_gradients", 0.25), ("grad_cam", None), ("attention", None)]
)
def test_only_what_is_in_logits_compares_inputs(method: str, share: float | None) -> None:
    explanation = Explanation({}, {"a": 1.0, "b": -3.0}, None, 8)
    told = rows_of("fused", "c1", "died", method, explanation)[0]["share"]
    assert told == share if share else np.isnan(told)


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
    apart = merged(
        [explain(Joint([m], CASE), "integrated_gradients", Target(1), 32) for m in models]
    )
    together = explain(Joint(models, CASE), "integrated_gradients", Target(1), 32)
    for name in NAMES:
        assert apart.sums[name] == pytest.approx(together.sums[name], abs=1e-4)
    assert apart.logit_change == pytest.approx(together.logit_change, abs=1e-5)


def test_arrays_are_stored_by_input_and_without_pickle(tmp_path) -> None:
    explanation = explain(Joint([linear_model()], CASE), "integrated_gradients", Target(0), 8)
    file = tmp_path / "arrays.npz"
    save_arrays(file, explanation.located)
    with np.load(file, allow_pickle=False) as arrays:
        assert set(arrays.files) == {f"{n}/{key}" for n in NAMES for key in ("column", "score")}
        np.testing.assert_array_equal(arrays["b/score"], explanation.located["b"]["score"])
        assert arrays["b/column"].tolist() == ["first", "second"]


def test_each_arm_case_and_class_has_a_file_of_its_own_with_a_harmless_name() -> None:
    keys = [
        ("fused", "a/../b", "died", "occlusion"),
        ("fused", "a", "died", "occlusion"),
        ("image", "a", "died", "occlusion"),
        ("fused", "a", "lived", "occlusion"),
        ("fused", "a", "died", "deep_lift"),
        ("fused", "a", "died", "occlusion", "lived"),
        ("fused\na", "x", "y", "occlusion"),
    ]
    names = [file_of(*key) for key in keys]
    assert len(set(names)) == len(names)
    for name in names:
        folder, _, file = name.partition("/")
        assert folder == "attributions"
        assert file.removesuffix(".npz").isalnum()


def test_merging_keeps_what_is_said_beside_the_scores() -> None:
    def one(mark: float, special: float) -> Explanation:
        return Explanation(
            {
                "record": {
                    "column": np.array(["sex", "age"]),
                    "score": np.array([1.0, 2.0], np.float32),
                    "mark": np.array([mark, 0.0], np.float32),
                },
                "note": {
                    "start": np.array([0], np.int32),
                    "end": np.array([4], np.int32),
                    "score": np.array([3.0], np.float32),
                    "special": np.array([special], np.float32),
                },
            },
            {"record": 3.0, "note": 3.0},
            6.0,
            8,
        )

    both = merged([one(0.2, 1.0), one(0.6, 0.0)])
    np.testing.assert_allclose(both.located["record"]["mark"], [0.4, 0.0], rtol=1e-6)
    assert both.located["note"]["special"].tolist() == [0.5]
    assert both.located["note"]["score"].tolist() == [3.0]
    assert special_share(both, "note") == pytest.approx(0.5 / 3.5)
    assert np.isnan(special_share(both, "record"))
