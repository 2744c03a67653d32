"""What every fusion file must do with inputs of which any may be absent, alone and in a model."""

from itertools import product
from typing import Any, NamedTuple

import pytest
import torch
from plain_model import Plain
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from clinmm import registry
from clinmm.cases import Prepared
from clinmm.config import Component
from clinmm.model import LEARNED_TOKEN, MASKED, MultimodalClassifier, Tokens

FUSIONS = registry.available("fusions")
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in FUSIONS),
    ("average", {"weights": "learned"}),
    ("average", {"weights": "per_case"}),
    ("bottleneck", {"layers": 3, "latents": 2, "width": 6, "heads": 2}),
    ("concat", {"hidden": 0}),
    ("cross_attention", {"layers": 2, "width": 6, "heads": 1}),
    ("mixture_of_experts", {"top_k": 1}),
]


def among(settings: list[tuple[str, dict[str, Any]]]) -> pytest.MarkDecorator:
    ids = ["-".join([name, *map(str, of.values())]) for name, of in settings]
    return pytest.mark.parametrize(("name", "settings"), settings, ids=ids)


def reads_tokens(name: str) -> bool:
    return getattr(registry.load("fusions", name).Fusion, "reads_tokens", False)


every_fusion = among(SETTINGS)
every_fusion_of_tokens = among([one for one in SETTINGS if reads_tokens(one[0])])
every_junk = pytest.mark.parametrize("junk", [1e6, float("nan"), float("inf"), float("-inf")])

DIMS, TOKEN_DIMS, LENGTHS = [3, 5, 2], [4, 5, 2], [3, 4, 1]
"""Of three inputs; the last has no parts, so its one token is its vector."""
PATTERNS = torch.tensor(list(product([True, False], repeat=3)))
"""All 8 subsets of three inputs, mixed in one batch."""


class Said(NamedTuple):
    """What the inputs of a batch say, as a fusion is given it."""

    vectors: list[Tensor]
    tokens: list[Tokens]

    def of_cases(self, rows: Any) -> "Said":
        tokens = [Tokens(t.values[rows], t.real[rows]) for t in self.tokens]
        return Said([z[rows] for z in self.vectors], tokens)


def said(n: int = len(PATTERNS), seed: int = 0) -> Said:
    """Random vectors and tokens; the first token is real, some others are padding."""
    generator = torch.Generator().manual_seed(seed)
    vectors = [torch.randn(n, d, generator=generator) for d in DIMS]
    tokens = []
    for length, d in zip(LENGTHS, TOKEN_DIMS, strict=True):
        real = torch.rand(n, length, generator=generator) < 0.6
        real[:, 0] = True
        tokens.append(Tokens(torch.randn(n, length, d, generator=generator), real))
    return Said(vectors, [*tokens[:2], Tokens(vectors[2][:, None], tokens[2].real)])


class Made:
    """A fusion far from its start, in evaluation mode, called as the model calls it."""

    def __init__(self, name: str, settings: dict[str, Any], dims: list[int] = DIMS) -> None:
        module = registry.load("fusions", name)
        torch.manual_seed(3)
        self.reads_tokens = reads_tokens(name)
        self.weighs_answers = getattr(module.Fusion, "weighs_answers", False)
        token_dims = TOKEN_DIMS if dims == DIMS else dims
        more = [token_dims] if self.reads_tokens else []
        self.config = module.Config(**settings)
        self.fusion = module.Fusion(self.config, dims, *more).eval()
        with torch.no_grad():  # some start at zero, where nothing could be seen
            for parameter in self.fusion.parameters():
                parameter.copy_(torch.randn(parameter.shape) / 2)

    def __call__(self, given: Said, present: Tensor) -> Tensor:
        """The output; of weights, with the evidence that they add up, as in the model."""
        tokens = [given.tokens] if self.reads_tokens else []
        out: Tensor = self.fusion(given.vectors, present, *tokens)
        if not self.weighs_answers:
            return out
        evidence = torch.stack([z.sum(1) for z in given.vectors], dim=1)
        seen = torch.where(present, evidence, torch.zeros_like(evidence))
        return torch.cat([out, (out * seen).sum(1, keepdim=True)], dim=1)

    def leaves(self, given: Said) -> list[Tensor]:
        """What the fusion reads of each input, made to hold gradients."""
        read = [t.values for t in given.tokens] if self.reads_tokens else given.vectors
        return [x.requires_grad_() for x in read]


def detached(given: Said) -> Said:
    return Said(
        [z.detach().clone() for z in given.vectors],
        [Tokens(t.values.detach().clone(), t.real) for t in given.tokens],
    )


