import copy
from dataclasses import replace
from itertools import product

import pytest
import torch
from plain_model import plain_batch, plain_model, set_head
from tiny_encoders import Make

from clinmm import registry
from clinmm.config import Component
from clinmm.errors import InputError
from clinmm.model import MultimodalClassifier, make_encoder

FUSIONS = registry.available("fusions")
A, B = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, -1.0]])


def answer(model: MultimodalClassifier, present: list[bool], a=A, b=B) -> torch.Tensor:
    inputs = {"a": {"values": a}, "b": {"values": b}}
    with torch.no_grad():
        return model.eval()(inputs, torch.tensor([present])).fused[0]


def disturbed(fusion: str) -> MultimodalClassifier:
    """A model far from its start, in every part."""
    model = plain_model(log_odds=(-1.0, 0.5), fusion=fusion)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape))
    return model


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("present", list(product([True, False], repeat=2)))
def test_training_starts_at_the_log_odds(fusion: str, present: tuple[bool, bool]) -> None:
    model = plain_model(log_odds=(-1.0, 0.5), fusion=fusion)
    assert answer(model, list(present)).tolist() == [-1.0, 0.5]


@pytest.mark.parametrize("fusion", FUSIONS)
def test_without_any_input_the_answer_is_the_log_odds(fusion: str) -> None:
    assert answer(disturbed(fusion), [False, False]).tolist() == [-1.0, 0.5]


@pytest.mark.parametrize("fusion", FUSIONS)
def test_one_input_alone_gets_its_own_answer(fusion: str) -> None:
    model = disturbed(fusion)
    with torch.no_grad():
        inputs = {"a": {"values": A}, "b": {"values": B}}
        alone = model.eval()(inputs, torch.ones(1, 2, dtype=torch.bool)).alone
    assert torch.equal(answer(model, [True, False]), alone["a"][0])
    assert torch.equal(answer(model, [False, True]), alone["b"][0])


def test_evidence_adds_up() -> None:
    model = plain_model(log_odds=(-1.0,))
    set_head(model, "a", [[0.5, 0.25]], 0.1)  # on (1, 2): 0.5 + 0.5 + 0.1 = 1.1
    set_head(model, "b", [[1.0, 2.0]], 0.0)  # on (3, -1): 3 - 2 = 1
    assert answer(model, [True, True]).item() == pytest.approx(-1 + 1.1 + 1)
    assert answer(model, [True, False]).item() == pytest.approx(-1 + 1.1)
    assert answer(model, [False, True]).item() == pytest.approx(-1 + 1)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[0.5], [2.0]]))
    assert answer(model, [True, True]).item() == pytest.approx(-1 + 0.55 + 2)
    assert answer(model, [True, False]).item() == pytest.approx(-1 + 1.1), "weights are for several"


def test_independent_evidence_gives_the_exact_posterior() -> None:
    """Two signs with likelihood ratios 4 and 1/2 at odds 1 to 3: posterior odds 2 to 3."""
    model = plain_model(log_odds=(float(torch.log(torch.tensor(1 / 3))),))
    for name, ratio in (("a", 4.0), ("b", 0.5)):
        set_head(model, name, [[0.0, 0.0]], float(torch.log(torch.tensor(ratio))))
    assert torch.sigmoid(answer(model, [True, True])).item() == pytest.approx(0.4)


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("junk", [float("nan"), float("inf")])
def test_what_stands_in_an_absent_slot_never_shows(fusion: str, junk: float) -> None:
    model, wrong = disturbed(fusion), torch.full((1, 2), junk)
    assert torch.equal(answer(model, [True, False], b=wrong), answer(model, [True, False]))
    assert torch.equal(answer(model, [False, False], a=wrong, b=wrong), model.start)
    inputs = {"a": {"values": A}, "b": {"values": wrong}}
    model.zero_grad()
    model(inputs, torch.tensor([[True, False]])).fused.sum().backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())


