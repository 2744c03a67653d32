"""The network loses its weights from the head down, and only where it is told to."""

import copy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from clinmm.encoders.interface import Attributable
from clinmm.explain.attribute import explain
from clinmm.explain.audit import weight_randomisation
from clinmm.explain.audit.parts.likeness import likeness
from clinmm.explain.audit.parts.look import Look
from clinmm.explain.audit.parts.random_weights import BODY_STAGES, cascade, draw
from clinmm.explain.joint import Joint, Target
from clinmm.model import MultimodalClassifier

sys.path.insert(0, str(Path(__file__).parents[1]))
from linear_model import CASE, Linear, linear_model


class Deep(Linear):
    """As Linear, with a body of five layers, one of them a batch norm, and a projection."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.project = nn.Linear(4, 2)
        self.body = nn.Sequential(
            nn.Linear(2, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 4)
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        projected: torch.Tensor = self.project(self.body(values))
        return projected


def deep_model(seed: int = 0) -> MultimodalClassifier:
    model = linear_model()
    torch.manual_seed(seed)
    model.encoders["input_a"] = Deep("a")
    return model.eval()


def stages_of(models: list[MultimodalClassifier], *given: Any) -> list[list[MultimodalClassifier]]:
    """The models after each stage, side by side."""
    return [copy.deepcopy(stage) for stage in cascade(models, *given)]


def changed(before: nn.Module, after: nn.Module) -> list[str]:
    new = dict(after.named_parameters())
    return [n for n, p in before.named_parameters() if not torch.equal(p, new[n])]


def test_layers_go_from_the_head_down_until_none_is_left() -> None:
    model = deep_model()
    before = {name: p.clone() for name, p in model.named_parameters()}
    stages = stages_of([model], "a", 0)
    assert len(stages) == 1 + BODY_STAGES == 4
    gone = [
        {n.removeprefix("encoders.input_a.") for n in changed(model, after)} for (after,) in stages
    ]
    first = {"heads.input_a.weight", "heads.input_a.bias", "project.weight", "project.bias"}
    # A batch norm that has not been trained is made as it was, and so are its parameters.
    assert gone[0] == first
    assert gone[1] == first | {"body.4.weight", "body.4.bias"}
    assert gone[2] == gone[1] | {"body.2.weight", "body.2.bias", "body.1.weight", "body.1.bias"}
    assert gone[3] == gone[2] | {"body.0.weight", "body.0.bias"}
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_what_is_about_other_inputs_is_shared_and_not_copied() -> None:
    model = deep_model()
    model.encoder("a").facts["long"] = ["list"]
    (*_, (after,)) = cascade([model], "a", 0)
    assert after.encoder("b") is model.encoder("b")
    assert after.encoder("a").facts is model.encoder("a").facts
    assert after.encoder("a") is not model.encoder("a")
    assert after.heads["input_a"] is not model.heads["input_a"]


def test_every_member_gets_weights_of_its_own_and_a_seed_gives_the_same_again() -> None:
    models = [deep_model(0), deep_model(1)]
    state = torch.random.get_rng_state()
    one, again, other = (stages_of(models, "a", seed)[-1] for seed in (3, 3, 4))
    assert torch.equal(state, torch.random.get_rng_state())
    weights = [[m.encoder("a").project.weight for m in made] for made in (one, again, other)]
    assert torch.equal(weights[0][0], weights[1][0])
    assert not torch.equal(weights[0][0], weights[2][0])
    assert not torch.equal(weights[0][0], weights[0][1])


def test_a_linear_encoder_has_one_stage_that_takes_its_head() -> None:
    ((after,),) = stages_of([linear_model()], "a", 0)
    assert changed(linear_model(), after) == ["heads.input_a.weight", "heads.input_a.bias"]


def test_batch_norm_takes_the_statistics_of_the_case() -> None:
    case = Attributable(torch.tensor([[4.0, 0.0]]), torch.zeros(1, 2))
    (settled,) = stages_of([deep_model()], "a", 0, case)[-1]
    body = settled.encoder("a").body
    points = torch.tensor([[1.0, 0], [2, 0], [3, 0], [4, 0]])
    read = body[2](body[1](body[0](points)))
    torch.testing.assert_close(body[3].running_mean, read.mean(0))
    torch.testing.assert_close(body[3].running_var, read.var(0, unbiased=False))
    (bare,) = stages_of([deep_model()], "a", 0)[-1]
    assert torch.equal(bare.encoder("a").body[3].running_mean, torch.zeros(4))


def test_a_layer_that_cannot_make_itself_keeps_mean_and_deviation() -> None:
    layer = nn.Module()
    before = 3 + 2 * torch.randn(5000, generator=torch.Generator().manual_seed(0))
    layer.table = nn.Parameter(before.clone())
    torch.manual_seed(1)
    draw(layer)
    after = layer.table.detach()
    assert abs(float(after.mean() - before.mean())) < 0.1
    assert abs(float(after.std() - before.std())) < 0.1
    assert abs(float(torch.corrcoef(torch.stack([after, before]))[0, 1])) < 0.05


def test_a_shared_network_is_stood_in_for_and_stays_as_it_is() -> None:
    from clinmm.encoders.efficientnet_lite import Config, Encoder

    config = Config(size=64, out_dim=4, train="frozen")
    facts = Encoder.learn(config, [], None)
    encoder = Encoder(config, facts)
    model = MultimodalClassifier({"image": encoder}, None, [0.0])  # type: ignore[arg-type]
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    case = Attributable(pixels, torch.zeros_like(pixels))
    shared = encoder.shared_network()
    assert shared is not None
    whole = {name: tensor.clone() for name, tensor in shared.state_dict().items()}
    stages = stages_of([model, model], "image", 0, case)
    assert all(torch.equal(tensor, whole[name]) for name, tensor in shared.state_dict().items())
    assert encoder.stand_in is None
    first, last = stages[0][0].encoder("image"), stages[-1][0].encoder("image")
    features = [e.trunk(pixels, {})["features"] for e in (encoder, first, last)]
    assert torch.equal(features[0], features[1])
    assert not torch.allclose(features[0], features[2])
    varied = last.trunk(torch.rand_like(pixels), {})["features"] - features[2]
    assert float(varied.abs().max()) > 1e-3 * float(features[2].abs().max())
    assert stages[-1][0].encoder("image").stand_in is stages[-1][1].encoder("image").stand_in


def look(model: MultimodalClassifier, seed: int = 0) -> Look:
    joint, target = Joint([model], CASE), Target(0)
    found = explain(joint, "integrated_gradients", target, 8)
    return Look("c1", "x", "integrated_gradients", joint, target, found, 8, seed)


def test_readings_are_the_likenesses_of_each_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = look(deep_model())
    scores = np.array([3.0, -2.0, 1.0, 0.5])
    after = [np.array([3.0, 2.0, 1.0, 0.5]), np.array([-3.0, 2.0, -1.0, -0.5])]
    monkeypatch.setattr(Look, "unrefined_scores", {"a": scores})
    monkeypatch.setattr(Look, "by_random_weights", lambda self, name: [0, 1])
    monkeypatch.setattr(Look, "scores_of", lambda self, stage: {"a": after[stage]})
    told = {reading.test: reading.value for reading in weight_randomisation.measure(asked)}
    # ranks 4 1 3 2 against 4 3 2 1: 1 - 6 * (0 + 4 + 1 + 1) / (4 * 15)
    assert told["weight_randomisation_stage_1"] == pytest.approx(0.4)
    assert told["weight_randomisation_stage_2"] == pytest.approx(-1.0)
    assert told["weight_randomisation"] == pytest.approx(-1.0)
    assert told["weight_randomisation_unsigned"] == pytest.approx(1.0)
    assert set(told) <= set(weight_randomisation.TESTS)


def test_likeness_is_that_of_scipy_without_parts_that_nobody_scores() -> None:
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    one, other = rng.integers(-3, 4, 40).astype(float), rng.integers(-3, 4, 40).astype(float)
    said = (one != 0) | (other != 0)
    assert not said.all()
    assert likeness(one, other) == pytest.approx(spearmanr(one[said], other[said])[0])
    padded = likeness(np.append(one, np.zeros(99)), np.append(other, np.zeros(99)))
    assert padded == likeness(one, other)
    assert likeness(np.ones(2), np.arange(2.0)) is None
    assert likeness(np.ones(5), np.ones(5)) is None
    assert likeness(np.ones(5), np.arange(5.0)) == 0