def with_junk(given: Said, present: Tensor, junk: float) -> Said:
    """The same with junk in every absent slot, where tokens also claim to be real."""
    vectors = [
        torch.where(present[:, i : i + 1], z, torch.tensor(junk))
        for i, z in enumerate(given.vectors)
    ]
    tokens = [
        Tokens(
            torch.where(present[:, i, None, None], t.values, torch.tensor(junk)),
            t.real | ~present[:, i : i + 1],
        )
        for i, t in enumerate(given.tokens)
    ]
    return Said(vectors, tokens)


def gradients_of(module: nn.Module, out: Tensor) -> list[Tensor]:
    """Of every parameter; zeros where none arrived."""
    module.zero_grad()
    if out.requires_grad:
        out.square().sum().backward()
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in module.parameters()]


# --- the fusion on its own ---------------------------------------------------------------------


@every_fusion
def test_every_subset_of_inputs_gives_a_finite_row_of_its_own(
    name: str, settings: dict[str, Any]
) -> None:
    made = Made(name, settings)
    one = said(1)
    same = one.of_cases(torch.zeros(8, dtype=torch.long))
    rows = made(same, PATTERNS)
    assert torch.isfinite(rows).all()
    assert torch.isfinite(made(said(), PATTERNS)).all()
    assert len({tuple(row.tolist()) for row in rows}) == 8, "what is present changes the answer"
    assert rows.shape == (8, made.fusion.out_dim + made.weighs_answers)


@every_fusion
def test_no_case_sees_another(name: str, settings: dict[str, Any]) -> None:
    made, given = Made(name, settings), said()
    out = made(given, PATTERNS)
    alone = torch.cat([made(given.of_cases([i]), PATTERNS[i : i + 1]) for i in range(8)])
    torch.testing.assert_close(out, alone)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(out[order], made(given.of_cases(order), PATTERNS[order]))
    other = said(seed=1)
    mixed = Said(
        [torch.cat([a[:1], b[1:]]) for a, b in zip(given.vectors, other.vectors, strict=True)],
        [
            Tokens(torch.cat([a.values[:1], b.values[1:]]), torch.cat([a.real[:1], b.real[1:]]))
            for a, b in zip(given.tokens, other.tokens, strict=True)
        ],
    )
    assert torch.equal(made(mixed, PATTERNS)[0], out[0])


@every_fusion
@every_junk
def test_what_stands_in_an_absent_slot_changes_neither_output_nor_gradient(
    name: str, settings: dict[str, Any], junk: float
) -> None:
    made = Made(name, settings)
    outs, gradients, reads = [], [], []
    for given in (said(), with_junk(said(), PATTERNS, junk)):
        given = detached(given)
        reads.append(made.leaves(given))
        out = made(given, PATTERNS)
        gradients.append(gradients_of(made.fusion, out))
        outs.append(out.detach())
    assert torch.equal(*outs)
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.equal(ours, theirs)
    for i, (clean, dirty) in enumerate(zip(*reads, strict=True)):
        assert clean.grad is not None
        assert dirty.grad is not None
        assert torch.equal(clean.grad, dirty.grad)
        assert not dirty.grad[~PATTERNS[:, i]].any(), "an absent slot has no gradient"


@every_fusion_of_tokens
@every_junk
def test_padding_changes_neither_output_nor_gradient(
    name: str, settings: dict[str, Any], junk: float
) -> None:
    made, given = Made(name, settings), said()
    padded = Said(
        given.vectors,
        [
            Tokens(torch.where(t.real[..., None], t.values, torch.tensor(junk)), t.real)
            for t in given.tokens
        ],
    )
    outs, gradients = [], []
    for one in (given, padded):
        one = detached(one)
        read = made.leaves(one)
        out = made(one, PATTERNS)
        gradients.append([*gradients_of(made.fusion, out), *(x.grad for x in read)])
        outs.append(out.detach())
        for x, tokens in zip(read, one.tokens, strict=True):
            assert x.grad is not None
            assert not x.grad[~tokens.real].any()
    assert torch.equal(*outs)
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    longer = Said(
        given.vectors,
        [
            Tokens(
                torch.cat([t.values, torch.full((8, 2, t.values.shape[2]), junk)], dim=1),
                torch.cat([t.real, torch.zeros(8, 2, dtype=torch.bool)], dim=1),
            )
            for t in given.tokens
        ],
    )
    torch.testing.assert_close(made(longer, PATTERNS), outs[0])