def test_absent_pictures_leave_batch_normalisation_alone(tiny: Make) -> None:
    _, encoder, raw, _ = tiny("densenet")
    statistics = []
    for shown in ([0, 1, 2, 3], [0, 1, 2, 3, 4, 5]):
        torch.manual_seed(0)
        picture = copy.deepcopy(encoder)
        picture.move = None  # no augmentation, whose draws depend on the size of the batch
        picture.config = picture.config.model_copy(update={"augment": False})
        model = MultimodalClassifier(
            {"a": plain_model("a").encoder("a"), "x": picture}, Component(name="concat"), [0.0]
        ).train()
        cases = [path if i < 4 else None for i, path in enumerate(raw)]
        prepared = {
            "a": {"values": torch.ones(len(shown), 2)},
            "x": picture.prepare([cases[i] for i in shown]),
        }
        present = torch.tensor([[True, cases[i] is not None] for i in shown])
        model(prepared, present)
        statistics.append([b for k, b in picture.named_buffers() if k.endswith("running_mean")])
    assert statistics[0]
    for without, with_absent in zip(*statistics, strict=True):
        torch.testing.assert_close(with_absent, without)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_no_case_sees_another_whatever_each_has(fusion: str) -> None:
    model, batch = disturbed(fusion).eval(), plain_batch(40, absent=0.4)
    with torch.no_grad():
        out = model(batch.inputs, batch.present).fused
        alone = [
            model(one.inputs, one.present).fused
            for one in (batch.take(torch.tensor([i])) for i in range(40))
        ]
    assert len({tuple(row) for row in batch.present.tolist()}) == 4
    torch.testing.assert_close(out, torch.cat(alone), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_gradients_reach_every_part(fusion: str) -> None:
    model, batch = disturbed(fusion).eval(), plain_batch(40, absent=0.3)
    model(batch.inputs, batch.present).fused.square().sum().backward()
    silent = [k for k, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_a_single_input_has_no_fusion() -> None:
    model = plain_model("a")
    assert model.fusion is None
    assert {key.split(".")[0] for key in model.state_dict()} == {"link", "heads"}


def test_the_fused_model_takes_over_what_single_inputs_learned() -> None:
    fused, alone = plain_model(), {name: plain_model(name) for name in "ab"}
    set_head(alone["a"], "a", [[0.5, 0.25]], 0.1)
    set_head(alone["b"], "b", [[1.0, 2.0]], 0.3)
    fused.take_over(alone)
    for name, z in (("a", A), ("b", B)):
        with torch.no_grad():
            own = alone[name].eval()({name: {"values": z}}, torch.tensor([[True]])).fused[0]
        assert torch.equal(answer(fused, [name == "a", name == "b"]), own)
    assert answer(fused, [True, True]).item() == pytest.approx(-1 + 1.1 + 1.3), "evidence adds up"
    set_head(alone["a"], "a", [[9.0, 9.0]], 9.0)
    assert answer(fused, [True, False]).item() == pytest.approx(-1 + 1.1), "a copy, not a share"


def test_models_of_ordered_classes_take_over_the_cuts() -> None:
    """Without them evidence would be read on a scale that is not its own."""
    start = {"log_odds": (-1.0, -0.5, -1.5), "task": "multiclass", "ordered": True}
    fused, alone = plain_model(**start), {name: plain_model(name, **start) for name in "ab"}
    for name, widened in (("a", 1.0), ("b", 3.0)):
        set_head(alone[name], name, [[0.5, 0.25]])
        with torch.no_grad():
            alone[name].link.lowest.sub_(widened)
            alone[name].link.gaps.add_(widened)
    first = fused.link.lowest.item()
    fused.take_over({"a": alone["a"]})
    with torch.no_grad():
        own = alone["a"].eval()({"a": {"values": A}}, torch.tensor([[True]])).fused[0]
    assert torch.equal(answer(fused, [True, False]), own)
    fused.take_over(alone)
    assert fused.link.lowest.item() == pytest.approx(first - 2)


@pytest.mark.parametrize("names", ["a", "ab"])
def test_without_any_input_ordered_classes_are_as_frequent_as_in_training(names: str) -> None:
    model = plain_model(names, (-1.0, -0.5, -1.5), task="multiclass", ordered=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    none = torch.zeros(2, len(names), dtype=torch.bool)
    answers = model({name: {"values": torch.ones(2, 2)} for name in names}, none).fused
    assert torch.equal(answers, model.start.expand(2, -1))


def test_the_intercept_is_set_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    shifts = []
    for at_once in (256, 7):
        monkeypatch.setattr("clinmm.model.AT_ONCE", at_once)
        model = disturbed("concat")
        batch = plain_batch(40, absent=0.4)
        target, known = batch.target.expand(-1, 2), batch.known.expand(-1, 2)
        model.settle(replace(batch, target=target, known=known))
        shifts.append(model.link.shift)
    assert shifts[0].abs().min() > 0.1
    torch.testing.assert_close(shifts[0], shifts[1])


def test_an_input_may_have_the_name_of_a_method() -> None:
    model = MultimodalClassifier(
        {"keys": plain_model("a").encoder("a")}, Component(name="concat"), [0.0]
    )
    out = model({"keys": {"values": A}}, torch.tensor([[True]]))
    assert out.alone.keys() == {"keys"}


def test_unknown_members_and_settings_are_refused_with_what_there_is() -> None:
    with pytest.raises(InputError, match=r"no encoder named 'densnet'. Did you mean 'densenet'"):
        make_encoder(Component(name="densnet"), {}, "encoders.image")
    encoder = plain_model("a").encoder("a")
    with pytest.raises(InputError, match=r"fusion .*unknown key 'hiden'. Did you mean 'hidden'"):
        MultimodalClassifier(
            {"a": encoder, "b": encoder},
            Component.model_validate({"name": "concat", "hiden": 3}),
            [0.0],
        )
