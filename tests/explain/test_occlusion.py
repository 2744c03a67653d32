"""Occlusion: by algebra, by Captum's own methods, and of every kind of input."""

import gc
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import FeatureAblation, Occlusion
from linear_model import CASE, COLUMNS, NAMES, REFERENCE, ROWS, WEIGHTS, expected, linear_model
from tiny_joint import tiny_joint

from clinmm.explain.attribute import explain
from clinmm.explain.explanation import Explanation
from clinmm.explain.joint import Joint, Target
from clinmm.explain.methods import occlusion
from clinmm.explain.parts import answers_without, parts_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("occlusion")


def occluded(joint: Joint, target: Target | None = None) -> Explanation:
    return explain(joint, "occlusion", target or Target(0), 8)


@pytest.mark.parametrize("k", [0, 1])
def test_in_a_linear_model_a_column_loses_weight_times_difference(k: int) -> None:
    found = occluded(Joint([linear_model()], ROWS), Target(k))
    for name in NAMES:
        assert found.located[name]["column"].tolist() == COLUMNS
        np.testing.assert_allclose(found.located[name]["score"], expected(name, k), atol=1e-5)
        assert found.sums[name] == pytest.approx(expected(name, k).sum(), abs=1e-5)
    assert found.logit_change is None
    assert found.complete


def test_columns_agree_with_captums_feature_ablation() -> None:
    joint = Joint([linear_model(bend=torch.tanh)], ROWS)
    losses = FeatureAblation(joint.function(Target(0))).attribute(
        joint.values, baselines=joint.references
    )
    found = occluded(joint)
    for name, loss in zip(NAMES, losses, strict=True):
        np.testing.assert_allclose(found.located[name]["score"], loss[0].detach(), atol=1e-5)


def test_an_input_is_told_what_is_lost_with_all_of_it() -> None:
    """Two columns that say the same: neither is missed alone, both together are."""

    def either(values: torch.Tensor) -> torch.Tensor:
        return values.amax(1, keepdim=True).expand(-1, 2)

    case = {**ROWS, "a": {"first": 2.0, "second": 2.0}}
    found = occluded(Joint([linear_model(bend=either)], case))
    assert found.located["a"]["score"].tolist() == [0, 0]
    both = sum(WEIGHTS["a"][0]) * (2.0 - max(REFERENCE["a"]))
    assert found.sums["a"] == pytest.approx(both, abs=1e-5)


def test_a_column_that_is_not_recorded_is_told_nothing() -> None:
    found = occluded(Joint([linear_model()], {**ROWS, "b": {"first": 3.0, "second": None}}))
    assert found.located["b"]["column"].tolist() == ["first"]
    lost = WEIGHTS["b"][0][0] * (CASE["b"][0] - REFERENCE["b"][0])
    np.testing.assert_allclose(found.located["b"]["score"], [lost], atol=1e-5)


def test_windows_reach_over_two_cells_and_cover_each_equally_often(folder: Path) -> None:
    parts = occlusion._parts(tiny_joint(folder, {"x": "densenet"}), "x")
    windows = occlusion._windows(parts)
    assert windows.shape == (9 * 9, 64)
    assert (windows.sum(0) == 4).all()
    assert sorted(set(windows.sum(1).tolist())) == [1, 2, 4]
    assert np.flatnonzero(windows[10]).tolist() == [0, 1, 8, 9]


@pytest.mark.parametrize("reach", [1, 2])
def test_a_map_agrees_with_captums_occlusion(
    reach: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Captum gives each cell the mean loss of its windows, here that is shared among their cells;
    at the edges Captum has fewer windows."""
    monkeypatch.setattr(occlusion, "REACH", reach)
    joint = tiny_joint(folder, {"x": "pixel_pca"}, x={"size": 8})
    by_captum = Occlusion(joint.function(Target(1))).attribute(
        joint.values, sliding_window_shapes=(1, reach, reach), baselines=joint.references
    )
    inside = by_captum[0][0, 0].detach().numpy()[1:-1, 1:-1] / reach**2
    own = occluded(joint, Target(1)).located["x"]["map"].astype(np.float64)[1:-1, 1:-1]
    np.testing.assert_allclose(own, inside, atol=2e-3 * np.abs(inside).max())


def test_where_cells_act_apart_the_map_adds_up_to_the_loss_of_all(folder: Path) -> None:
    joint = tiny_joint(folder, {"x": "pixel_pca"})  # linear in pixels
    found = occluded(joint)
    total = found.located["x"]["map"].sum(dtype=np.float64)
    assert total == pytest.approx(found.sums["x"], rel=2e-3)


def test_of_a_note_sentences_are_taken_away_and_of_one_sentence_words(folder: Path) -> None:
    joint = tiny_joint(folder, {"note": "bag_of_words"})
    text = joint.raw["note"]
    located = occluded(joint).located["note"]
    spans = list(zip(located["start"], located["end"], strict=True))
    assert [text[a:b] for a, b in spans] == [
        "Fever and a dry cough for 3 days.",
        "No effusion was seen.",
    ]
    whole = joint.answers_with({})[0, 0]
    left = joint.answers_with({"note": joint.prepared("note", ["No effusion was seen."])})[0, 0]
    assert located["score"][0] == pytest.approx(float(whole - left), abs=1e-5)

    joint = tiny_joint(folder, {"note": "bag_of_words"}, case=3)
    located = occluded(joint).located["note"]
    assert len(located["score"]) == 8
    text = joint.raw["note"]
    assert text[located["start"][0] : located["end"][0]] == "Effusion"


@pytest.mark.parametrize("encoder", ["densenet of volumes", "conv1d", "log_mel"])
def test_volumes_and_signals_too(encoder: str, folder: Path) -> None:
    joint = tiny_joint(folder, {"x": encoder})
    found = occluded(joint)
    parts = parts_of(joint, "x")
    gone = answers_without(joint, {"x": parts}, {"x": np.ones((1, parts.n), dtype=bool)})
    lost = float(joint.answers_with({})[0, 0] - gone[0, 0])
    assert found.sums["x"] == pytest.approx(lost, abs=1e-5)
    if "volumes" in encoder:
        assert found.located["x"]["map"].shape == joint.values[0].shape[2:]
    else:
        assert found.located["x"]["score"].shape == (2 * 24,)


def test_the_classes_of_a_case_share_what_was_asked_and_nothing_of_it_stays(folder: Path) -> None:
    joint = tiny_joint(folder, {"x": "pixel_pca"})
    passes = []
    joint.encoder("x").register_forward_hook(lambda *_: passes.append(1))
    first = occluded(joint, Target(0)).sums["x"]
    n = len(passes)
    second = occluded(joint, Target(1)).sums["x"]
    assert len(passes) == n > 0
    assert occluded(joint, Target(0, 1)).sums["x"] == pytest.approx(first - second, abs=1e-5)
    kept = len(occlusion._known)
    del joint
    gc.collect()
    assert len(occlusion._known) < kept


def test_a_note_without_words_and_a_record_without_values_lose_nothing() -> None:
    found = occluded(Joint([linear_model()], {**ROWS, "a": {"first": None, "second": None}}))
    assert found.located["a"]["score"].shape == (0,)
    assert found.sums["a"] == 0