@every_fusion
def test_gradients_reach_every_parameter_and_every_present_input(
    name: str, settings: dict[str, Any]
) -> None:
    made, given = Made(name, settings), detached(said())
    read = made.leaves(given)
    for parameter, gradient in zip(
        made.fusion.parameters(), gradients_of(made.fusion, made(given, PATTERNS)), strict=True
    ):
        assert gradient.any(), tuple(parameter.shape)
    for i, x in enumerate(read):
        assert x.grad is not None
        assert (x.grad.abs().flatten(1).sum(1) > 0)[PATTERNS[:, i]].all()


@every_fusion
def test_two_inputs_of_one_number_are_enough(name: str, settings: dict[str, Any]) -> None:
    made = Made(name, settings, [1, 1])
    ones = [torch.ones(2, 1), torch.ones(2, 1)]
    given = Said(ones, [Tokens(z[:, None], torch.ones(2, 1, dtype=torch.bool)) for z in ones])
    out = made(given, torch.tensor([[True, False], [True, True]]))
    assert out.shape == (2, made.fusion.out_dim + made.weighs_answers)
    assert torch.isfinite(out).all()


@every_fusion
def test_it_costs_what_its_file_says(name: str, settings: dict[str, Any]) -> None:
    made, given = Made(name, settings), said(1)
    more = [TOKEN_DIMS, LENGTHS] if made.reads_tokens else []
    cost = registry.load("fusions", name).cost(made.config, DIMS, *more)
    assert cost.parameters == sum(p.numel() for p in made.fusion.parameters())
    # of attention, the counter knows the plain kernel
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        made(given, PATTERNS[:1])
    assert 2 * cost.multiply_adds == counter.get_total_flops()


@every_fusion
def test_unknown_settings_are_refused(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="widht"):
        registry.load("fusions", name).Config(**settings, widht=3)


