"""What every fusion file must do with inputs of which any may be absent."""

from itertools import product
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from clinmm import registry

FUSIONS = registry.available("fusions")
every_fusion = pytest.mark.parametrize("name", FUSIONS)
DIMS = [3, 5, 2]
PATTERNS = torch.tensor(list(product([True, False], repeat=3)))
"""All 8 subsets of three inputs, mixed in one batch."""


def make(name: str, dims: list[int] = DIMS) -> Any:
    module = registry.load("fusions", name)
    torch.manual_seed(3)
    fusion = module.Fusion(module.Config(), dims).eval()
    with torch.no_grad():  # some start at zero, where nothing could be seen
        for parameter in fusion.parameters():
            parameter.copy_(torch.randn(parameter.shape) / 2)
    return fusion


def encoded(n: int = len(PATTERNS), seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, d, generator=generator) for d in DIMS]


@every_fusion
def test_every_subset_of_inputs_gives_a_finite_row_of_its_own(name: str) -> None:
    fusion = make(name)
    out = fusion(encoded(), PATTERNS)
    assert out.shape == (8, fusion.out_dim)
    assert torch.isfinite(out).all()
    same = [torch.randn(1, d).expand(8, d) for d in DIMS]
    rows = fusion(same, PATTERNS)
    assert len({tuple(row.tolist()) for row in rows}) == 8, "what is present changes the answer"


@every_fusion
def test_no_case_sees_another(name: str) -> None:
    fusion, z = make(name), encoded()
    out = fusion(z, PATTERNS)
    alone = torch.cat([fusion([x[i : i + 1] for x in z], PATTERNS[i : i + 1]) for i in range(8)])
    torch.testing.assert_close(out, alone)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(out[order], fusion([x[order] for x in z], PATTERNS[order]))


@every_fusion
@pytest.mark.parametrize("junk", [1e6, float("nan"), float("inf"), float("-inf")])
def test_what_stands_in_an_absent_slot_changes_neither_output_nor_gradient(
    name: str, junk: float
) -> None:
    fusion = make(name)
    clean = [z.requires_grad_() for z in encoded()]
    dirty = [
        torch.where(PATTERNS[:, i : i + 1], z.detach(), torch.tensor(junk)).requires_grad_()
        for i, z in enumerate(encoded())
    ]
    outs, gradients = [], []
    for z in (clean, dirty):
        fusion.zero_grad()
        out = fusion(z, PATTERNS)
        out.square().sum().backward()
        outs.append(out.detach())
        gradients.append([p.grad.clone() for p in fusion.parameters()])
    assert torch.equal(*outs)
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.equal(ours, theirs)
    for i, z in enumerate(dirty):
        assert z.grad is not None
        assert torch.isfinite(z.grad).all()
        assert not z.grad[~PATTERNS[:, i]].any(), "an absent slot has no gradient"
        assert z.grad[PATTERNS[:, i]].any()


@every_fusion
def test_gradients_reach_every_parameter_and_every_present_input(name: str) -> None:
    fusion, z = make(name), [x.requires_grad_() for x in encoded()]
    fusion(z, PATTERNS).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in fusion.parameters())
    for i, x in enumerate(z):
        assert x.grad is not None
        assert (x.grad.abs().sum(1) > 0)[PATTERNS[:, i]].all()


@every_fusion
def test_two_inputs_and_one_class_of_width_are_enough(name: str) -> None:
    fusion = make(name, [1, 1])
    present = torch.tensor([[True, False], [True, True]])
    assert fusion([torch.ones(2, 1), torch.ones(2, 1)], present).shape == (2, fusion.out_dim)


@every_fusion
def test_unknown_settings_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="widht"):
        registry.load("fusions", name).Config(widht=3)


def test_gated_starts_as_the_mean_of_what_is_present() -> None:
    module = registry.load("fusions", "gated")
    fusion = module.Fusion(module.Config(width=4), DIMS)
    z = encoded()
    common = torch.stack([f(x) for f, x in zip(fusion.to_common, z, strict=True)], dim=1)
    for i, pattern in enumerate(PATTERNS):
        expected = common[i][pattern].mean(0) if pattern.any() else torch.zeros(4)
        torch.testing.assert_close(fusion(z, PATTERNS)[i], expected)


def test_concat_without_a_hidden_layer_is_the_inputs_side_by_side() -> None:
    module = registry.load("fusions", "concat")
    fusion = module.Fusion(module.Config(hidden=0), [2, 1])
    z = [torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0]])]
    assert fusion(z, torch.tensor([[True, True]])).tolist() == [[1, 2, 3, 1, 1]]
    assert fusion(z, torch.tensor([[True, False]])).tolist() == [[1, 2, 0, 1, 0]]
    assert fusion.out_dim == 5
