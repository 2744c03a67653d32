"""Methods that read gradients, where attributions are known by algebra or from Captum itself."""

from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import DeepLift, GradientShap, IntegratedGradients
from linear_model import CASE, NAMES, REFERENCE, WEIGHTS, expected, linear_model
from torch import Tensor, nn

from clinmm.config import Component
from clinmm.encoders import bag_of_words, densenet, language_model, mlp
from clinmm.encoders.parts.note_words import size_of
from clinmm.encoders.parts.record_columns import RecordColumns
from clinmm.errors import InputError
from clinmm.explain import attribute
from clinmm.explain.joint import Joint, Target
from clinmm.explain.methods import deep_lift, gradient_shap, integrated_gradients
from clinmm.model import MultimodalClassifier

METHODS = ("integrated_gradients", "gradient_shap", "deep_lift")
ON_A_PATH = ("integrated_gradients", "gradient_shap")
every_method = pytest.mark.parametrize("method", METHODS)


class Product(Joint):
    """logit = a1 * b1, which is an AND where both are 0 or 1."""

    def answers(self, *points: Tensor) -> Tensor:
        a, b = (point[:, :1] for point in points)
        return a * b


def product(x: float, y: float) -> Joint:
    joint = Product([linear_model()], {"a": [x, 0.0], "b": [y, 0.0], "c": None})
    return joint.with_references({name: torch.zeros(1, 2) for name in "ab"})