@pytest.mark.parametrize(
    ("name", "settings", "said_of_it"),
    [
        ("average", {"weights": "best"}, "equal"),
        ("bottleneck", {"layers": 1}, "greater than or equal to 2"),
        ("bottleneck", {"width": 6, "heads": 4}, "no multiple of heads 4"),
        ("cross_attention", {"width": 6, "heads": 4}, "no multiple of heads 4"),
        ("mixture_of_experts", {"experts": 2, "top_k": 3}, "only 2 experts"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    name: str, settings: dict[str, Any], said_of_it: str
) -> None:
    with pytest.raises(ValidationError, match=said_of_it):
        registry.load("fusions", name).Config(**settings)


# --- the fusion in the model -------------------------------------------------------------------


class Parts(nn.Module):
    """Up to three words of width 2 a case, `words` (B, 3, 2) and `real` (B, 3), and their mean
    through a linear map, so that an encoder's own gradients are seen."""

    kind = "note"
    out_dim, token_dim = 3, 2

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(2, 3)

    def with_tokens(self, words: Tensor, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        kept = torch.where(real[..., None], words, torch.zeros_like(words))
        vector: Tensor = self.read(kept.sum(1) / real.sum(1, keepdim=True).clamp_min(1))
        return vector, kept, real

    def forward(self, words: Tensor, real: Tensor) -> Tensor:
        return self.with_tokens(words, real)[0]


def model_of(
    name: str, settings: dict[str, Any], absent: str, task: str = "multilabel"
) -> MultimodalClassifier:
    """Of three inputs, the note in parts; far from its start in every part."""
    torch.manual_seed(5)
    model = MultimodalClassifier(
        {"a": Plain(), "b": Plain(), "note": Parts()},
        Component(name=name, **settings),
        [-1.0, 0.5],
        task=task,
        absent=absent,
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) / 2)
    return model.eval()


def inputs_of(n: int = 8, seed: int = 0) -> dict[str, Prepared]:
    generator = torch.Generator().manual_seed(seed)
    real = torch.rand(n, 3, generator=generator) < 0.6
    real[:, 0] = True
    return {
        "a": {"values": torch.randn(n, 2, generator=generator)},
        "b": {"values": torch.randn(n, 2, generator=generator)},
        "note": {"words": torch.randn(n, 3, 2, generator=generator), "real": real},
    }


def junk_in_model(inputs: dict[str, Prepared], has: Tensor, junk: float) -> dict[str, Prepared]:
    """The same inputs with junk wherever a case lacks the input."""
    spoilt: dict[str, Prepared] = {}
    for i, (name, tensors) in enumerate(inputs.items()):
        spoilt[name] = {}
        for key, tensor in tensors.items():
            here = has[:, i].view(-1, *[1] * (tensor.dim() - 1))
            fill = torch.tensor(True) if tensor.dtype == torch.bool else torch.tensor(junk)
            spoilt[name][key] = torch.where(here, tensor, fill)
    return spoilt


in_a_model = pytest.mark.parametrize("absent", [MASKED, LEARNED_TOKEN])


@every_fusion
@in_a_model
@every_junk
def test_in_a_model_an_absent_input_changes_neither_answer_nor_gradient(
    name: str, settings: dict[str, Any], absent: str, junk: float
) -> None:
    model, clean = model_of(name, settings, absent), inputs_of()
    outs, gradients = [], []
    for inputs in (clean, junk_in_model(clean, PATTERNS, junk)):
        answer = model(inputs, PATTERNS).fused
        gradients.append(gradients_of(model, answer))
        outs.append(answer.detach())
    assert torch.isfinite(outs[0]).all()
    assert torch.equal(*outs)
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.isfinite(ours).all()
        assert torch.equal(ours, theirs)


@every_fusion
@in_a_model
def test_in_a_model_a_hidden_input_changes_neither_answer_nor_gradient(
    name: str, settings: dict[str, Any], absent: str
) -> None:
    """As input dropout hides it: the case has the input, the answer may not use it."""
    model, all_there = model_of(name, settings, absent), torch.ones(8, 3, dtype=torch.bool)
    outs, gradients = [], []
    for seed in (0, 1):
        inputs = junk_in_model(inputs_of(), PATTERNS, float(seed))
        answer = model(inputs, PATTERNS, all_there).fused
        gradients.append(gradients_of(model, answer))
        outs.append(answer.detach())
    assert torch.equal(*outs)
    assert torch.equal(outs[0], model(inputs_of(), PATTERNS).fused)
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@every_fusion
@in_a_model
def test_in_a_model_no_case_sees_another_and_order_does_not_matter(
    name: str, settings: dict[str, Any], absent: str
) -> None:
    model, inputs = model_of(name, settings, absent), inputs_of()

    def cases(rows: Any) -> Tensor:
        taken = {n: {k: t[rows] for k, t in of.items()} for n, of in inputs.items()}
        answer: Tensor = model(taken, PATTERNS[rows]).fused
        return answer

    whole = cases(torch.arange(8))
    alone = torch.cat([cases([i]) for i in range(8)])
    torch.testing.assert_close(whole, alone, rtol=1e-4, atol=1e-5)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(whole[order], cases(order), rtol=1e-4, atol=1e-5)


@every_fusion
@in_a_model
def test_in_a_model_gradients_reach_every_parameter(
    name: str, settings: dict[str, Any], absent: str
) -> None:
    model = model_of(name, settings, absent)
    gradients = gradients_of(model, model(inputs_of(), PATTERNS).fused)
    names = [key for key, _ in model.named_parameters()]
    assert [key for key, of in zip(names, gradients, strict=True) if not of.any()] == []
    # an input that is absent has no answer that could be weighed
    assert (model.absent is None) == (absent == MASKED or name == "average")


@every_fusion
@in_a_model
@pytest.mark.parametrize("task", ["multilabel", "continuous"])
def test_in_a_model_every_fusion_starts_at_what_the_inputs_say_alone(
    name: str, settings: dict[str, Any], absent: str, task: str
) -> None:
    """At the sum of their evidence; of fusions of answers, at its mean."""
    torch.manual_seed(2)
    model = MultimodalClassifier(
        {"a": Plain(), "b": Plain(), "note": Parts()},
        Component(name=name, **settings),
        [-1.0, 0.5],
        task=task,
        absent=absent,
    ).eval()
    with torch.no_grad():
        for head in model.heads.values():
            head.weight.copy_(torch.randn(head.weight.shape))
        encoded = model.encode(inputs_of(), PATTERNS)
        evidence = torch.where(PATTERNS[..., None], encoded.evidence, 0.0).sum(1)
        if name == "average":
            evidence = evidence / PATTERNS.sum(1, keepdim=True).clamp_min(1)
        expected = model.link(evidence, PATTERNS.any(1, keepdim=True))
        torch.testing.assert_close(model.answer(encoded, PATTERNS), expected)


@every_fusion
@in_a_model
def test_in_a_model_mixed_precision_is_finite(
    name: str, settings: dict[str, Any], absent: str
) -> None:
    model = model_of(name, settings, absent).train()
    with torch.autocast("cpu", torch.bfloat16):
        answer = model(inputs_of(), PATTERNS).fused
    assert torch.isfinite(answer).all()
    assert all(torch.isfinite(of).all() for of in gradients_of(model, answer.float()))


# --- one by one --------------------------------------------------------------------------------


def test_average_weights_sum_to_one_over_what_is_present() -> None:
    for weights in ("equal", "learned", "per_case"):
        made = Made("average", {"weights": weights})
        out = made.fusion(said().vectors, PATTERNS)
        torch.testing.assert_close(out.sum(1), PATTERNS.any(1).float())
        assert not out[~PATTERNS].any()
    equal = Made("average", {}).fusion(said().vectors, PATTERNS)
    assert equal[0].tolist() == pytest.approx([1 / 3] * 3)
    assert equal[1].tolist() == [0.5, 0.5, 0]


def test_gated_starts_as_the_mean_of_what_is_present() -> None:
    module = registry.load("fusions", "gated")
    fusion = module.Fusion(module.Config(width=4), DIMS)
    z = said().vectors
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


def test_low_rank_bilinear_is_a_product_less_one_in_which_absent_inputs_are_neutral() -> None:
    made = Made("low_rank_bilinear", {"width": 2, "rank": 3})
    z = said().vectors
    out = made.fusion(z, PATTERNS)
    for i, pattern in enumerate(PATTERNS):
        expected = torch.zeros(2)
        for r in range(3):
            factor = torch.ones(2)
            for m in range(3):
                if pattern[m]:
                    layer = made.fusion.factors[m]
                    rows = slice(2 * r, 2 * r + 2)
                    factor = factor * (
                        1 + torch.tanh(layer.weight[rows] @ z[m][i] + layer.bias[rows])
                    )
            expected = expected + factor - 1
        torch.testing.assert_close(out[i], expected)


def test_mixture_asks_only_the_best_experts_and_the_router_hears_of_the_others() -> None:
    made = Made("mixture_of_experts", {"experts": 4, "top_k": 2})
    known = torch.randn(6, sum(DIMS) + 3, generator=torch.Generator().manual_seed(0))
    trust = made.fusion.trust(known)
    assert (trust > 0).sum(1).tolist() == [2] * 6
    torch.testing.assert_close(trust.sum(1), torch.ones(6))
    dense = torch.softmax(made.fusion.router(known), 1)
    assert torch.equal(trust.topk(2).indices, dense.topk(2).indices)
    (gradient,) = torch.autograd.grad(trust[0] @ torch.arange(4.0), made.fusion.router.bias)
    assert gradient.all(), "experts that were not asked too"


def test_cross_attention_of_one_head_solved_by_hand() -> None:
    """Two inputs of one token each: a token sees the other one and the one for nothing."""
    made = Made("cross_attention", {"width": 2, "heads": 1}, [2, 2])
    fusion = made.fusion
    layer = fusion.layers[0]
    z = [torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 1.5]])]
    given = Said(z, [Tokens(x[:, None], torch.ones(1, 1, dtype=torch.bool)) for x in z])
    own, other = (f(x) for f, x in zip(fusion.to_width.maps, z, strict=True))
    keys = layer.norm(torch.cat([fusion.nothing[None], other]))
    key, value = layer.key_value(keys).chunk(2, dim=-1)
    weight = torch.softmax(layer.query(layer.norm(own)) @ key.T / 2**0.5, dim=1)
    read = own + layer.out(weight @ value)
    expected = read + layer.think(read)
    out = made(given, torch.ones(1, 2, dtype=torch.bool))
    torch.testing.assert_close(out[:, :2], expected)


def test_bottleneck_inputs_hear_of_each_other_only_from_the_second_layer_on() -> None:
    """After the first layer the latents of an input know that input alone, and their mean is
    linear: a change of one input moves the result the same whatever the other says."""
    made = Made("bottleneck", {"layers": 2}, [2, 2])
    present = torch.ones(1, 2, dtype=torch.bool)

    def out(a: float, b: float, layers: int) -> Tensor:
        z = [torch.full((1, 2), float(a)), torch.full((1, 2), float(b))]
        given = Said(z, [Tokens(x[:, None], torch.ones(1, 1, dtype=torch.bool)) for x in z])
        kept, made.fusion.layers = made.fusion.layers, made.fusion.layers[:layers]
        try:
            return made(given, present)
        finally:
            made.fusion.layers = kept

    for layers, interacts in ((1, False), (2, True)):
        both = out(1, 1, layers) - out(0, 1, layers) - (out(1, 0, layers) - out(0, 0, layers))
        assert bool((both.abs() > 1e-4).any()) is interacts
