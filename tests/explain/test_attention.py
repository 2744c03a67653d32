"""Attention: shares of 1, on what the network read, and nothing where it pays none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from linear_model import ROWS, linear_model
from tiny_joint import tiny_joint

from clinmm.encoders.parts.looked_at import over_pixels, rolled_out
from clinmm.encoders.parts.pooling import AttentionPool
from clinmm.errors import InputError
from clinmm.explain.attribute import explain
from clinmm.explain.joint import Joint, Target
from clinmm.explain.methods import attention

PAYS: dict[str, dict[str, Any]] = {
    "vit": {"depth": 2},
    "vit of volumes": {},
    "vision_model": {},
    "vision_model released": {},
    "gru": {"pool": "attention"},
    "lstm": {"pool": "attention"},
    "language_model": {},
    "language_model released": {"pool": "attention"},
    "feature_tokens": {"layers": 2},
}
"""Encoder -> settings with which it pays attention."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attention")


@pytest.mark.parametrize("encoder", PAYS)
def test_shares_of_one_that_no_class_changes(encoder: str, folder: Path) -> None:
    joint = tiny_joint(folder, {"x": encoder}, x=PAYS[encoder])
    before = joint.answers_with({})
    found = explain(joint, "attention", Target(0), 8)
    assert found.sums["x"] == pytest.approx(1, abs=1e-5)
    located = found.located["x"]
    scores = located["map"] if "map" in located else located["score"]
    assert (scores >= 0).all()
    assert np.ptp(scores) > 0
    told = scores.sum(dtype=np.float64) + float(located.get("special", np.zeros(1))[0])
    assert told == pytest.approx(1, abs=5e-3)
    again = explain(joint, "attention", Target(1, 2), 8)
    np.testing.assert_array_equal(
        again.located["x"].get("map", again.located["x"].get("score")), scores
    )
    torch.testing.assert_close(joint.answers_with({}), before)


def test_attention_through_layers_by_hand() -> None:
    """One head, two tokens. Half of each layer is the residual path."""
    first = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
    second = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])
    # (first + I) / 2 = [.5 .5; 0 1], (second + I) / 2 = [1 0; .5 .5]
    torch.testing.assert_close(
        rolled_out([first, second]), torch.tensor([[[0.5, 0.5], [0.25, 0.75]]])
    )


def test_heads_are_averaged_and_rows_sum_to_one() -> None:
    layers = [torch.rand(2, 3, 5, 5).softmax(-1) for _ in range(4)]
    rolled = rolled_out(layers)
    torch.testing.assert_close(rolled.sum(-1), torch.ones(2, 5))
    means = [layer.mean(1, keepdim=True) for layer in layers]
    torch.testing.assert_close(rolled, rolled_out(means))


def test_patches_lie_as_their_pixels_do() -> None:
    shares = torch.tensor([[0.1, 0.2, 0.3, 0.4]])
    pixels = over_pixels(shares, torch.zeros(1, 2, 4, 4))[0]
    assert float(pixels.sum()) == pytest.approx(1)
    corners = pixels.sum(0)[[0, 0, -1, -1], [0, -1, 0, -1]] * 4
    torch.testing.assert_close(corners, shares[0])


def test_a_pools_weights_are_those_that_it_pools_with() -> None:
    pool = AttentionPool(3)
    torch.nn.init.normal_(pool.score.weight)
    values, real = torch.rand(2, 4, 3), torch.tensor([[True] * 4, [True, True, False, False]])
    weights = pool.weights(values, real)
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    assert not weights[1, 2:].any()
    torch.testing.assert_close((weights[..., None] * values).sum(1), pool(values, real))


def test_a_transformer_that_looks_at_one_token_is_told_so(folder: Path) -> None:
    """A feature_tokens whose layer looks only at the second column's token."""
    joint = tiny_joint(folder, {"x": "feature_tokens"})
    layer = joint.encoder("x").layers[0]
    width = joint.encoder("x").token_dim
    tokens = torch.cat(
        [
            joint.encoder("x").gathers[None],
            joint.encoder("x")._columns(**joint.encoder("x").columns.apart(joint.values[0])),
        ],
        dim=1,
    )
    second = layer.before(tokens)[0, 2].detach()
    with torch.no_grad():
        layer.attend.in_proj_weight[:width].zero_()
        layer.attend.in_proj_bias[:width] = 1e3 * second
        layer.attend.in_proj_weight[width : 2 * width] = torch.eye(width)
    score = explain(joint, "attention", Target(0), 8).located["x"]["score"]
    np.testing.assert_allclose(score, [0, 1, 0], atol=1e-4)


def test_several_models_are_told_as_their_mean(folder: Path) -> None:
    joint = tiny_joint(folder, {"x": "feature_tokens"}, n_models=2)
    with torch.no_grad():
        for weights in joint.models[1].encoder("x").parameters():
            weights.copy_(torch.randn(weights.shape))
    found = explain(joint, "attention", Target(0), 8).located["x"]["score"]
    each = [
        explain(joint.with_models([model]), "attention", Target(0), 8).located["x"]["score"]
        for model in joint.models
    ]
    np.testing.assert_allclose(found, np.mean(each, 0), atol=1e-6)
    assert np.abs(each[0] - each[1]).max() > 1e-3


def test_inputs_without_attention_are_left_out_and_none_at_all_is_refused(folder: Path) -> None:
    encoders = {"image": "densenet", "note": "lstm", "record": "feature_tokens"}
    assert list(explain(tiny_joint(folder, encoders), "attention", Target(0), 8).sums) == ["record"]
    for joint in (Joint([linear_model()], ROWS), tiny_joint(folder, {"note": "lstm"})):
        with pytest.raises(InputError, match="no network that reads this case pays attention"):
            explain(joint, "attention", Target(0), 8)


def test_it_says_that_it_is_no_reason() -> None:
    assert "not why it decided" in attention.MEANING