class Bent(nn.Module):
    """An activation that is a layer, or one that is not."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, values: Tensor) -> Tensor:
        bent: Tensor = self.layer(values - 0.7)
        return bent


# --- algebra ---------------------------------------------------------------------------------
@every_method
@pytest.mark.parametrize("k", [0, 1])
def test_a_linear_model_gives_weight_times_difference(method: str, k: int) -> None:
    explanation = attribute.explain(Joint([linear_model()], CASE), method, Target(k), 8)
    for name in NAMES:
        np.testing.assert_allclose(explanation.located[name]["score"], expected(name, k), atol=1e-5)
        assert explanation.sums[name] == pytest.approx(expected(name, k).sum(), abs=1e-5)
    change = sum(expected(name, k).sum() for name in NAMES)
    assert explanation.logit_change == pytest.approx(change, abs=1e-5)
    assert explanation.completeness_error == pytest.approx(0, abs=1e-5)
    assert explanation.steps == 8


@every_method
def test_an_input_that_the_model_ignores_gets_a_share_of_zero(method: str) -> None:
    model = linear_model()
    with torch.no_grad():
        model.heads["input_b"].weight.zero_()
    explanation = attribute.explain(Joint([model], CASE), method, Target(0), 8)
    assert not explanation.located["b"]["score"].any()
    assert explanation.share("b") == 0
    assert explanation.share("a") + explanation.share("c") == pytest.approx(1)


@every_method
def test_several_references_give_the_mean_over_them(method: str) -> None:
    references = {
        "a": torch.tensor([[0.0, 0.0], [1.0, 4.0], [2.0, 2.0]]),
        "b": torch.tensor([[3.0, 0.0], [1.0, 1.0], [-1.0, 2.0]]),
    }
    joint = Joint([linear_model()], CASE).with_references(references)
    explanation = attribute.explain(joint, method, Target(0), 24)
    for name in "ab":
        difference = np.array(CASE[name]) - references[name].mean(0).numpy()
        by_hand = np.array(WEIGHTS[name][0]) * difference
        np.testing.assert_allclose(explanation.located[name]["score"], by_hand, atol=1e-5)
    assert explanation.completeness_error == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("method", ON_A_PATH)
def test_inputs_that_only_work_together_share_the_credit(method: str) -> None:
    """From (0, 0) to (x, y) the slope of x y along the path is t y and t x: half for each."""
    steps, near = (16, 1e-4) if method == "integrated_gradients" else (2000, 0.3)
    sums = attribute.explain(product(3.0, 5.0), method, Target(0), steps).sums
    assert sums == pytest.approx({"a": 7.5, "b": 7.5}, abs=near)


def test_deep_lift_says_that_it_misses_what_is_no_layer() -> None:
    """The slopes of a product at the case are y and x: each input gets all of the credit."""
    explanation = attribute.explain(product(1.0, 1.0), "deep_lift", Target(0), 8)
    assert explanation.sums == pytest.approx({"a": 1.0, "b": 1.0})
    assert explanation.completeness_error == pytest.approx(1.0)
    assert not explanation.complete


def test_a_curved_model_still_sums_to_its_change() -> None:
    joint = Joint([linear_model(bend=torch.tanh)], CASE)
    explanation = attribute.explain(joint, "integrated_gradients", Target(0), 32)
    # Each column stands alone in this model, so its own change is its attribution.
    for name in NAMES:
        ends = zip(WEIGHTS[name][0], CASE[name], REFERENCE[name], strict=True)
        each = [w * (np.tanh(x) - np.tanh(r)) for w, x, r in ends]
        np.testing.assert_allclose(explanation.located[name]["score"], each, atol=1e-3)
    assert explanation.completeness_error == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.ReLU(inplace=True), nn.GELU(), nn.Tanh()])
def test_deep_lift_is_exact_where_every_activation_is_a_layer(layer: nn.Module) -> None:
    model = linear_model()
    for name in NAMES:
        model.encoder(name).bend = Bent(layer if name == "a" else type(layer)())
    joint = Joint([model], CASE)
    explanation = attribute.explain(joint, "deep_lift", Target(0), 8)
    assert explanation.completeness_error == pytest.approx(0, abs=1e-5)
    fresh = type(layer)()
    for name in NAMES:
        case, reference = (torch.tensor(ends) - 0.7 for ends in (CASE[name], REFERENCE[name]))
        each = torch.tensor(WEIGHTS[name][0]) * (fresh(case) - fresh(reference))
        np.testing.assert_allclose(explanation.located[name]["score"], each, atol=1e-5)


# --- agreement with Captum on one input ------------------------------------------------------
def alone_of(model: MultimodalClassifier) -> tuple[Joint, nn.Module]:
    """A case of one input, and its logit as a network that knows nothing of this package."""

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bend, self.head = nn.Tanh(), model.heads["input_a"]

        def forward(self, values: Tensor) -> Tensor:
            return model.start + self.head(self.bend(values))

    return Joint([model], {"a": CASE["a"], "b": None, "c": None}), Plain()


def test_each_method_gives_what_captum_gives_for_one_input() -> None:
    model = linear_model(2.0)
    model.encoder("a").bend = nn.Tanh()
    joint, plain = alone_of(model)
    values, reference = joint.values[0], joint.references[0]

    def ours(module: Any) -> Any:
        return module.attribute(joint, Target(1), 16, 3).located["a"]["score"]

    by_captum = IntegratedGradients(plain).attribute(values, reference, target=1, n_steps=16)
    np.testing.assert_allclose(ours(integrated_gradients), by_captum[0], atol=1e-6)
    lifted = DeepLift(plain)
    with pytest.warns(UserWarning, match="hooks"):
        by_captum = lifted.attribute(values.clone().requires_grad_(), reference, target=1)
    np.testing.assert_allclose(ours(deep_lift), by_captum[0].detach(), atol=1e-6)
    state = np.random.get_state()
    np.random.seed(3)
    torch.manual_seed(3)
    by_captum = GradientShap(plain).attribute(values, reference, target=1, n_samples=16)
    np.random.set_state(state)
    np.testing.assert_allclose(ours(gradient_shap), by_captum[0].detach(), atol=1e-6)


# --- draws and passes ------------------------------------------------------------------------
def test_the_seed_decides_what_gradient_shap_draws_and_nobody_else_notices() -> None:
    joint = Joint([linear_model(bend=torch.tanh)], CASE)

    def drawn(seed: int) -> list[float]:
        return list(gradient_shap.attribute(joint, Target(0), 8, seed).sums.values())

    np.random.seed(7)
    torch.manual_seed(7)
    wanted = (np.random.random(), float(torch.rand(())))
    np.random.seed(7)
    torch.manual_seed(7)
    first = drawn(0)
    assert (np.random.random(), float(torch.rand(()))) == wanted
    assert drawn(0) == first
    assert drawn(1) != first


@pytest.mark.parametrize("method", ON_A_PATH)
def test_the_number_of_points_a_pass_does_not_matter(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    joint = Joint([linear_model(bend=torch.tanh)], CASE)
    module = {"integrated_gradients": integrated_gradients, "gradient_shap": gradient_shap}[method]
    by_size = {}
    for size in (1, 4, 64) if method == "integrated_gradients" else (64, 128):
        monkeypatch.setattr(module, "points_at_once", lambda joint, size=size: size)
        by_size[size] = module.attribute(joint, Target(0), 32, 0).sums
    for sums in by_size.values():
        assert sums == pytest.approx(by_size[64], abs=1e-5)


# --- deep_lift and networks ------------------------------------------------------------------
def test_an_activation_that_is_used_twice_is_refused() -> None:
    shared = nn.ReLU()
    model = linear_model()
    model.encoder("a").bend = model.encoder("b").bend = Bent(shared)
    joint = Joint([model], CASE)
    with pytest.raises(InputError, match=r"used more than once.*integrated_gradients"):
        deep_lift.attribute(joint, Target(0))
    assert not {"input", "output"} & set(vars(shared)), "nothing is left behind"
    assert not shared._forward_hooks


def test_activations_of_a_network_that_the_models_share_are_read_too() -> None:
    shared = Bent(nn.ReLU())
    model = linear_model()
    model.encoder("a").bend = lambda values: shared(values)  # not a part of the model
    joint = Joint([model], CASE)
    plain_slopes = deep_lift.attribute(joint, Target(0)).sums["a"]
    model.encoder("a").shared_network = lambda: shared
    found = attribute.explain(joint, "deep_lift", Target(0), 1)
    assert found.completeness_error == pytest.approx(0, abs=1e-6)
    assert abs(found.sums["a"] - plain_slopes) > 0.05


def test_nothing_is_left_on_an_activation_that_no_gradient_reaches() -> None:
    idle = nn.ReLU()

    def bend(values: Tensor) -> Tensor:
        idle(values)
        return values

    model = linear_model(bend=bend)
    model.encoder("a").idle = idle
    for name in "bc":
        model.encoder(name).bend = None
    deep_lift.attribute(Joint([model], CASE), Target(0))
    assert not {"input", "output"} & set(vars(idle))


def test_an_error_of_the_network_itself_is_not_taken_for_a_refusal() -> None:
    def broken(values: Tensor) -> Tensor:
        raise RuntimeError("out of memory")

    joint = Joint([linear_model(bend=broken)], CASE)
    with pytest.raises(RuntimeError, match="out of memory"):
        deep_lift.attribute(joint, Target(0))


class Pixels(densenet.Encoder):
    """Its raw values are pictures already."""

    def prepare(self, raw: Any, progress: Any = None) -> dict[str, Tensor]:
        return {"pixels": torch.stack([torch.zeros(1, 32, 32) if r is None else r for r in raw])}


def demo_like() -> MultimodalClassifier:
    """Picture, note and record as in the demo, small, with weights that say something."""
    torch.manual_seed(0)
    terms = {"terms": ["cough", "fever", "no fever"], "rarity": [1.0, 2.0, 3.0]}
    columns = {"numeric": {"age": [50.0, 10.0]}, "categorical": {"sex": ["F", "M"]}}
    small = densenet.Config(size=32, init_features=8, block_config=(2, 2))
    encoders = {
        "image": Pixels(small, {}),
        "note": bag_of_words.Encoder(bag_of_words.Config(), terms),
        "record": mlp.Encoder(mlp.Config(), columns),
    }
    model = MultimodalClassifier(encoders, Component(name="concat"), [0.0, 0.0])
    for head in (*model.heads.values(), model.correction):
        nn.init.normal_(head.weight, std=0.3)
    return model.eval()


def demo_case() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(1)
    picture = torch.rand(1, 32, 32, generator=generator)
    return {"image": picture, "note": "Cough, no fever.", "record": {"age": 71, "sex": "F"}}


def test_deep_lift_nearly_adds_up_on_the_networks_of_the_demo() -> None:
    joint = Joint([demo_like()], demo_case())
    lifted = attribute.explain(joint, "deep_lift", Target(0), 8)
    assert set(lifted.sums) == {"image", "note", "record"}
    assert lifted.complete
    by_path = attribute.explain(joint, "integrated_gradients", Target(0), 64)
    for name in ("note", "record"):
        assert lifted.sums[name] == pytest.approx(by_path.sums[name], abs=0.02)


@every_method
def test_the_methods_leave_the_model_as_it_was(method: str) -> None:
    model = demo_like()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    joint = Joint([model], demo_case())
    answers = joint.answers_with({})
    attribute.explain(joint, method, Target(0), 8)
    torch.testing.assert_close(joint.answers_with({}), answers, rtol=0, atol=0)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not any(parameter.grad is not None for parameter in model.parameters())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


# --- where attributions belong ---------------------------------------------------------------
def test_a_column_has_a_part_of_its_score_for_having_been_measured() -> None:
    facts = {"numeric": {"age": [0, 1]}, "categorical": {"sex": ["F", "M"]}}
    located = RecordColumns(facts).located(np.array([1.0, 0.2, 0.3, 0.5, -2.0], np.float32))
    assert located["column"].tolist() == ["age", "sex"]
    np.testing.assert_allclose(located["score"], [1.5, -1.5])
    np.testing.assert_allclose(located["mark"], [0.5, -2.0])


def test_not_measured_has_a_score_against_the_mean_record() -> None:
    """Of ten training cases seven were measured: being unmeasured moves the mark from .7 to 0."""
    joint = Joint([demo_like()], {"image": None, "note": None, "record": {"age": None, "sex": "F"}})
    own = attribute.explain(joint, "integrated_gradients", Target(0), 16).located["record"]
    assert own["score"][0] == own["mark"][0] == 0, "nothing measured against nothing measured"
    mean = torch.tensor([[0.0, 0.5, 0.5, 0.7, 1.0]])
    seen = attribute.explain(
        joint.with_references({"record": mean}), "integrated_gradients", Target(0), 16
    )
    located = seen.located["record"]
    assert located["mark"][0] == pytest.approx(located["score"][0])
    assert abs(located["mark"][0]) > 1e-3
    assert located["mark"][1] == 0, "measured as every training case is"
    assert seen.complete


def test_what_falls_on_special_pieces_is_told() -> None:
    encoder = language_model.Encoder(
        language_model.Config(), language_model.Encoder.learn(language_model.Config(), ["a"], None)
    )
    note = "No pleural effusion."
    there = encoder.attributable(note).values[0].numpy()
    weights = np.arange(1.0, there.size + 1, dtype=np.float32).reshape(there.shape)
    located = encoder.located(-weights, note)
    assert located["special"].shape == (1,)
    assert located["special"][0] == weights.ravel()[0] + weights.ravel()[-1], "[CLS] and [SEP]"
    assert located["score"].sum() - located["special"][0] == pytest.approx(-weights.sum())
    assert size_of(np.zeros(0, np.float32)).tolist() == [0.0]
